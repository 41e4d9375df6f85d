"""Pilots in the engineers' convention, time as e^{+jωt}, and how to tell.

Network analysers and Touchstone count waves as e^{-jkr}; here they go as e^{+jkr}. Pilots in the
other convention are complex conjugates, and so are phases that were measured with the same device:
a fit to them finds a stack that does not exist, or none.

Source: DESIGN.md, Conventions; the test is ours.
"""

from dataclasses import dataclass
from typing import TypeVar

import equinox as eqx
import numpy as np

from ..precision import in_float64
from ..stack import Stack
from .pilots import Pilots, noiseless
from .wideband_pilots import WidebandPilots

_Pilots = TypeVar("_Pilots", Pilots, WidebandPilots)

# Another convention is believed if it explains so much more of the energy, and if what it leaves is
# smaller by more than noise of so many numbers would make it.
_CLEAR_SHARE, _DEVIATIONS = 0.1, 6.0


@dataclass(frozen=True)
class Convention:
    """A way in which pilots may have been written down; `option` says how to read it."""

    conjugated: bool
    phases_negated: bool

    @property
    def option(self) -> str:
        """The options of `metastack calibrate` that read such pilots."""
        options = {"--conjugate": self.conjugated, "--negate-phases": self.phases_negated}
        return " ".join(option for option, given in options.items() if given) or "no option"

    @property
    def words(self) -> str:
        """What is done to pilots to read them."""
        steps = {"responses are conjugated": self.conjugated, "phases negated": self.phases_negated}
        return " and ".join(step for step, made in steps.items() if made) or "left as they are"

    def read(self, pilots: _Pilots) -> _Pilots:
        """The pilots in our convention."""
        read = in_our_convention(pilots) if self.conjugated else pilots
        return with_negated_phases(read) if self.phases_negated else read


OURS = Convention(conjugated=False, phases_negated=False)
_ALL = tuple(Convention(c, n) for c in (False, True) for n in (False, True))


def in_our_convention(pilots: _Pilots) -> _Pilots:
    """Responses of time e^{+jωt}, as network analysers give them, in ours: conjugated."""
    return eqx.tree_at(lambda each: each.received, pilots, np.conj(pilots.received))


def with_negated_phases(pilots: _Pilots) -> _Pilots:
    """Phases that were counted the other way, as delays or in time e^{+jωt}."""
    negated = -pilots.plan.phases_rad
    return eqx.tree_at(lambda each: each.plan.phases_rad, pilots, negated)


@in_float64
def likelier_convention(stack: Stack, pilots: Pilots) -> Convention:
    """The convention in which the nominal stack explains pilots best; ours where none stands out.

    Raises:
        InputError: pilots of another stack.
    """
    explained = {each: _explained(stack, each.read(pilots)) for each in _ALL}
    best = max(explained, key=lambda each: explained[each])
    left, less = 1 - explained[OURS], 1 - explained[best]
    by_chance = less * (1 + _DEVIATIONS / np.sqrt(pilots.received.size))
    return best if left - less > _CLEAR_SHARE and left > by_chance else OURS


def _explained(stack: Stack, pilots: Pilots) -> float:
    """Share of the pilots' energy that the nominal stack accounts for, ports scaled one by one."""
    f, y = noiseless(stack, pilots.plan), pilots.received
    overlap = np.abs(np.sum(np.conj(f) * y, axis=0)) ** 2
    return float(np.sum(overlap / np.sum(np.abs(f) ** 2, axis=0)) / np.sum(np.abs(y) ** 2))
