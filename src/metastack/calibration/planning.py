"""How many pilots a wanted accuracy takes, before any is sent: from the Bayesian bound.

Source: ours; the bound is that of `bounds`.
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .bounds import LARGEST_LINEAR_NMSE, bounds_from
from .illumination import Illumination
from .least_squares import Ending
from .pilot_design import design_plan
from .pilots import random_plan
from .receivers import FieldReceivers, Receivers
from .unknowns import Expected

_TYPICAL_SLOTS = 512
_MOST_RANDOM, _MOST_DESIGNED = 10_000_000, 256
_QUICK_STEPS = 60


@in_float64
def random_slots_needed(
    stack: Stack,
    illumination: Illumination,
    *,
    expected: Expected,
    noise_variance: float,
    improvement_db: float,
    receivers: Receivers | None = None,
    seed: int = 0,
) -> int | None:
    """Slots of random phases after which the matrices between layers are so much nearer.

    `improvement_db`: mean NMSE before over that after. `receivers`: what they tell of a response,
    the field if not told. None if ten million slots do not suffice.

    Raises:
        InputError: as `bayesian_cramer_rao`, or an unknown of which nothing is known beforehand.
    """
    plan = random_plan(stack, _TYPICAL_SLOTS, illumination, seed=seed)
    kind = receivers or FieldReceivers()
    bound = kind.bound(stack, plan, expected, noise_variance=noise_variance)
    _check(improvement_db, bound.prior_nmse)
    unknowns, of_a_slot = bound.unknowns, bound.information / _TYPICAL_SLOTS

    def reaches(slots: int) -> bool:
        bounds = bounds_from(unknowns, slots * of_a_slot, unknowns.precision)
        return bounds.improvement_db >= improvement_db

    return _least(reaches, _MOST_RANDOM)


@in_float64
def designed_slots_needed(
    stack: Stack,
    illumination: Illumination,
    *,
    expected: Expected,
    noise_variance: float,
    improvement_db: float,
    receivers: Receivers | None = None,
    seed: int = 0,
    on_plan: Callable[[int, float], None] | None = None,
) -> int | None:
    """Designed slots after which the matrices between layers are so much nearer.

    Every number of slots that is tried is designed anew, with fewer steps than `design_plan` takes:
    a little fewer slots may do. `on_plan` is told each number and the improvement that it gives.
    None if 256 do not suffice. Ctrl-C ends the search without an answer.

    Raises:
        InputError: as `random_slots_needed`.
    """
    kind = receivers or FieldReceivers()

    def reaches(slots: int) -> bool:
        designed = design_plan(
            stack,
            slots,
            illumination,
            expected=expected,
            noise_variance=noise_variance,
            receivers=kind,
            steps=_QUICK_STEPS,
            seed=seed,
        )
        if designed.ending is Ending.INTERRUPTED:
            raise KeyboardInterrupt
        bound = kind.bound(stack, designed.plan, expected, noise_variance=noise_variance)
        _check(improvement_db, bound.prior_nmse)
        if on_plan is not None:
            on_plan(slots, bound.improvement_db)
        return bound.improvement_db >= improvement_db

    return _least(reaches, _MOST_DESIGNED)


def _least(reaches: Callable[[int], bool], most: int) -> int | None:
    """The smallest number that reaches, found by doubling and halving; none up to `most`."""
    high = 1
    while not reaches(high):
        if high >= most:
            return None
        high = min(2 * high, most)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high


def _check(improvement_db: float, prior_nmse: Float[np.ndarray, " links"]) -> None:
    require(
        math.isfinite(improvement_db),
        f"`improvement_db` must be finite, but is {improvement_db}.",
    )
    require(
        bool((prior_nmse < LARGEST_LINEAR_NMSE).all()),
        "Every unknown must be expected within a tolerance that changes the matrices by less than "
        f"{10 * math.log10(LARGEST_LINEAR_NMSE):.0f} dB to predict an improvement, but is not.",
    )
