"""The 'upper bound' on the peak estimator's mean squared error as the DOA paper publishes it.

Its Theorem 2 is the sum of `peak_bound` with an approximate probability that a candidate beats the
peak: the difference of their energies, a quadratic form in Gaussians, is given the first three
cumulants of a chi-square (Lemma 1), and that chi-square is made normal (Wilson-Hilferty, Lemma 2).

What is wrong with it. Lemma 1 needs a positive third cumulant; μ3 = 3(c - p) is negative for every
candidate of noncentrality c below the peak's p. The result is no upper bound: for weak
signals and near ties it is up to 10 % below the exact probability, and the sum falls below the
mean squared error of some devices. (For weak candidates it is many orders of magnitude too
large, and Theorem 2 then is the looser bound.) At a tie it is 1 by decree, next to it ½.

For an exact DFT no direction was found where it fails: several candidates beat the peak at once,
and the sum counts them all. The published simulation of 2x2 elements and T_x = T_y = 2 stands
above its published bound at 10, 11, 12 and 14 dB (.0523 against .0481 at 10 dB), but by chance: a
few more of its 1000 trials than expected crossed ±π, which the plain difference counts as almost
2π. The true value is about .038.
`peak_bound` is the bound to use; this is kept to be compared with.

Source: DOA paper, Theorem 2, eq. (36)-(41), whose formula its text lost; found from the published
curves, which it reproduces to rounding.
"""

import numpy as np
from jaxtyping import Complex, Float
from scipy.special import ndtr

from .._types import AnyArray, Number
from .peak_bound import AngleMse, plain_difference, union_bound
from .protocol import Protocol


def published_bound(
    response: Complex[AnyArray, "probes elements"],
    protocol: Protocol,
    *,
    psi_x_rad: Float[Number, "*#batch"],
    psi_y_rad: Float[Number, "*#batch"],
    noise_variance: float,
) -> AngleMse:
    """Theorem 2 for sources in these directions, errors not wrapped: not an upper bound.

    Arguments as for `peak_bound`.

    Raises:
        InputError: `response` does not fit the protocol, or is not finite; a noise variance that
            is not positive and finite.
    """
    return union_bound(
        response,
        protocol,
        psi_x_rad=psi_x_rad,
        psi_y_rad=psi_y_rad,
        noise_variance=noise_variance,
        difference=plain_difference,
        probability=published_probability,
    )


def published_probability(
    candidate: Float[Number, "*#shape"], peak: Float[Number, "*#shape"]
) -> Float[np.ndarray, "*shape"]:
    """Approximate probability that a candidate beats the peak, from their noncentralities.

    Q((9h∛(b/h) - 9h + 2) / (3√(2h))), and 1 where μ3 = 0; `candidate` must not exceed `peak`.
    """
    c, p = np.asarray(candidate, float), np.asarray(peak, float)
    mu_1, mu_2, mu_3 = c - p, 4 + 2 * c + 2 * p, 3 * (c - p)
    with np.errstate(divide="ignore", invalid="ignore"):
        root_h = mu_2**1.5 / np.abs(mu_3)
        # ∛(b/h) - 1 from b/h - 1 = -μ1 / √(h μ2): written out, it would cancel near a tie.
        excess = np.expm1(np.log1p(-mu_1 / (root_h * np.sqrt(mu_2))) / 3)
        argument = (3 * root_h * excess + 2 / (3 * root_h)) / np.sqrt(2)
    return np.where(mu_3 == 0, 1.0, ndtr(-argument))
