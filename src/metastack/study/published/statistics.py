"""What chance allows: how a published number is compared with draws of ours."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import binomtest, spearmanr, t


def prediction_interval(
    draws: Float[np.ndarray, " draws"], confidence: float = 0.99
) -> tuple[float, float]:
    """Where one more draw of a normal distribution falls, given these; at least two."""
    count = len(draws)
    half = t.ppf((1 + confidence) / 2, count - 1) * draws.std(ddof=1) * np.sqrt(1 + 1 / count)
    return float(draws.mean() - half), float(draws.mean() + half)


def share_interval(hits: int, draws: int, confidence: float = 0.95) -> tuple[float, float]:
    """Where a share is of which this many hits in so many draws were seen (Clopper-Pearson)."""
    interval = binomtest(hits, draws).proportion_ci(confidence)
    return float(interval.low), float(interval.high)


def rank_correlation(
    a: Float[np.ndarray, " pairs"], b: Float[np.ndarray, " pairs"]
) -> tuple[float, float]:
    """Spearman's, and how often chance gives one as far from zero."""
    found: Any = spearmanr(a, b)
    return float(found.statistic), float(found.pvalue)


def bootstrap_interval(
    statistic: Callable[[Float[np.ndarray, "*cells draws"]], float],
    draws: Float[np.ndarray, "*cells draws"],
    *,
    confidence: float = 0.95,
    repeats: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Where a statistic of independent draws is, the draws of every cell drawn again."""
    generator = np.random.default_rng(seed)
    picks = (generator.integers(draws.shape[-1], size=draws.shape) for _ in range(repeats))
    values = [statistic(np.take_along_axis(draws, pick, axis=-1)) for pick in picks]
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
