"""Means of a Monte Carlo in decibels, with intervals that hold for skewed numbers too.

Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
"""

import numpy as np
from jaxtyping import Float

INTERVALS = "bars: 95 % intervals of the mean"
_RESAMPLES, _PERCENTILES = 2000, (2.5, 97.5)


def interval_db(
    values: Float[np.ndarray, "runs points"],
) -> tuple[
    Float[np.ndarray, " points"], Float[np.ndarray, " points"], Float[np.ndarray, " points"]
]:
    """Mean over runs, and how far the 95 % interval reaches below and above it; all in dB."""
    runs = len(values)
    picked = np.random.default_rng(0).integers(0, runs, (_RESAMPLES, runs))
    means = values[picked].mean(axis=1)
    low, high = (10 * np.log10(each) for each in np.percentile(means, _PERCENTILES, axis=0))
    mean_db = 10 * np.log10(values.mean(axis=0))
    return mean_db, np.maximum(mean_db - low, 0), np.maximum(high - mean_db, 0)
