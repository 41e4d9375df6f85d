"""Which of two energy detectors reads more: the exact probability.

A detector with noise of variance σ² that holds the energy E reads 2|r|²/σ², a noncentral
chi-square with two degrees of freedom and noncentrality 2E/σ². For two of them with independent
noise, with a² and b² half their noncentralities, the one of a beats the one of b > a with

    P = Q_1(a, b) - ½ e^{-(a² + b²)/2} I_0(ab) = ½ e^{-(b - a)²/2} · mean over t of F(t) K(t),
    F = e^{-ab (1 - cos t)},  K = (b² - a²) / (a² + b² - 2ab cos t),

t running over the circle. The mean over N midpoints is exact up to the poles of K, which stand at
±j ln(b/a) and whose share is known, (a/b)^N / (1 + (a/b)^N), and up to the growth of F away from
the real axis, which N keeps below 1e-15 of the result. So the tails keep their relative accuracy,
equal detectors give ½ to the bit, and nothing overflows; the only limit is the smallest double.

Source: M. K. Simon and M.-S. Alouini, Digital Communication over Fading Channels, chapter 4, for
the integral; K is the Poisson kernel, whose mean over the N roots of -1 gives the poles' share.
"""

import numpy as np
from jaxtyping import Float

from .._types import Number
from ..errors import require

# F is a bell of width 1/√(ab): nine times √(ab) midpoints on the circle leave an error of
# e^{-9²/2}, and the first 24 of each side reach to where the bell is below e^{-130}. Where ab is
# below (48/9)² the 48 midpoints are the whole circle.
_NODES = 24
_NODES_PER_INVERSE_WIDTH = 9

# e^{-745} is the smallest double: beyond, the probability is 0 and needs no sum.
_SMALLEST_EXPONENT = 745.0


def probability_to_beat(
    candidate: Float[Number, "*#shape"], rival: Float[Number, "*#shape"]
) -> Float[np.ndarray, "*shape"]:
    """Probability that the detector of noncentrality `candidate` reads more than the `rival`'s.

    Noncentralities are 2E/σ², in no unit; their noises are independent.

    Raises:
        InputError: a noncentrality that is negative, NaN or infinite.
    """
    a, b = np.broadcast_arrays(_amplitude(candidate, "candidate"), _amplitude(rival, "rival"))
    weaker_wins = np.zeros(a.shape)
    close = (b - a) ** 2 / 2 < _SMALLEST_EXPONENT
    weaker_wins[close] = _weaker_wins(np.minimum(a, b)[close], np.maximum(a, b)[close])
    return np.where(a <= b, weaker_wins, 1 - weaker_wins)


def _amplitude(noncentrality: Float[Number, "*shape"], name: str) -> Float[np.ndarray, "*shape"]:
    value = np.asarray(noncentrality, float)
    bad = ~(np.isfinite(value) & (value >= 0))
    require(
        not bad.any(),
        f"`{name}` must be finite and not negative, but {np.count_nonzero(bad)} of {value.size} "
        "are not.",
    )
    return np.asarray(np.sqrt(value / 2))


def _weaker_wins(
    a: Float[np.ndarray, " pairs"], b: Float[np.ndarray, " pairs"]
) -> Float[np.ndarray, " pairs"]:
    nodes = np.maximum(2 * _NODES, _NODES_PER_INVERSE_WIDTH * np.sqrt(a * b))
    # 1 - a/b, without the difference that would cancel where a is near b; two zeros are equal.
    gap = np.divide(b - a, b, out=np.zeros_like(a), where=b > 0)
    # Both sides of the circle alike: twice one side, which the leading ½ takes back.
    side = sum(_integrand(a * b, gap, (j + 0.5) * np.pi / nodes) for j in range(_NODES)) / nodes
    return np.exp(-((b - a) ** 2) / 2) * side + _share_of_poles(a * b, gap, nodes)


def _integrand(
    product: Float[np.ndarray, " pairs"],
    gap: Float[np.ndarray, " pairs"],
    half_angle_rad: Float[np.ndarray, " pairs"],
) -> Float[np.ndarray, " pairs"]:
    """F K at t, from ab, 1 - a/b and t/2; 1 - cos t is 2 sin²(t/2)."""
    away = 2 * np.sin(half_angle_rad) ** 2
    return np.exp(-product * away) * gap * (2 - gap) / (gap**2 + 2 * (1 - gap) * away)


def _share_of_poles(
    product: Float[np.ndarray, " pairs"],
    gap: Float[np.ndarray, " pairs"],
    nodes: Float[np.ndarray, " pairs"],
) -> Float[np.ndarray, " pairs"]:
    """What the midpoint mean misses, where the poles are nearer than F's saddle at that N."""
    with np.errstate(divide="ignore", over="ignore"):
        distance = -np.log1p(-gap)
        saddle = np.arcsinh(nodes / product)
    power = np.exp(-nodes * distance)
    return np.where(distance < saddle, power / (1 + power), 0)
