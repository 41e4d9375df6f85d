"""Decisions: when an alarm begins, when it is over, and a log of all of them.

Source: calibration paper, section III-B, state-driven calibration.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Self

import numpy as np

from ...errors import require
from .monitors import Innovation, Monitor


class Action(Enum):
    """What is done in a block; the value is the word for it."""

    NONE = "none"
    CALIBRATION = "calibration"
    ALARM = "alarm"
    STILL_ALARMED = "still alarmed"
    OVER = "over"


@dataclass(frozen=True)
class Decision:
    """One line of the log. `statistic` and `threshold` are NaN where nothing was monitored.

    `pilots`: slots of this block that were spent on them.
    """

    block: int
    statistic: float
    threshold: float
    action: Action
    pilots: int


@dataclass(frozen=True)
class Hysteresis:
    """An alarm begins above `level`, and is over after `blocks` in a row below `lower`.

    During an alarm a statistic above `level` is an alarm again: what was done did not help.
    """

    level: float
    lower: float
    blocks: int = 3
    is_alarmed: bool = False
    quiet: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        require(
            self.lower <= self.level,
            f"`lower` must be at most the threshold, {self.level:g}, but is {self.lower:g}.",
        )
        require(self.blocks >= 1, f"`blocks` must be at least 1, but is {self.blocks}.")

    def after(self, statistic: float) -> tuple["Hysteresis", Action]:
        """What follows from a block's statistic."""
        if statistic > self.level:
            return replace(self, is_alarmed=True, quiet=0), Action.ALARM
        if not self.is_alarmed:
            return self, Action.NONE
        quiet = self.quiet + 1 if statistic < self.lower else 0
        if quiet >= self.blocks:
            return replace(self, is_alarmed=False, quiet=0), Action.OVER
        return replace(self, quiet=quiet), Action.STILL_ALARMED


@dataclass(frozen=True, eq=False)
class Watch:
    """A monitor with its hysteresis: innovations in, decisions out.

    `fresh`: the monitor without memory, with which it starts anew after an alarm.
    """

    fresh: Monitor
    monitor: Monitor
    hysteresis: Hysteresis

    @classmethod
    def begun(cls, monitor: Monitor, hysteresis: Hysteresis) -> Self:
        """A watch that has seen nothing yet."""
        return cls(monitor, monitor, hysteresis)

    def after(self, seen: Innovation, *, block: int, pilots: int) -> tuple["Watch", Decision]:
        """The watch after a block, and what it decided; an alarm clears the monitor's memory."""
        monitor, statistic = self.monitor.after(seen)
        value = float(np.asarray(statistic))
        hysteresis, action = self.hysteresis.after(value)
        kept = self.fresh if action is Action.ALARM else monitor
        decision = Decision(block, value, self.hysteresis.level, action, pilots)
        return replace(self, monitor=kept, hysteresis=hysteresis), decision

    def idle(self, blocks: int) -> "Watch":
        """The watch after blocks that are missing: memory ages, an alarm stays as it is."""
        return replace(self, monitor=self.monitor.idle(blocks))
