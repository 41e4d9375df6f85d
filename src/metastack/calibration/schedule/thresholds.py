"""Thresholds of monitors from a wanted rate of false alarms, and what they are worth.

A rate is alarms a block of a stack that does not move; an alarm restarts the monitor. It is
counted, never extrapolated from the shape of a tail: a history in which fewer than ten false alarms
are to be expected tells no threshold.

Source: ours; the interval of a count is F. Garwood's, Biometrika 28 (1936) 437.
"""

from dataclasses import dataclass
from itertools import islice

import numpy as np
import scipy.stats
from jaxtyping import Bool, Float

from ...errors import require
from .monitors import Monitor
from .service import Jump, Service

_LEAST_ALARMS = 10
_SIMULATED_ALARMS = 100
_STACKS = 400
_MOST_BLOCKS = 4_000_000


@dataclass(frozen=True)
class Rate:
    """Alarms that were counted in so many blocks."""

    alarms: int
    blocks: int

    @property
    def value(self) -> float:
        """Alarms a block."""
        return self.alarms / self.blocks

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the rate, alarms being independent."""
        least = float(scipy.stats.chi2.ppf(0.025, 2 * self.alarms)) if self.alarms else 0.0
        most = float(scipy.stats.chi2.ppf(0.975, 2 * self.alarms + 2))
        return least / 2 / self.blocks, most / 2 / self.blocks


@dataclass(frozen=True)
class Threshold:
    """A level of a monitor's statistic, and the false alarms by which it was set."""

    level: float
    counted: Rate


@dataclass(frozen=True, eq=False)
class Detection:
    """What a monitor does at a threshold: false alarms, and the delay of every stack's jump.

    A delay of 1 is an alarm in the block of the jump; infinite if none came.
    """

    false_alarms: Rate
    delays: Float[np.ndarray, " stacks"]

    @property
    def median_delay(self) -> float:
        """Blocks until half of the jumps have raised an alarm."""
        return float(np.median(self.delays))


def threshold_from_history(
    statistics: Float[np.ndarray, " blocks"], false_alarms: float
) -> Threshold:
    """The level down to which a history without change is passed upwards at no more than this rate.

    Raises:
        InputError: a rate that is none, or for which the history is too short.
    """
    _check_probability(false_alarms)
    blocks = len(statistics)
    require(
        blocks * false_alarms >= _LEAST_ALARMS,
        f"The history must have at least {int(np.ceil(_LEAST_ALARMS / false_alarms))} blocks for "
        f"{false_alarms:g} false alarms a block, but has {blocks}.",
    )
    before = np.concatenate([[-np.inf], statistics[:-1]])
    rising = statistics > before
    # Going down with the level, each rise begins to be an alarm at its top and ceases at its foot.
    levels = np.concatenate([statistics[rising], before[rising]])
    change = np.repeat([1, -1], int(rising.sum()))
    order = np.lexsort((change, -levels))
    count = np.cumsum(change[order])
    too_many = np.flatnonzero(count > false_alarms * blocks)
    require(
        len(too_many) > 0,
        f"The history must pass some level upwards more than {false_alarms:g} times a block to "
        "tell one for so many false alarms, but passes none: it is constant, or rises all the "
        "time, or the rate is too high.",
    )
    place = int(too_many[0])
    level = float(levels[order[place]])
    alarms = int(np.sum(rising & (statistics > level) & (before <= level)))
    return Threshold(level, Rate(alarms, blocks))


def simulated_threshold(
    monitor: Monitor, service: Service, false_alarms: float, *, seed: int = 0
) -> Threshold:
    """The level at which stacks in service that do not move raise false alarms at this rate.

    Raises:
        InputError: a rate that is none, or too small to be simulated.
    """
    check_rate(false_alarms)
    run = max(int(_SIMULATED_ALARMS / false_alarms / _STACKS), 50)
    statistics = simulated_statistics(monitor, service, _STACKS, run, seed=seed)
    highest = np.maximum.accumulate(statistics, axis=0)
    # A first alarm is as good as any other: after it the monitor starts anew.
    low, high = float(highest[0].min()) - 1, float(highest[-1].max())
    for _ in range(60):
        middle = (low + high) / 2
        is_low = _first_alarms(highest > middle).value > false_alarms
        low, high = (middle, high) if is_low else (low, middle)
    return Threshold(high, _first_alarms(highest > high))


def simulated_statistics(
    monitor: Monitor,
    service: Service,
    stacks: int,
    blocks: int,
    *,
    seed: int,
    jump: Jump | None = None,
) -> Float[np.ndarray, "blocks stacks"]:
    """The statistic of every block of many stacks in service."""
    generator = np.random.default_rng(seed)
    result = np.empty((blocks, stacks))
    for block, seen in enumerate(islice(service.innovations(stacks, generator, jump), blocks)):
        monitor, result[block] = monitor.after(seen)
    return result


def detection(
    monitor: Monitor,
    service: Service,
    level: float,
    jump: Jump,
    *,
    stacks: int = 400,
    longest_delay: int = 400,
    quiet_blocks: int = 100_000,
    seed: int = 1,
) -> Detection:
    """Simulate what a monitor does at a level: false alarms without a jump, delays after one.

    Raises:
        InputError: fewer than one stack.
    """
    require(stacks >= 1, f"`stacks` must be at least 1, but are {stacks}.")
    run = -(-quiet_blocks // stacks) * 2
    quiet = simulated_statistics(monitor, service, stacks, run, seed=seed)
    counted = _first_alarms(np.maximum.accumulate(quiet, axis=0) > level)
    long = jump.block + longest_delay
    moved = simulated_statistics(monitor, service, stacks, long, seed=seed + 1, jump=jump)
    above = moved[jump.block :] > level
    delays = np.where(above.any(axis=0), np.argmax(above, axis=0) + 1.0, np.inf)
    return Detection(counted, delays)


def _first_alarms(has_alarmed: Bool[np.ndarray, "blocks stacks"]) -> Rate:
    """First alarms over the blocks in which they could have been raised."""
    return Rate(int(has_alarmed[-1].sum()), int((~has_alarmed[:-1]).sum()) + has_alarmed.shape[1])


def check_rate(false_alarms: float) -> None:
    """Refuse a rate of false alarms for which no threshold can be simulated.

    Raises:
        InputError: a rate that is none, or too small to be simulated.
    """
    _check_probability(false_alarms)
    least = _SIMULATED_ALARMS / _MOST_BLOCKS
    require(
        false_alarms >= least,
        f"`false_alarms` must be at least {least:g} to be simulated, but is {false_alarms:g}; a "
        f"history of {int(np.ceil(_LEAST_ALARMS / false_alarms))} blocks would tell a threshold.",
    )


def _check_probability(false_alarms: float) -> None:
    require(
        0 < false_alarms < 1,
        f"`false_alarms` must be above 0 and below 1 a block, but is {false_alarms}.",
    )
