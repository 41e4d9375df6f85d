"""What errors cost and how much of it is won back, with what chance allows.

Stacks are drawn again by bootstrap, each with all of its values: what is compared is paired.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..published.statistics import bootstrap_interval


@dataclass(frozen=True)
class Interval:
    """A value, and where it is at 95 % confidence."""

    value: float
    low: float
    high: float


def mean_interval(values: Float[np.ndarray, " stacks"]) -> Interval:
    """The mean over stacks."""
    return _interval(lambda chosen: float(values[chosen].mean()), len(values))


def won_back(
    perfect: Float[np.ndarray, " stacks"],
    built: Float[np.ndarray, " stacks"],
    again: Float[np.ndarray, " stacks"],
) -> Interval | None:
    """The share of the mean loss that a redesign wins back; 1 is all.

    Nothing, where the loss itself cannot be told from none. Larger is better.
    """
    loss, gain = perfect - built, again - built
    if mean_interval(loss).low <= 0:
        return None
    return _interval(lambda chosen: float(gain[chosen].mean() / loss[chosen].mean()), len(loss))


def _interval(statistic: Callable[[np.ndarray], float], stacks: int) -> Interval:
    everyone = np.arange(stacks)

    def of_drawn(drawn: Float[np.ndarray, "1 stacks"]) -> float:
        return statistic(drawn[0].astype(int))

    low, high = bootstrap_interval(of_drawn, everyone[None].astype(float))
    return Interval(statistic(everyone), low, high)
