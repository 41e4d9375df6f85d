"""How near prepared estimators come over the signal-to-noise ratio, of stacks not learned from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Array, Complex, Float, Key

from ..calibration import PilotPlan
from ..calibration.strategies import LinearMap, UnrolledNetwork
from ..imperfections import ErrorLaw
from ..stack import Stack
from .fresh_stacks import FreshStacks

# From pilots of unit gain and the variance of their noise to the unknowns of every stack.
_Estimator: TypeAlias = Callable[
    [Complex[np.ndarray, "stacks slots antennas users"], float],
    Float[np.ndarray, "stacks unknowns"],
]
LINEAR, UNTRAINED, TRAINED = "linear map", "before training", "after training"


@dataclass(frozen=True, eq=False)
class Accuracy:
    """Mean NMSE of the matrices between layers, linear, over the signal-to-noise ratio.

    `measured`: of every stack, by name of the estimator; `stated`: what the estimator itself
    expects, if it does; `uncalibrated`: of the stack as designed; `bound`: of the best estimate.
    """

    snr_db: Float[np.ndarray, " snrs"]
    uncalibrated: float
    bound: Float[np.ndarray, " snrs"]
    stated: Float[np.ndarray, " snrs"] | None
    measured: Mapping[str, Float[np.ndarray, "stacks snrs"]]


def study_linear(
    learned: LinearMap,
    stack: Stack,
    plan: PilotPlan,
    law: ErrorLaw,
    *,
    snrs_db: Sequence[float],
    stacks: int,
    key: Key[Array, ""],
) -> Accuracy:
    """Of a linear map, beside what it states; `key` must not be the one that it learned with.

    Raises:
        InputError: another stack or plan than those learned for.
    """
    fresh = FreshStacks.drawn(learned.preparation, stack, plan, law, stacks=stacks, key=key)
    shares = [10 ** (-snr_db / 10) for snr_db in snrs_db]
    stated = np.array([fresh.expected(learned.matrix(share)[1]) for share in shares])
    return _accuracy(fresh, snrs_db, {LINEAR: _linear(learned)}, stated)


def study_network(
    network: UnrolledNetwork,
    stack: Stack,
    plan: PilotPlan,
    law: ErrorLaw,
    *,
    snrs_db: Sequence[float],
    stacks: int,
    key: Key[Array, ""],
) -> Accuracy:
    """Of a network, before it was trained and the linear map that it starts from beside it.

    Raises:
        InputError: another stack or plan than those trained for.
    """
    linear = network.linear
    before = UnrolledNetwork.untrained(
        linear, steps=len(network.log_curvature), reach=network.reach
    )
    fresh = FreshStacks.drawn(linear.preparation, stack, plan, law, stacks=stacks, key=key)
    estimators = {
        LINEAR: _linear(linear),
        UNTRAINED: _unrolled(before, stack, plan),
        TRAINED: _unrolled(network, stack, plan),
    }
    return _accuracy(fresh, snrs_db, estimators, None)


def _accuracy(
    fresh: FreshStacks,
    snrs_db: Sequence[float],
    estimators: Mapping[str, _Estimator],
    stated: Float[np.ndarray, " snrs"] | None,
) -> Accuracy:
    def missed(estimator: _Estimator) -> Float[np.ndarray, "stacks snrs"]:
        found = [estimator(fresh.received(each), fresh.variance(each)) for each in snrs_db]
        return np.stack([fresh.missed(values) for values in found], axis=1)

    return Accuracy(
        np.array(snrs_db, float),
        float(fresh.missed(np.zeros_like(fresh.truth)).mean()),
        np.array([fresh.bound(each) for each in snrs_db]),
        stated,
        {name: missed(estimator) for name, estimator in estimators.items()},
    )


def _linear(learned: LinearMap) -> _Estimator:
    power = learned.preparation.power
    return lambda received, variance: learned.estimated(received, variance / power)


def _unrolled(network: UnrolledNetwork, stack: Stack, plan: PilotPlan) -> _Estimator:
    return lambda received, variance: network.estimated(
        stack, plan, received, np.full(len(received), variance)
    )
