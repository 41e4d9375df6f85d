"""Two ways timed in turn, A B A B, so that whatever else the machine does hits both alike."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

Clocked = Callable[[int], float]
"""Run number in, seconds out."""


@dataclass(frozen=True)
class Comparison:
    """Seconds of the runs of both ways, pair by pair."""

    ours_s: np.ndarray
    baseline_s: np.ndarray

    @property
    def ratio(self) -> float:
        """Median of the baseline over our median."""
        return float(np.median(self.baseline_s) / np.median(self.ours_s))

    @property
    def quartiles(self) -> tuple[float, float]:
        """Quartiles of the ratios of the pairs."""
        low, high = np.quantile(self.baseline_s / self.ours_s, [0.25, 0.75])
        return float(low), float(high)


def clocked(function: Callable[[int], Any]) -> Clocked:
    """Measure a function of the run number until its result is really there."""

    def clock(run: int) -> float:
        began = time.perf_counter()
        jax.block_until_ready(function(run))
        return time.perf_counter() - began

    return clock


def alternate(ours: Clocked, baseline: Clocked, *, rounds: int, warm_up: int = 1) -> Comparison:
    """Both ways in turn; the warm-up runs (compilation, caches) are not counted."""
    for _ in range(warm_up):
        ours(0), baseline(0)
    pairs = np.array([(ours(run), baseline(run)) for run in range(rounds)])
    return Comparison(*pairs.T)


def median_s(function: Callable[[int], Any], *, rounds: int) -> float:
    """Median seconds of one way alone, after a warm-up."""
    clock = clocked(function)
    clock(0)
    return float(np.median([clock(run) for run in range(rounds)]))
