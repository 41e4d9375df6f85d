"""Noise of pilots of which nobody told it.

Configurations that were shown again differ by noise alone. Without them, the noise is that with
which some of the pilots predict the others best: too little of it lets a calibration follow the
noise, too much keeps it from the pilots. Where several do as well, the largest counts: predictions
are then not said to be surer than they are.

Source: ours; for the choice by prediction T. Hastie, R. Tibshirani, J. Friedman, The Elements of
Statistical Learning, section 7.10.
"""

from collections.abc import Iterator

import numpy as np
import scipy.linalg
from jaxtyping import Bool, Complex, Float, Int

from ...multiport import Device, Scatterers
from .fit import NetworkCalibration
from .linear import LinearPilots, gram
from .prior import MovingNetwork, StillNetwork

# Waves through atoms that differ by less are the same.
_SAME = 1e-9
# Shares of the pilots' power, from the largest on.
_SHARES = 10.0 ** -np.arange(1.0, 12.5, 0.5)
# So much less error is none; after so many shares without any less, none is to come.
_NO_LESS, _PATIENCE = 0.01, 3
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
    designed: Device,
    layers: Scatterers,
    received: Complex[np.ndarray, "slots receivers feeds"],
    *,
    seed: int,
    moving: MovingNetwork | None = None,
) -> float:
    """The noise variance with which most of the pilots predict the rest of them best.

    To first order about a calibration `found` by all of them, which is why the answer is worth a
    second calibration where it is far from the variance that `found` was given. Real values of what
    moves count as complex ones here.
    """
    moving = moving or StillNetwork(np.asarray(designed.scattering))
    linear, slopes = LinearPilots.of(found.device, layers), moving.slopes(found.values)
    deviation = found.strengths.deviation(moving.at(np.zeros(moving.size)), slopes)
    K = gram(linear.slopes(deviation))
    away = np.asarray(found.remainder)
    for value, slope in zip(found.values, slopes, strict=True):
        along = linear.along(slope)
        K += np.outer(along, along.conj())
        away = away + value * slope
    K = np.tril(K) + np.tril(K, -1).conj().T
    beyond = (received - linear.response).ravel() + linear.along(away)
    left_out = np.repeat(_some_of(len(received), seed), received[0].size)
    power = float(np.mean(np.abs(received) ** 2))
    return power * _best_share(_errors(K / power, beyond, left_out))


def _errors(
    K: Complex[np.ndarray, "numbers numbers"],
    beyond: Complex[np.ndarray, " numbers"],
    left_out: Bool[np.ndarray, " numbers"],
) -> Iterator[float]:
    """Energy of the error in what is left out, for one share of noise after the other."""
    told, across = K[np.ix_(~left_out, ~left_out)], K[np.ix_(left_out, ~left_out)]
    for share in _SHARES:
        noisy = told.copy()
        noisy[np.diag_indices(len(noisy))] += share
        root = scipy.linalg.cho_factor(noisy, lower=True, overwrite_a=True, check_finite=False)
        predicted = across @ scipy.linalg.cho_solve(root, beyond[~left_out])
        yield float(np.sum(np.abs(beyond[left_out] - predicted) ** 2))


def _best_share(errors: Iterator[float]) -> float:
    """The largest share that no smaller one predicts better than, until that is clear."""
    best, least, since = _SHARES[0], np.inf, 0
    for share, error in zip(_SHARES, errors, strict=False):
        since += 1
        if error < (1 - _NO_LESS) * least:
            best, least, since = share, error, 0
        if since >= _PATIENCE:
            break
    return float(best)


def _some_of(many: int, seed: int) -> Bool[np.ndarray, " slots"]:
    """A tenth of the configurations, at random, but one at least."""
    chosen = np.zeros(many, bool)
    some = max(1, round(_PREDICTED_SHARE * many))
    chosen[np.random.default_rng(seed).permutation(many)[:some]] = True
    return chosen
