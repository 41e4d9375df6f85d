"""Schedules at work: taken from block to block, each with what it believes of the stack.

Whenever one starts anew it expects no more than the tolerances said, so that nothing wrong lasts.

Source: calibration paper, section III-B, for periodic and state-driven calibration; tracking is
ours.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from ..pilots import Pilots
from .belief import Belief, calibrated_belief
from .decisions import Action, Decision, Watch
from .showing import PilotChoice, Showing
from .site import Send, Site

_UNKNOWN = float("nan")


class Operation(Protocol):
    """A schedule at work on one stack."""

    belief: Belief

    def step(self, block: int, send: Send) -> Decision:
        """Do what is to be done in a block; `send` shows a plan and returns the pilots."""
        ...


@dataclass(frozen=True)
class Stage:
    """One of several calibrations that build upon each other; phases of `bits`, or any."""

    slots: int
    bits: int | None = None


class PeriodicOperation:
    """Stages at fixed blocks of a period; the one at block 0 begins with the tolerances."""

    def __init__(self, site: Site, period: int, due: dict[int, Stage]) -> None:
        self.belief = Belief.before_pilots(site.unknowns)
        self._site, self._period, self._due = site, period, due

    def step(self, block: int, send: Send) -> Decision:
        """Do what is to be done in a block; `send` shows a plan and returns the pilots."""
        site, place = self._site, block % self._period
        self.belief = self.belief.older(site.walk)
        stage = self._due.get(place)
        if stage is None:
            return Decision(block, _UNKNOWN, _UNKNOWN, Action.NONE, 0)
        pilots = send(site.plan(stage.slots, stage.bits))
        if place == 0:
            self.belief = calibrated_belief(site.unknowns, pilots, site.noise_variance)
        else:
            self.belief = self.belief.updated(pilots, site.noise_variance)
        return Decision(block, _UNKNOWN, _UNKNOWN, Action.CALIBRATION, stage.slots)


class StateDrivenOperation:
    """Calibrate when a monitor raises an alarm."""

    _watch: Watch

    def __init__(
        self, site: Site, slots: int, watched_slots: int, watch_over: Callable[[Belief], Watch]
    ) -> None:
        self.belief = Belief.before_pilots(site.unknowns)
        self._site, self._watch_over = site, watch_over
        self._slots, self._watched_slots = slots, watched_slots

    def step(self, block: int, send: Send) -> Decision:
        """Do what is to be done in a block; `send` shows a plan and returns the pilots."""
        site = self._site
        if block == 0:
            self.belief = self._calibrated(send)
            self._watch = self._watch_over(self.belief)
            return Decision(block, _UNKNOWN, _UNKNOWN, Action.CALIBRATION, self._slots)
        pilots = send(site.plan(self._watched_slots))
        # Poses are held as they were calibrated; of a gain that walks ever less is known.
        self.belief = self.belief.older(replace(site.walk, pose_step=0.0)).facing(pilots)
        seen = site.walk.held(self.belief.innovation(pilots, site.noise_variance))
        self._watch, decision = self._watch.after(seen, block=block, pilots=self._watched_slots)
        if decision.action is not Action.ALARM:
            return decision
        self.belief = self._calibrated(send)
        return replace(decision, pilots=decision.pilots + self._slots)

    def _calibrated(self, send: Send) -> Belief:
        pilots = send(self._site.plan(self._slots))
        return calibrated_belief(self._site.unknowns, pilots, self._site.noise_variance)


class TrackingOperation:
    """Take in a few pilots of every block; start anew when a monitor raises an alarm.

    `slots`: of the first calibration, of every other block, and further ones of a new start. What
    blocks show, and how they are watched, is settled once that calibration is done.
    """

    _showing: Showing
    _watch: Watch

    def __init__(
        self,
        site: Site,
        slots: tuple[int, int, int],
        choice: PilotChoice,
        watch_over: Callable[[Belief, Showing], Watch],
    ) -> None:
        self.belief = Belief.before_pilots(site.unknowns)
        self._site, self._choice, self._watch_over = site, choice, watch_over
        self._first, self._tracked, self._restart = slots

    def step(self, block: int, send: Send) -> Decision:
        """Do what is to be done in a block; `send` shows a plan and returns the pilots."""
        if block == 0:
            return self._begun(send)
        site = self._site
        aged = self.belief.older(site.walk)
        pilots = send(self._showing.plan(self._tracked, aged))
        tracked = follow(aged, self._watch, pilots, site.noise_variance, block=block)
        self.belief, self._watch, decision = tracked
        if decision.action is not Action.ALARM or not self._restart:
            return decision
        more = send(self._showing.plan(self._restart, self.belief))
        self.belief = self.belief.updated(more, site.noise_variance)
        return replace(decision, pilots=decision.pilots + self._restart)

    def _begun(self, send: Send) -> Decision:
        site = self._site
        pilots = send(site.plan(self._first))
        self.belief = calibrated_belief(site.unknowns, pilots, site.noise_variance)
        self._showing = self._choice.begun(site, self.belief)
        self._watch = self._watch_over(self.belief, self._showing)
        return Decision(0, _UNKNOWN, _UNKNOWN, Action.CALIBRATION, self._first)


def follow(
    aged: Belief, watch: Watch, pilots: Pilots, noise_variance: float, *, block: int
) -> tuple[Belief, Watch, Decision]:
    """One block of tracking: belief and watch after its pilots, and the decision.

    `aged`: the belief before them, older by the blocks since the last ones. At an alarm the belief
    is what these pilots alone tell.
    """
    aged = aged.facing(pilots)
    seen = aged.innovation(pilots, noise_variance)
    watch, decision = watch.after(seen.whitened(), block=block, pilots=pilots.plan.slots)
    if decision.action is not Action.ALARM:
        return aged.taught(seen, pilots, noise_variance), watch, decision
    anew = Belief.before_pilots(aged.unknowns, aged.gain).facing(pilots)
    return anew.updated(pilots, noise_variance), watch, decision
