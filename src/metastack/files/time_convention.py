"""Whose time convention measured numbers are in, and what the data tell of it.

Analysers, Touchstone and receivers count time as e^{+jωt}: the phase of whatever arrives later
falls with frequency. Here time goes as e^{-jωt}, and it rises. The sign tells a file that somebody
has conjugated already, where delays turn the phase by less than half a turn from one frequency to
the next; neither passivity nor reciprocity could tell.

Source: F. Smith, Lifetime matrix in collision theory, 1960: tr(-j Sᴴ dS/dω) is the sum of all
delays, which without losses cannot be negative. That the sum over transmissions alone does for
devices with losses is ours.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Complex, Float

from ..errors import InputError
from ..multiport.network import in_our_time

# Of other steps nobody knows which way round they went, or they may be noise.
_LEAST_TURN_RAD, MOST_TURN_RAD = np.radians(1.0), np.radians(120.0)
_LEAST_COHERENCE = 0.5


class TimeConvention(Enum):
    """How time goes in a file: the sign in e^{±jωt}."""

    ENGINEERS = 1
    OURS = -1

    def to_ours(self, values: Complex[np.ndarray, "*shape"]) -> Complex[np.ndarray, "*shape"]:
        """Numbers of this convention in ours."""
        return in_our_time(values) if self is TimeConvention.ENGINEERS else values


@dataclass(frozen=True)
class Turning:
    """How phases turn from one frequency to the next, over all entries, weighted by their energy.

    `delay_s` is the mean delay if time goes as e^{+jωt}; `coherence` is 1 where all phases turn
    alike and near 0 where they turn at random.
    """

    delay_s: float
    step_rad: float
    coherence: float

    @property
    def convention(self) -> TimeConvention | None:
        """In whose convention the delay is not negative; none where that cannot be told."""
        clear = _LEAST_TURN_RAD <= abs(self.step_rad) <= MOST_TURN_RAD
        if not clear or self.coherence < _LEAST_COHERENCE:
            return None
        return TimeConvention.ENGINEERS if self.step_rad < 0 else TimeConvention.OURS


def turning(
    frequencies_hz: Float[np.ndarray, " frequencies"],
    transmissions: Complex[np.ndarray, "frequencies entries"],
) -> Turning | None:
    """How transmissions turn over rising frequencies; nothing where there is nothing to compare."""
    later, earlier = transmissions[1:], transmissions[:-1]
    steps = np.sum(later * np.conj(earlier), axis=1)
    size = float(np.sum(np.abs(later) * np.abs(earlier)))
    weights = np.abs(steps)
    if not size or not weights.any():
        return None
    slopes = np.angle(steps) / (2 * np.pi * np.diff(frequencies_hz))
    delay_s = -float(np.sum(weights * slopes) / np.sum(weights))
    return Turning(delay_s, float(np.angle(steps.sum())), float(abs(steps.sum()) / size))


def settled_convention(
    seen: TimeConvention | None, stated: TimeConvention | None, turns: Turning | None
) -> TimeConvention:
    """The convention to read by: what was stated, or e^{+jωt} unless phases contradict it.

    Raises:
        InputError: nothing was stated and phases rise with frequency.
    """
    if stated is not None:
        return stated
    if seen is TimeConvention.OURS and turns is not None:
        raise InputError(
            "The phase of transmissions must fall with frequency, in time e^{+jwt} as analysers "
            f"write it, but rises by {np.degrees(turns.step_rad):.3g}° from one frequency to the "
            f"next, a delay of {1e9 * turns.delay_s:.3g} ns: give `--conjugated` "
            "(`TimeConvention.OURS`) if the file was conjugated already, or `--not-conjugated` if "
            "it was not and its steps are too coarse for its delay."
        )
    return TimeConvention.ENGINEERS
