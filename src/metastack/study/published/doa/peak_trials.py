"""Trials of the strongest bin, and the bounds on its error, as Fig. 8 of the DOA paper has them.

The paper measures ψ̂ - ψ without wrapping it: an estimate just across ±π counts as off by almost
2π. Its simulation and its theory draw ψ_x and ψ_y uniformly in ±.7π.

Source: DOA paper, section VI-D, and the published results, which these reproduce.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from ...._types import AnyArray
from ....doa import (
    AngleMse,
    EffectiveSnr,
    Protocol,
    energies,
    peak_bound,
    peak_estimate,
    plain_difference,
    published_bound,
    simulate_snapshots,
    wrapped_difference,
)
from ....targets import dft_2d
from ..published_data import published_array

HALF_WIDTH_RAD = 0.7 * np.pi
PUBLISHED_TRIALS = 1000
# Measurements at once: some ten arrays of 32 MiB.
_MEASUREMENTS_AT_ONCE = 2**21
# Means of so many trials, drawn so often, for the interval that a published mean is held against.
_RESAMPLED = 2000


def published_directions(count: int = PUBLISHED_TRIALS) -> Float[np.ndarray, "2 count"]:
    """ψ_x and ψ_y as the authors drew them: MATLAB's rand after rng(1), NumPy's legacy generator.

    Found from the published curves, which these directions reproduce to rounding.
    """
    uniform = np.random.RandomState(1).random_sample((count, 2))
    return (HALF_WIDTH_RAD * (2 * uniform - 1)).T


def peak_squared_errors(
    response: Complex[AnyArray, "probes elements"],
    protocol: Protocol,
    *,
    snr_db: float,
    trials: int,
    seed: int,
) -> tuple[Float[np.ndarray, "2 trials"], Float[np.ndarray, "2 trials"]]:
    """Of ψ_x and ψ_y in (ψ/π)², at an effective SNR: as the paper measures, then wrapped."""
    generator = np.random.default_rng(seed)
    plain, wrapped = list[np.ndarray](), list[np.ndarray]()
    for number, count in enumerate(_batches(trials, protocol)):
        psi = generator.uniform(-HALF_WIDTH_RAD, HALF_WIDTH_RAD, (2, count))
        received = simulate_snapshots(
            response,
            protocol,
            psi_x_rad=psi[0],
            psi_y_rad=psi[1],
            noise=EffectiveSnr(snr_db),
            seed=1000 * seed + number,
        )
        estimate = peak_estimate(energies(received), protocol)
        found = np.stack([estimate.psi_x_rad, estimate.psi_y_rad])
        plain.append((plain_difference(found, psi) / np.pi) ** 2)
        wrapped.append((wrapped_difference(found, psi) / np.pi) ** 2)
    return np.concatenate(plain, axis=1), np.concatenate(wrapped, axis=1)


def _batches(trials: int, protocol: Protocol) -> Iterator[int]:
    most = max(1, _MEASUREMENTS_AT_ONCE // (protocol.snapshots * protocol.elements))
    for start in range(0, trials, most):
        yield min(most, trials - start)


def interval_of_means(
    values: Float[np.ndarray, "*axes trials"], count: int, *, confidence: float = 0.99, seed: int
) -> tuple[Float[np.ndarray, "*axes"], Float[np.ndarray, "*axes"]]:
    """Where the mean of `count` trials falls, by drawing as many from these again and again.

    No normal interval: a handful of trials across ±π, at a hundred times the usual error, decide
    the mean of a thousand.
    """
    pick = np.random.default_rng(seed).integers(values.shape[-1], size=(_RESAMPLED, count))
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    flat = values.reshape(-1, values.shape[-1])
    ends = np.array([np.quantile(row[pick].mean(axis=-1), tails) for row in flat])
    low, high = ends.T.reshape(2, *values.shape[:-1])
    return low, high


def peak_trials(
    *, response: str, side: int, steps: int, snr_db: float, trials: int, seed: int
) -> dict[str, np.ndarray]:
    """One point of the simulated curves, for ψ_x and ψ_y, of a published response.

    `mse`, `standard_error`: in (ψ/π)², as the paper measures; `low`, `high`: where 99 % of runs of
    as many trials as the paper has are; `wrapped_mse`: on the circle.
    """
    protocol = Protocol(side, side, steps, steps)
    plain, wrapped = peak_squared_errors(
        published_array(response), protocol, snr_db=snr_db, trials=trials, seed=seed
    )
    low, high = interval_of_means(plain, PUBLISHED_TRIALS, seed=seed)
    return {
        "mse": plain.mean(axis=1),
        "standard_error": plain.std(axis=1, ddof=1) / np.sqrt(trials),
        "low": low,
        "high": high,
        "wrapped_mse": wrapped.mean(axis=1),
    }


def theory(
    *, side: int, steps: int, snrs_db: Sequence[float], directions: int
) -> dict[str, np.ndarray]:
    """Bounds of an ideal DFT, averaged over the authors' directions, in (ψ/π)²: (SNR, axis).

    `theorem_mse`: Theorem 2; `exact_mse`: with exact pairwise probabilities instead.
    """
    protocol, device = Protocol(side, side, steps, steps), dft_2d(side, side)
    psi_x, psi_y = published_directions(directions)
    found: dict[str, np.ndarray] = {}
    for name, bound in (("theorem_mse", published_bound), ("exact_mse", _exact_bound)):
        each = [
            bound(device, protocol, psi_x_rad=psi_x, psi_y_rad=psi_y, noise_variance=variance)
            for variance in (10 ** (-snr_db / 10) for snr_db in snrs_db)
        ]
        found[name] = np.array([(b.psi_x_rad2.mean(), b.psi_y_rad2.mean()) for b in each])
    return {name: values / np.pi**2 for name, values in found.items()}


def _exact_bound(*args: Any, **how: Any) -> AngleMse:
    return peak_bound(*args, **how, difference=plain_difference)
