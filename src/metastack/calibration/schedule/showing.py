"""What a tracked block shows: any pilots, or those that tell most of what is uncertain by then.

Source: ours.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float

from ..pilot_design import wanted_by_default
from ..pilots import PilotPlan
from .belief import Belief
from .monitors import OF_GAIN
from .patterns import Patterns, Shown, TellingPatterns
from .site import Site

# How far an unknown may have moved, in its deviations, before all patterns are linearised anew.
_FAR = 0.5


class Showing(Protocol):
    """What the blocks of one stack show."""

    @property
    def patterns(self) -> Shown:
        """The like, linearised, for what is simulated beforehand."""
        ...

    def plan(self, slots: int, belief: Belief) -> PilotPlan:
        """Phases for so many slots, when this is believed."""
        ...


class PilotChoice(Protocol):
    """How the pilots of a block are chosen."""

    def begun(self, site: Site, belief: Belief) -> Showing:
        """The choice at work on a stack that was calibrated just now."""
        ...


@dataclass(frozen=True)
class RandomPilots:
    """As they come: random phases, or the site's own patterns in turn."""

    def begun(self, site: Site, belief: Belief) -> Showing:
        """The choice at work on a stack that was calibrated just now."""
        return _Passing(site, site.pool(belief.gain))


@dataclass(frozen=True)
class TellingPilots:
    """Those of a pool that lower the expected NMSE of the matrices between layers most.

    The pool is the site's own patterns, or random and focused ones. Focused ones receive more than
    random phases do, up to tens of decibels on large stacks: mind the receiver's range.
    """

    def begun(self, site: Site, belief: Belief) -> Showing:
        """The choice at work on a stack that was calibrated just now."""
        return _Choosing(site, belief)


@dataclass(frozen=True, eq=False)
class _Passing:
    site: Site
    patterns: Patterns

    def plan(self, slots: int, belief: Belief) -> PilotPlan:
        """Phases for so many slots, whatever is believed."""
        return self.site.plan(slots)


class _Choosing:
    """Patterns are linearised about what was believed when they last were."""

    patterns: TellingPatterns
    _about: Float[np.ndarray, " unknowns"]

    def __init__(self, site: Site, belief: Belief) -> None:
        self._menu, self._noise_variance = site.menu(), site.noise_variance
        self._wanted = np.pad(wanted_by_default(site.unknowns), (0, OF_GAIN))
        self._linearise(belief)

    def plan(self, slots: int, belief: Belief) -> PilotPlan:
        """Phases for so many slots that tell most of what is uncertain."""
        if np.abs(belief.values - self._about).max() > _FAR:
            self._linearise(belief)
        chosen = self.patterns.chosen(slots, belief.covariance)
        return PilotPlan(self._menu.phases_rad[chosen], self._menu.illumination)

    def _linearise(self, belief: Belief) -> None:
        variance = self._noise_variance / abs(belief.gain) ** 2
        pool = Patterns.of(belief.unknowns, self._menu, variance, belief.values)
        self.patterns, self._about = TellingPatterns(pool, self._wanted), belief.values
