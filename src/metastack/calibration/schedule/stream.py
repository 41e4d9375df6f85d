"""Blocks of pilots as they come from a device: a calibration, and then a watchful filter.

The first block calibrates; every other one is taken in by the filter, and its innovation is what a
monitor sees. Where blocks are missing, unknowns walked in each of them, and the monitor forgets as
in any other.

Source: ours.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ...errors import require
from ...precision import in_float64
from ...stack import Stack
from ..geometric import calibrate
from ..pilot_design import wanted_by_default
from ..pilots import Pilots, check_pilots
from ..unknowns import Expected, Unknowns
from .belief import Belief, calibrated_belief
from .decisions import Action, Decision, Hysteresis, Watch
from .operations import follow
from .schedules import Alarms
from .service import TrackedState
from .site import Site
from .thresholds import check_rate, simulated_threshold
from .walk import Walk

_UNKNOWN = float("nan")
# A first block of unknown noise that keeps more of its energy is not one of this stack.
_MOST_NOISE = 0.5
# Noise below this share of the power cannot be told from rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class StreamReport:
    """What a block led to.

    `missed`: blocks that are missing before it. `expected_nmse`: of the matrices between layers,
    as the belief has it.
    """

    decision: Decision
    missed: int
    expected_nmse: float


class StreamMonitor:
    """Follows a stack through blocks of pilots, in the order of their numbers.

    `walk`: what the state is taken to do in a block, poses in units of their expected deviations.
    `level`: threshold of the monitor, as from a history; simulated for the wanted false alarms if
    not told. Without `noise_variance` the first block tells the noise.
    """

    belief: Belief
    _site: Site
    _watch: Watch
    _first_slots: int
    _wanted: Float[np.ndarray, "unknowns unknowns"]

    def __init__(
        self,
        nominal: Stack,
        expected: Expected,
        *,
        walk: Walk,
        alarms: Alarms,
        level: float | None = None,
        noise_variance: float | None = None,
        seed: int = 0,
    ) -> None:
        if level is None:
            check_rate(alarms.false_alarms)
        self._nominal, self._expected, self._walk = nominal, expected, walk
        self._alarms, self._noise_variance, self._seed = alarms, noise_variance, seed
        self._last: int | None = None
        self._level, self._simulated = level, dict[int, float]()

    @in_float64
    def take(self, block: int, pilots: Pilots) -> StreamReport:
        """Take in the pilots of a block.

        Raises:
            InputError: a block that is not after the last one, or pilots of another stack.
        """
        check_pilots(pilots, self._nominal)
        if self._last is None:
            return self._began(block, pilots)
        _check_order(block, self._last)
        since, self._last = block - self._last, block
        self._watch = self._with_level_of(pilots.plan.slots).idle(since - 1)
        aged = self.belief.older(self._walk, since)
        self.belief, self._watch, decision = follow(
            aged, self._watch, pilots, self._site.noise_variance, block=block
        )
        return StreamReport(decision, since - 1, self._expected_nmse())

    def _began(self, block: int, pilots: Pilots) -> StreamReport:
        variance = self._noise_variance
        if variance is None:
            variance = self._noise_of(pilots)
        floor = _ROUNDING * float(np.mean(np.abs(pilots.received) ** 2))
        require(
            bool(np.isfinite(variance) and variance > floor),
            f"`noise_variance` must be above {floor:.3g}, {_ROUNDING:g} of the first block's "
            f"power, but is {variance}.",
        )
        unknowns = Unknowns.of(self._nominal, pilots.plan.illumination, self._expected)
        self._site = Site(unknowns, variance, self._walk, self._seed)
        self.belief = calibrated_belief(unknowns, pilots, variance)
        self._first_slots, self._last = pilots.plan.slots, block
        self._wanted = wanted_by_default(unknowns)
        monitor = self._alarms.monitor
        self._watch = Watch.begun(monitor, Hysteresis(np.inf, np.inf, self._alarms.quiet_blocks))
        decision = Decision(block, _UNKNOWN, _UNKNOWN, Action.CALIBRATION, pilots.plan.slots)
        return StreamReport(decision, 0, self._expected_nmse())

    def _noise_of(self, pilots: Pilots) -> float:
        """What calibration leaves of the first block, if that is the lesser part of it."""
        fit = calibrate(self._nominal, pilots, expected=self._expected).fit
        left = float(fit.history[-1])
        require(
            left < _MOST_NOISE,
            f"The first block must be explained by the stack, but {100 * left:.0f} % of its energy "
            "is left: pilots of another stack or in another time convention, or noise that must be "
            "told (`noise_variance`).",
        )
        # What is left of pilots without noise is rounding.
        return max(fit.noise_variance, 2 * _ROUNDING * float(np.mean(np.abs(pilots.received) ** 2)))

    def _with_level_of(self, slots: int) -> Watch:
        """The watch with the threshold of blocks of so many slots."""
        level = self._level_of(slots)
        lower = min(self._alarms.lower_share * level, level)
        hysteresis = replace(self._watch.hysteresis, level=level, lower=lower)
        return replace(self._watch, hysteresis=hysteresis)

    def _level_of(self, slots: int) -> float:
        if self._level is not None:
            return self._level
        if slots not in self._simulated:
            pool = self._site.pool(self.belief.gain)
            start = pool.calibrated(self._first_slots)
            service = TrackedState(pool, slots, start, self._walk)
            self._simulated[slots] = simulated_threshold(
                self._alarms.monitor, service, self._alarms.false_alarms, seed=self._seed
            ).level
        return self._simulated[slots]

    def _expected_nmse(self) -> float:
        size = self.belief.unknowns.size
        return float(np.sum(self._wanted * self.belief.covariance[:size, :size]))


def _check_order(block: int, last: int) -> None:
    require(block != last, f"Every block must come once, but block {block} is repeated.")
    require(
        block > last,
        f"Blocks must come in order, but block {block} comes after block {last}.",
    )
