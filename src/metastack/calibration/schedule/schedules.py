"""Schedules: in which blocks pilots are sent, how many, and what is made of them.

A coherence block is divided into slots for calibration and slots for data. A schedule says what it
does with them, and begins an `Operation`, which is taken from block to block.

Source: calibration paper, section III-B, for periodic and state-driven calibration; tracking is
ours.
"""

from dataclasses import dataclass, field
from typing import Protocol

from ...errors import require
from .belief import Belief
from .decisions import Hysteresis, Watch
from .monitors import Monitor, SubspaceDetector
from .operations import (
    Operation,
    PeriodicOperation,
    Stage,
    StateDrivenOperation,
    TrackingOperation,
)
from .service import HeldState, Service, TrackedState
from .showing import PilotChoice, Showing, TellingPilots
from .site import Site
from .thresholds import simulated_threshold


@dataclass(frozen=True)
class CoherenceBlock:
    """A block within which nothing moves: so many slots, for calibration and for data."""

    slots: int = 200

    def check(self, schedule: "Schedule") -> None:
        """Refuse a schedule whose pilots do not fit.

        Raises:
            InputError: it sends more pilots in a block than there are slots.
        """
        require(
            schedule.most_pilots <= self.slots,
            f"A schedule must fit a coherence block of {self.slots} slots, but sends "
            f"{schedule.most_pilots} pilots in one.",
        )


class Schedule(Protocol):
    """When pilots are sent, and how many."""

    @property
    def most_pilots(self) -> int:
        """Most slots of one block that are spent on pilots."""
        ...

    def begun(self, site: Site) -> Operation:
        """The schedule at work."""
        ...


@dataclass(frozen=True)
class PeriodicMultiStage:
    """A calibration every `period` blocks in stages that are spread over the period.

    The first stage begins with the tolerances, each other one where the last ended, its belief
    aged by what may have moved since. Coarse first: the first stage has the most slots and the
    simplest patterns.
    """

    period: int = 10
    stages: tuple[Stage, ...] = (Stage(60, 1), Stage(20, 2), Stage(20))

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        require(
            1 <= len(self.stages) <= self.period,
            f"`stages` must be from 1 to the blocks of a period, {self.period}, but are "
            f"{len(self.stages)}.",
        )
        least = min(stage.slots for stage in self.stages)
        require(least >= 1, f"Every stage must have at least 1 slot, but one has {least}.")

    @property
    def most_pilots(self) -> int:
        """Most slots of one block that are spent on pilots."""
        return max(stage.slots for stage in self.stages)

    def begun(self, site: Site) -> Operation:
        """The schedule at work."""
        due = {self.period * n // len(self.stages): stage for n, stage in enumerate(self.stages)}
        return PeriodicOperation(site, self.period, due)


@dataclass(frozen=True)
class PeriodicSingleStage:
    """A calibration from `slots` pilots at the beginning of every period of blocks."""

    slots: int = 100
    period: int = 10

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _check_slots("slots", self.slots, 1)
        require(self.period >= 1, f"`period` must be at least 1, but is {self.period}.")

    @property
    def most_pilots(self) -> int:
        """Most slots of one block that are spent on pilots."""
        return self.slots

    def begun(self, site: Site) -> Operation:
        """The schedule at work."""
        return PeriodicOperation(site, self.period, {0: Stage(self.slots)})


@dataclass(frozen=True)
class Alarms:
    """How a schedule watches: its monitor, false alarms a block, and when an alarm is over.

    An alarm is over after `quiet_blocks` in a row below `lower_share` of the threshold.
    """

    monitor: Monitor = field(default_factory=SubspaceDetector)
    false_alarms: float = 1e-3
    lower_share: float = 0.5
    quiet_blocks: int = 3

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        require(
            0 < self.false_alarms < 1,
            f"`false_alarms` must be above 0 and below 1 a block, but is {self.false_alarms}.",
        )
        require(
            0 <= self.lower_share <= 1,
            f"`lower_share` must be from 0 to 1, but is {self.lower_share}.",
        )
        require(
            self.quiet_blocks >= 1,
            f"`quiet_blocks` must be at least 1, but is {self.quiet_blocks}.",
        )

    def watch(self, service: Service, seed: int) -> Watch:
        """A watch with the threshold that these false alarms ask for."""
        level = simulated_threshold(self.monitor, service, self.false_alarms, seed=seed).level
        lower = min(self.lower_share * level, level)
        return Watch.begun(self.monitor, Hysteresis(level, lower, self.quiet_blocks))


@dataclass(frozen=True)
class StateDriven:
    """A calibration from `slots` pilots at the start and at every alarm, none in between.

    The monitor sees `watched_slots` known symbols of every block: pilots, or data once decided.
    """

    slots: int = 100
    watched_slots: int = 4
    alarms: Alarms = field(default_factory=Alarms)

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _check_slots("slots", self.slots, 1)
        _check_slots("watched_slots", self.watched_slots, 1)

    @property
    def most_pilots(self) -> int:
        """Most slots of one block that are spent on pilots."""
        return self.slots + self.watched_slots

    def begun(self, site: Site) -> Operation:
        """The schedule at work."""

        def watch_over(belief: Belief) -> Watch:
            pool = site.pool(belief.gain)
            service = HeldState(pool, self.watched_slots, pool.calibrated(self.slots), site.walk)
            return self.alarms.watch(service, site.seed)

        return StateDrivenOperation(site, self.slots, self.watched_slots, watch_over)


@dataclass(frozen=True)
class Tracking:
    """A calibration at the start; then a Kalman filter takes in `tracked_slots` every block.

    At an alarm the filter starts anew from the tolerances, with `restart_slots` further pilots.
    `choice`: of pilots after the start, whose own are random or the site's.
    """

    slots: int = 100
    tracked_slots: int = 2
    restart_slots: int = 20
    alarms: Alarms = field(default_factory=Alarms)
    choice: PilotChoice = field(default_factory=TellingPilots)

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _check_slots("slots", self.slots, 1)
        _check_slots("tracked_slots", self.tracked_slots, 1)
        _check_slots("restart_slots", self.restart_slots, 0)

    @property
    def most_pilots(self) -> int:
        """Most slots of one block that are spent on pilots."""
        return max(self.slots, self.tracked_slots + self.restart_slots)

    def begun(self, site: Site) -> Operation:
        """The schedule at work."""
        many = self.slots, self.tracked_slots, self.restart_slots

        def watch_over(belief: Belief, showing: Showing) -> Watch:
            start = site.pool(belief.gain).calibrated(self.slots)
            service = TrackedState(showing.patterns, self.tracked_slots, start, site.walk)
            return self.alarms.watch(service, site.seed)

        return TrackingOperation(site, many, self.choice, watch_over)


def _check_slots(name: str, many: int, least: int) -> None:
    require(many >= least, f"`{name}` must be at least {least}, but are {many}.")
