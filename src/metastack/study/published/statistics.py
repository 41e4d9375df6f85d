"""What chance allows: how a published number is compared with draws of ours."""

import numpy as np
from jaxtyping import Float
from scipy.stats import t


def prediction_interval(
    draws: Float[np.ndarray, " draws"], confidence: float = 0.99
) -> tuple[float, float]:
    """Where one more draw of a normal distribution falls, given these; at least two."""
    count = len(draws)
    half = t.ppf((1 + confidence) / 2, count - 1) * draws.std(ddof=1) * np.sqrt(1 + 1 / count)
    return float(draws.mean() - half), float(draws.mean() + half)
