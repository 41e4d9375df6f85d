"""Noise of pilots of which nobody told it.

Configurations that were shown again differ by noise alone. Without them, the noise is that with
which some of the pilots make the others most probable: with too little of it a calibration follows
the noise, with too much it stays away from the pilots, and either way predictions are not as sure
as they are said to be. Where several do as well, the largest counts.

Source: ours; for the choice by prediction T. Hastie, R. Tibshirani, J. Friedman, The Elements of
Statistical Learning, section 7.10.
"""

from collections.abc import Iterator

import numpy as np
import scipy.linalg
from jaxtyping import Bool, Complex, Float, Int

from ...multiport import Scatterers
from .fit import NetworkCalibration
from .linear import LinearPilots, gram

# Waves through atoms that differ by less are the same.
_SAME = 1e-9
# Shares of the pilots' power, from the largest on, as decimal logarithms.
_LOG_SHARES = -np.arange(1.0, 12.5, 0.5)
# So little more is none, in nats; after so many shares without any more, none is to come.
_NO_MORE, _PATIENCE = 2.0, 3
_PREDICTED_SHARE = 0.1


def same_configurations(
    phases_rad: Float[np.ndarray, "slots layers atoms"],
) -> Int[np.ndarray, " slots"]:
    """A number for each configuration, the same wherever it is shown again."""
    waves = np.exp(1j * phases_rad.reshape(len(phases_rad), -1))
    parts = np.concatenate([np.real(waves), np.imag(waves)], axis=1) / _SAME
    return np.unique(np.round(parts).astype(np.int64), axis=0, return_inverse=True)[1].ravel()


def noise_of_repeats(
    phases_rad: Float[np.ndarray, "slots layers atoms"],
    received: Complex[np.ndarray, "slots receivers feeds"],
) -> float | None:
    """Variance among responses to the same configuration; `None` where none was shown again."""
    which = same_configurations(phases_rad)
    groups = [received[which == each] for each in range(int(which.max()) + 1)]
    freedom = sum(len(group) - 1 for group in groups) * received[0].size
    if not freedom:
        return None
    return float(sum(np.sum(np.abs(group - group.mean(axis=0)) ** 2) for group in groups) / freedom)


def noise_that_predicts(
    found: NetworkCalibration,
    layers: Scatterers,
    received: Complex[np.ndarray, "slots receivers feeds"],
    *,
    seed: int,
) -> float:
    """The noise variance with which most of the pilots make the rest of them most probable.

    To first order about a calibration `found` by all of them, which is why the answer is worth a
    second calibration where it is far from the variance that `found` was given. Real values of what
    moves count as complex ones here.
    """
    linear, slopes = LinearPilots.of(found.device, layers), found.slopes
    K = gram(linear.slopes(found.deviation))
    away = np.asarray(found.remainder)
    for value, slope in zip(found.values, slopes, strict=True):
        along = linear.along(slope)
        K += np.outer(along, along.conj())
        away = away + value * slope
    K = np.tril(K) + np.tril(K, -1).conj().T
    beyond = (received - linear.response).ravel() + linear.along(away)
    left_out = np.repeat(_some_of(len(received), seed), received[0].size)
    power = float(np.mean(np.abs(received) ** 2))
    return power * _best_share(_log_densities(K / power, beyond / power**0.5, left_out))


def _log_densities(
    K: Complex[np.ndarray, "numbers numbers"],
    beyond: Complex[np.ndarray, " numbers"],
    left_out: Bool[np.ndarray, " numbers"],
) -> Iterator[float]:
    """Of what is left out given the rest, in nats, for one share of noise after the other."""
    told, across = K[np.ix_(~left_out, ~left_out)], K[np.ix_(~left_out, left_out)]
    asked = K[np.ix_(left_out, left_out)]
    for share in 10.0**_LOG_SHARES:
        root = scipy.linalg.cholesky(_noisy(told, share), lower=True, check_finite=False)
        right_sides = np.column_stack([across, beyond[~left_out]])
        white = scipy.linalg.solve_triangular(root, right_sides, lower=True, check_finite=False)
        error = beyond[left_out] - white[:, :-1].conj().T @ white[:, -1]
        covariance = _noisy(asked - white[:, :-1].conj().T @ white[:, :-1], share)
        root = scipy.linalg.cholesky(covariance, lower=True, check_finite=False)
        white = scipy.linalg.solve_triangular(root, error, lower=True, check_finite=False)
        logarithm = 2 * float(np.sum(np.log(np.real(np.diag(root)))))
        yield -float(np.sum(np.abs(white) ** 2)) - logarithm


def _noisy(K: Complex[np.ndarray, "n n"], share: float) -> Complex[np.ndarray, "n n"]:
    return K + share * np.eye(len(K))


def _best_share(log_densities: Iterator[float]) -> float:
    """The largest share that no smaller one beats, until that is clear, and the top between."""
    seen, best = list[float](), 0
    for at, density in enumerate(log_densities):
        seen.append(density)
        best = at if density > seen[best] + _NO_MORE else best
        if at - best >= _PATIENCE:
            break
    top = 0.0
    if 0 < best < len(seen) - 1:
        below, here, above = seen[best - 1 : best + 2]
        top = 0.5 * (below - above) / min(below - 2 * here + above, -_NO_MORE)
    step = _LOG_SHARES[1] - _LOG_SHARES[0]
    return float(10 ** (_LOG_SHARES[best] + step * float(np.clip(top, -0.5, 0.5))))


def _some_of(many: int, seed: int) -> Bool[np.ndarray, " slots"]:
    """A tenth of the configurations, at random, but one at least."""
    chosen = np.zeros(many, bool)
    some = max(1, round(_PREDICTED_SHARE * many))
    chosen[np.random.default_rng(seed).permutation(many)[:some]] = True
    return chosen
