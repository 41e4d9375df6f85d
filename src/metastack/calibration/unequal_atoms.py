"""Atoms that are not equal: a complex gain for each, beside the poses.

The gains are drawn from one complex normal law about 1 whose variance is not known beforehand: it
is the one that makes the pilots most probable, all gains integrated out.

Source: D. MacKay, Neural Computation 4 (1992) 415, for the variance; the model is ours.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from ..precision import in_float64
from .geometric import Calibration, calibration_of
from .least_squares import Ending, Fit, fit
from .pilot_model import PoseAndAtomModel

FIRST_DEVIATION = 0.03
_LEAST_DEVIATION = 1e-6
_SETTLED, _MOST_ROUNDS = 0.01, 100


@in_float64
def with_unequal_atoms(calibration: Calibration, *, iterations: int = 20) -> Calibration:
    """Go on from a calibration whose atoms are equal, and give every atom a gain of its own.

    Ctrl-C ends it with what it has.
    """
    none_stuck = np.zeros(calibration.nominal.phases_shape, bool)
    plan = calibration.pilots.plan
    model = PoseAndAtomModel.of(calibration.unknowns, plan, none_stuck)
    start = np.concatenate([calibration.values, np.zeros(2 * none_stuck.size)])
    return with_atom_variance(calibration, model, start, iterations=iterations)


def with_atom_variance(
    calibration: Calibration,
    model: PoseAndAtomModel,
    start: Float[np.ndarray, " unknowns"],
    *,
    iterations: int = 20,
) -> Calibration:
    """The calibration with a model of its atoms, the variance of their gains found on the way."""
    pilots, variance = calibration.pilots, FIRST_DEVIATION**2 / 2
    moving = np.tile(~np.asarray(model.is_stuck).ravel(), 2)
    found: Fit | None = None
    for _ in range(_MOST_ROUNDS):
        found = fit(
            model,
            pilots.received,
            calibration.gains,
            model.precision(variance),
            noise_variance=pilots.noise_variance,
            start=start,
            iterations=iterations,
        )
        start, before = found.values, variance
        variance = _likelier(found, moving, variance)
        if abs(variance - before) < _SETTLED * before or found.ending is Ending.INTERRUPTED:
            break
    assert found is not None
    calibrated = calibration_of(
        calibration.nominal, pilots, calibration.unknowns, model, found, calibration.gains
    )
    return replace(calibrated, atom_deviation=float(np.sqrt(2 * variance)))


def _likelier(found: Fit, moving: Bool[np.ndarray, " parts"], variance: float) -> float:
    """The variance under which the gains of a fit are likelier.

    Their energy over how many of them the pilots tell.
    """
    many = len(moving)
    energy = np.sum(found.values[-many:][moving] ** 2)
    untold = np.diag(found.covariance)[-many:][moving].sum() / variance
    return max(float(energy / max(moving.sum() - untold, 1.0)), _LEAST_DEVIATION**2 / 2)
