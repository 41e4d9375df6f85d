"""Calibration by geometry: the poses that explain pilots, with what each is uncertain by.

The built stack differs from the nominal one by a few numbers, not by every coefficient of its
matrices; fitted to these there is no gauge, and a prior keeps what pilots do not tell at bay.

Source: ours; the paper's model of errors, calibration paper, section II-C.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .estimate import PoseEstimate, in_numpy
from .gains import Gains, LinearGains, OneGain
from .least_squares import Fit, fit
from .pilot_model import PilotModel, PoseModel
from .pilots import Pilots, check_pilots
from .starts import best_of_starts, is_wide as is_wide
from .unknowns import Expected, Unknowns

# A start whose residual exceeds the noise by less than so many deviations is the right one.
_EXPLAINED_DEVIATIONS = 5.0


@dataclass(frozen=True, eq=False)
class Calibration(PoseEstimate):
    """A stack as pilots of one frequency show it to be.

    `atom_deviation`: of the complex gains of the atoms, about 1; zero if they were taken to be
    equal.
    """

    pilots: Pilots
    atom_deviation: float = 0.0


@in_float64
def calibrate(
    stack: Stack,
    pilots: Pilots,
    *,
    expected: Expected,
    gains: Gains | None = None,
    starts: int | None = None,
    iterations: int = 50,
    seed: int = 0,
    on_start: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Find the poses (and users) of a built stack from pilots, atoms being as described.

    `expected`: what is unknown, and how much of it is expected. `gains`: which complex gains are
    unknown, one overall if not told. `starts`: so many compete, the nominal stack and draws from
    the prior; by default one where the prior is narrow, and up to 24 where it is wide. If the noise
    is known, the first that explains the pilots wins. `on_start` is told how many starts are done
    and how many there are at most.

    Raises:
        InputError: pilots of another stack; nothing unknown; fewer pilots than unknowns of which
            nothing is known.
    """
    check_pilots(pilots, stack)
    unknowns, allowed = Unknowns.of(stack, pilots.plan.illumination, expected), gains or OneGain()
    model = PoseModel.of(unknowns, pilots.plan)
    found = best_fit(
        model,
        unknowns,
        pilots.received,
        allowed,
        noise_variance=pilots.noise_variance,
        starts=starts,
        iterations=iterations,
        seed=seed,
        on_start=on_start,
    )
    return calibration_of(stack, pilots, unknowns, model, found, allowed)


def best_fit(
    model: PilotModel,
    unknowns: Unknowns,
    received: Complex[np.ndarray, "slots antennas users *frequencies"],
    gains: LinearGains,
    *,
    noise_variance: float | None,
    starts: int | None = None,
    iterations: int = 50,
    seed: int = 0,
    on_start: Callable[[int, int], None] | None = None,
) -> Fit:
    """The best of several starts of a model of poses; what is not told is as in `calibrate`.

    Raises:
        InputError: fewer pilots than unknowns of which nothing is known.
    """
    _check_enough(unknowns, received, gains)

    def fitted(start: Float[np.ndarray, " unknowns"]) -> Fit:
        return fit(
            model,
            received,
            gains,
            unknowns.precision,
            noise_variance=noise_variance,
            start=start,
            iterations=iterations,
        )

    def explains(found: Fit) -> bool:
        return noise_variance is not None and _explains(found, received, noise_variance)

    return best_of_starts(unknowns, fitted, explains, starts=starts, seed=seed, on_start=on_start)


def calibration_of(
    nominal: Stack,
    pilots: Pilots,
    unknowns: Unknowns,
    model: PilotModel,
    found: Fit,
    gains: Gains,
    atom_deviation: float = 0.0,
) -> Calibration:
    """What a fit of a model to pilots says of a stack."""
    stack, illumination = model.applied(jnp.asarray(found.values))
    stack, illumination = jax.tree.map(in_numpy, (stack, illumination))
    return Calibration(
        nominal, stack, illumination, unknowns, model, found, gains, pilots, atom_deviation
    )


def _explains(
    found: Fit,
    received: Complex[np.ndarray, "slots antennas users *frequencies"],
    noise_variance: float,
) -> bool:
    """Whether what is left is no more than the noise that is known."""
    mean = noise_variance * (1 + _EXPLAINED_DEVIATIONS / np.sqrt(received.size))
    rounding = 1e-24 * float(np.mean(np.abs(received) ** 2))
    return bool(np.mean(np.abs(found.residual) ** 2) <= mean + rounding)


def _check_enough(
    unknowns: Unknowns,
    received: Complex[np.ndarray, "slots antennas users *frequencies"],
    gains: LinearGains,
) -> None:
    free, numbers = int((~unknowns.has_prior).sum()), 2 * received.size
    taken = 2 * gains.count(received.shape)
    require(
        numbers > free + taken,
        f"There must be more pilots than unknowns of which nothing is known, {free} and {taken} of "
        f"{gains.sentence}, but there are {numbers} real numbers; measure more slots, give "
        "tolerances, or let fewer gains be unknown.",
    )
