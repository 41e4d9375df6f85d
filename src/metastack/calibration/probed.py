"""Calibration from end-to-end pilots and power probes between layers, and its bounds.

A reading is noncentral chi-square; it is taken to be Gaussian with its mean and variance, which
loses next to nothing where probes see more than their noise.

Source: calibration paper, section V-C (intermediate states are asked for); ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .bounds import Bounds, bounds_from, information_of
from .estimate import PoseEstimate, in_numpy
from .gains import Gains, OneGain
from .geometric import best_fit
from .least_squares import Fit
from .pilots import PilotPlan, Pilots, check_pilots, check_plan
from .probed_model import ProbedGains, ProbedModel
from .probes import PowerProbes, check_probes, noise_of
from .unknowns import Expected, Unknowns


@dataclass(frozen=True, eq=False)
class ProbedCalibration(PoseEstimate):
    """A stack as pilots and probes between its layers show it to be."""

    pilots: Pilots
    probes: tuple[PowerProbes, ...]
    readings: Float[np.ndarray, "slots probes users"]


@in_float64
def calibrate_with_probes(
    stack: Stack,
    pilots: Pilots,
    probes: Sequence[PowerProbes],
    readings: Float[AnyArray, "slots probes users"],
    *,
    expected: Expected,
    gains: Gains | None = None,
    starts: int | None = None,
    iterations: int = 50,
    seed: int = 0,
) -> ProbedCalibration:
    """Find the poses (and users) of a built stack from pilots and what probes read meanwhile.

    `readings`: the mean of the probes' own noise taken off; what a probe makes of power is an
    unknown of its own. The rest is as in `calibrate`.

    Raises:
        InputError: pilots of another stack, or whose noise is not known; probes that cannot be;
            readings of another shape, or not finite; nothing unknown.
    """
    check_pilots(pilots, stack)
    check_probes(probes, stack)
    read = np.asarray(readings, float)
    _check_readings(read, pilots, probes)
    variance = _known_noise(pilots)
    unknowns = Unknowns.of(stack, pilots.plan.illumination, expected)
    allowed = ProbedGains(gains or OneGain(), _shape(pilots.received), _shape(read))

    def fitted(
        values: Float[np.ndarray, " unknowns"], scale: Float[np.ndarray, " probes"]
    ) -> tuple[ProbedModel, Fit]:
        model = ProbedModel.of(
            unknowns, pilots.plan, probes, values=values, noise_variance=variance, scale=scale
        )
        column = model.column(jnp.asarray(pilots.received), jnp.asarray(read))
        found = best_fit(
            model,
            unknowns,
            np.asarray(column),
            allowed,
            noise_variance=variance,
            starts=starts,
            iterations=iterations,
            seed=seed,
        )
        return model, found

    # The noise of readings follows from the stack that is sought: nominal first, then as found.
    nominal = np.zeros(unknowns.size)
    _, first = fitted(nominal, _first_scale(unknowns, pilots, probes, read))
    _, of_probes = allowed.split(jnp.asarray(first.gain))
    model, found = fitted(first.values, np.abs(np.asarray(of_probes)[0, :, 0]))
    built, lit = jax.tree.map(in_numpy, model.applied(jnp.asarray(found.values)))
    return ProbedCalibration(
        stack, built, lit, unknowns, model, found, allowed.pilots, pilots, tuple(probes), read
    )


@in_float64
def probed_bayesian_cramer_rao(
    stack: Stack,
    plan: PilotPlan,
    probes: Sequence[PowerProbes],
    expected: Expected,
    *,
    noise_variance: float,
    gains: Gains | None = None,
) -> Bounds:
    """Bayesian Cramér-Rao bounds of pilots and probes, readings taken to be Gaussian.

    `noise_variance`: of one pilot; probes have their own. Information is that at the stack as it
    stands, of the readings' mean.

    Raises:
        InputError: a plan of another stack; probes that cannot be; nothing unknown; a noise
            variance that is not positive.
    """
    check_plan(plan, stack)
    check_probes(probes, stack)
    require(
        np.isfinite(noise_variance) and noise_variance > 0,
        f"`noise_variance` must be positive, but is {noise_variance}.",
    )
    unknowns = Unknowns.of(stack, plan.illumination, expected)
    many, users = len(noise_of(probes)), plan.illumination.users(stack)
    model = ProbedModel.of(
        unknowns,
        plan,
        probes,
        values=np.zeros(unknowns.size),
        noise_variance=noise_variance,
        scale=np.ones(many),
    )
    shapes = (plan.slots, stack.receiver_array.size, users), (plan.slots, many, users)
    allowed = ProbedGains(gains or OneGain(), *shapes)
    told = information_of(model, unknowns, noise_variance=noise_variance, gains=allowed)
    return bounds_from(unknowns, told, unknowns.precision)


def _first_scale(
    unknowns: Unknowns,
    pilots: Pilots,
    probes: Sequence[PowerProbes],
    readings: Float[np.ndarray, "slots probes users"],
) -> Float[np.ndarray, " probes"]:
    """What every probe makes of power if the stack is nominal, from mean powers."""
    one = np.ones(readings.shape[1])
    nominal = ProbedModel.of(
        unknowns,
        pilots.plan,
        probes,
        values=np.zeros(unknowns.size),
        noise_variance=1.0,
        scale=one,
    )
    powers = nominal.powers(jnp.zeros(unknowns.size))
    ratio = readings.sum(axis=(0, 2)) / np.asarray(powers).sum(axis=(0, 2))
    require(
        bool((ratio > 0).all()),
        f"Probes must read power, but the mean reading of probe {int(np.argmin(ratio))} is not "
        "positive once its noise is taken off.",
    )
    return ratio


def _known_noise(pilots: Pilots) -> float:
    variance = pilots.noise_variance
    require(
        variance is not None and variance > 0,
        "The noise variance of pilots must be known to weigh probes against them, but is "
        f"{variance}.",
    )
    assert variance is not None
    return variance


def _check_readings(
    readings: Float[np.ndarray, "..."], pilots: Pilots, probes: Sequence[PowerProbes]
) -> None:
    slots, _, users = pilots.received.shape
    expected = slots, len(noise_of(probes)), users
    require(
        readings.shape == expected,
        f"`readings` must be slots x probes x users, {expected}, but have shape {readings.shape}.",
    )
    require(bool(np.isfinite(readings).all()), "`readings` must be finite, but are not.")


def _shape(array: Float[np.ndarray, "a b c"] | np.ndarray) -> tuple[int, int, int]:
    slots, ports, users = array.shape
    return slots, ports, users
