"""Calibration by geometry: the poses that explain pilots, with what each is uncertain by.

The built stack differs from the nominal one by a few numbers, not by every coefficient of its
matrices; fitted to these there is no gauge, and a prior keeps what pilots do not tell at bay.

Source: ours; the paper's model of errors, calibration paper, section II-C.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .estimate import PoseEstimate, in_numpy
from .gains import Gains, OneGain
from .least_squares import Ending, Fit, fit
from .pilot_model import PilotModel, PoseModel
from .pilots import Pilots, check_pilots
from .unknowns import Expected, Unknowns

# Beyond this phase across a gap or an aperture, a prior holds more than one minimum.
_WIDE_RAD = 0.7
_STARTS_IF_WIDE = 24
_MOST_DRAWS = 1000
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
    gains: Gains,
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
    generator = np.random.default_rng(seed)
    most = starts or (_STARTS_IF_WIDE if is_wide(unknowns) else 1)
    best: Fit | None = None
    for done in range(most):
        found = fit(
            model,
            received,
            gains,
            unknowns.precision,
            noise_variance=noise_variance,
            start=_start(unknowns, generator) if done else np.zeros(unknowns.size),
            iterations=iterations,
        )
        best = found if best is None or _better(found, best) else best
        if on_start is not None:
            on_start(done + 1, most)
        if found.ending is Ending.INTERRUPTED:
            best = replace(best, ending=Ending.INTERRUPTED)
            break
        if noise_variance is not None and _explains(best, received, noise_variance):
            break
    assert best is not None
    return best


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


def is_wide(unknowns: Unknowns) -> bool:
    """Whether the prior reaches beyond the neighbourhood in which one start is enough."""
    turn = 2 * np.pi / float(unknowns.stack.wavelength_m)
    array = unknowns.stack.layer_array
    radius_m = np.hypot(array.columns * array.spacing_x_m, array.rows * array.spacing_y_m) / 2
    reach = np.where(np.array(unknowns.freedoms) < 3, turn, turn * float(radius_m))
    poses = len(unknowns.planes)
    spread = (reach * unknowns.unit[:poses])[unknowns.has_prior[:poses]]
    return bool((spread > _WIDE_RAD).any())


def _start(unknowns: Unknowns, generator: np.random.Generator) -> Float[np.ndarray, " unknowns"]:
    """A draw from the prior in which the planes keep their order."""
    for _ in range(_MOST_DRAWS):
        drawn = generator.standard_normal(unknowns.size) * unknowns.has_prior
        if unknowns.in_order(jnp.asarray(drawn)):
            return drawn
    return np.zeros(unknowns.size)


def _better(one: Fit, other: Fit) -> bool:
    """Less is left, by the noise that is known or else by what each takes for noise."""
    return one.objective < other.objective


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
    gains: Gains,
) -> None:
    free, numbers = int((~unknowns.has_prior).sum()), 2 * received.size
    taken = 2 * gains.count(received.shape)
    require(
        numbers > free + taken,
        f"There must be more pilots than unknowns of which nothing is known, {free} and {taken} of "
        f"{gains.sentence}, but there are {numbers} real numbers; measure more slots, give "
        "tolerances, or let fewer gains be unknown.",
    )
