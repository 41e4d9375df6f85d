"""How far off the peak estimator can be on average: an upper bound on its mean squared error.

The estimator answers with the bin of the strongest of all probes and snapshots. Call the one that
is strongest without noise the peak. A candidate can only be the maximum if it beats the peak:

    MSE = Σ (ψ̂_k - ψ)² P(k is the maximum) ≤ (ψ̂_peak - ψ)² + Σ (ψ̂_k - ψ)² P(k beats the peak),

the last sum over all but the peak. For a steady source whose noises are independent, P(k beats the
peak) is `probability_to_beat`. As noise vanishes, the bound and the mean squared error fall to the
peak's own squared error, the estimator's floor. With much noise the bound is far too large,
because many candidates then beat the peak at once. Where two bins are equally strong, the bound
counts the peak's error in full and the other's by half.

Source: DOA paper, eq. (36)-(38), with exact probabilities in place of its approximation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Complex, Float

from .._types import AnyArray, Number
from ..errors import require
from .angles import wrapped_rad
from .pairwise import probability_to_beat
from .protocol import Protocol
from .snapshots import energies, received_field

Difference: TypeAlias = Callable[
    [Float[np.ndarray, "*#shape"], Float[np.ndarray, "*#shape"]], Float[np.ndarray, "*shape"]
]
"""How far an estimated angle is from the true one, radians: `plain_difference` for one."""

Probability: TypeAlias = Callable[
    [Float[np.ndarray, "*#shape"], Float[np.ndarray, "*#shape"]], Float[np.ndarray, "*shape"]
]
"""That a candidate beats the peak, from their noncentralities, the candidate's first."""

# Pairs of direction and candidate at once: some ten arrays of 8 MiB each.
_PAIRS_AT_ONCE = 2**20


@dataclass(frozen=True)
class AngleMse:
    """Mean squared error of the electrical angles ψ_x and ψ_y, or a bound on it, rad²."""

    psi_x_rad2: Float[np.ndarray, "*batch"]
    psi_y_rad2: Float[np.ndarray, "*batch"]


def plain_difference(
    estimate_rad: Float[np.ndarray, "*#shape"], true_rad: Float[np.ndarray, "*#shape"]
) -> Float[np.ndarray, "*shape"]:
    """ψ̂ - ψ, as the paper measures: an estimate just across ±π counts as off by almost 2π."""
    return estimate_rad - true_rad


def wrapped_difference(
    estimate_rad: Float[np.ndarray, "*#shape"], true_rad: Float[np.ndarray, "*#shape"]
) -> Float[np.ndarray, "*shape"]:
    """ψ̂ - ψ in [-π, π): electrical angles live on a circle, and -π and π are one."""
    return wrapped_rad(estimate_rad - true_rad)


def peak_bound(
    response: Complex[AnyArray, "probes elements"],
    protocol: Protocol,
    *,
    psi_x_rad: Float[Number, "*#batch"],
    psi_y_rad: Float[Number, "*#batch"],
    noise_variance: float,
    difference: Difference = wrapped_difference,
) -> AngleMse:
    """Upper bound on the mean squared error of `peak_estimate` for sources in these directions.

    `response`: as the noise sees it; for `EffectiveSnr` that is its `scale` times the device's
    response. `noise_variance`: noise power of one probe in one snapshot, for a steady source of
    unit power. `difference`: how an error is measured; the bound holds for any measure.

    Raises:
        InputError: `response` does not fit the protocol, or is not finite; a noise variance that
            is not positive and finite (without noise: `peak_floor`).
    """
    return union_bound(
        response,
        protocol,
        psi_x_rad=psi_x_rad,
        psi_y_rad=psi_y_rad,
        noise_variance=noise_variance,
        difference=difference,
        probability=probability_to_beat,
    )


def peak_floor(
    response: Complex[AnyArray, "probes elements"],
    protocol: Protocol,
    *,
    psi_x_rad: Float[Number, "*#batch"],
    psi_y_rad: Float[Number, "*#batch"],
    difference: Difference = wrapped_difference,
) -> AngleMse:
    """The peak's own squared error, which no SNR lowers: what the bound falls to without noise.

    Raises:
        InputError: `response` does not fit the protocol, or is not finite.
    """
    return union_bound(
        response,
        protocol,
        psi_x_rad=psi_x_rad,
        psi_y_rad=psi_y_rad,
        noise_variance=1.0,
        difference=difference,
        probability=lambda candidate, peak: np.zeros(candidate.shape),
    )


def union_bound(
    response: Complex[AnyArray, "probes elements"],
    protocol: Protocol,
    *,
    psi_x_rad: Float[Number, "*#batch"],
    psi_y_rad: Float[Number, "*#batch"],
    noise_variance: float,
    difference: Difference,
    probability: Probability,
) -> AngleMse:
    """Σ (error)² × probability of beating the peak, with 1 for the peak itself.

    A bound if `probability` is nowhere below the true one.

    Raises:
        InputError: as `peak_bound`.
    """
    require(
        bool(np.isfinite(noise_variance)) and noise_variance > 0,
        f"`noise_variance` must be positive and finite, but is {noise_variance}.",
    )
    psi = np.broadcast_arrays(np.asarray(psi_x_rad, float), np.asarray(psi_y_rad, float))
    x, y = (angle.ravel() for angle in psi)
    bound = np.empty((2, x.size))
    step = max(1, _PAIRS_AT_ONCE // (protocol.snapshots * protocol.elements))
    for start in range(0, x.size, step):
        part = slice(start, start + step)
        field = received_field(response, protocol, psi_x_rad=x[part], psi_y_rad=y[part])
        weights = _weights(2 * energies(field) / noise_variance, probability)
        for row, true_rad, bins_rad in zip(bound, (x, y), protocol.bins_rad, strict=True):
            error = difference(bins_rad.ravel(), true_rad[part, None])
            row[part] = np.sum(error**2 * weights, axis=-1)
    x_bound, y_bound = (np.asarray(row).reshape(psi[0].shape) for row in bound)
    return AngleMse(x_bound, y_bound)


def _weights(
    noncentralities: Float[np.ndarray, "directions snapshots probes"], probability: Probability
) -> Float[np.ndarray, "directions candidates"]:
    flat = noncentralities.reshape(len(noncentralities), -1)
    peak = flat.argmax(axis=-1)[:, None]
    weights = probability(flat, np.take_along_axis(flat, peak, axis=-1))
    np.put_along_axis(weights, peak, 1.0, axis=-1)
    return weights
