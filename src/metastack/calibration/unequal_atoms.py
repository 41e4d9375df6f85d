"""Atoms that are not equal: a complex gain for each, beside the poses.

The gains are drawn from one complex normal law about 1 whose variance is not known beforehand: it
is the one that makes the pilots most probable, all gains integrated out.

Source: D. MacKay, Neural Computation 4 (1992) 415, for the variance; the model is ours.
"""

from dataclasses import replace

import numpy as np

from ..precision import in_float64
from .geometric import Calibration, calibration_of
from .least_squares import Ending, fit
from .pilot_model import PoseAndAtomModel, PoseModel

_FIRST_DEVIATION = 0.03
_LEAST_DEVIATION = 1e-7
_SETTLED, _MOST_ROUNDS = 0.01, 30


@in_float64
def with_unequal_atoms(calibration: Calibration, *, iterations: int = 20) -> Calibration:
    """Go on from a calibration whose atoms are equal, and give every atom a gain of its own."""
    unknowns, pilots = calibration.unknowns, calibration.pilots
    model = PoseAndAtomModel(PoseModel.of(unknowns, pilots.plan))
    layers, atoms = unknowns.stack.phases_shape
    many = 2 * layers * atoms
    values = np.concatenate([calibration.values, np.zeros(many)])
    variance = _FIRST_DEVIATION**2 / 2
    for _ in range(_MOST_ROUNDS):
        found = fit(
            model,
            pilots.received,
            calibration.gains,
            model.precision(variance),
            noise_variance=pilots.noise_variance,
            start=values,
            iterations=iterations,
        )
        values, before = found.values, variance
        uncertain = np.diag(found.covariance)[-many:].sum()
        told = max(many - uncertain / variance, 1e-3)
        variance = max(float(np.sum(values[-many:] ** 2)) / told, _LEAST_DEVIATION**2 / 2)
        if abs(variance - before) < _SETTLED * before or found.ending is Ending.INTERRUPTED:
            break
    return replace(
        calibration_of(
            calibration.nominal, pilots, unknowns, model, found, calibration.gains
        ),
        atom_deviation=float(np.sqrt(2 * variance)),
    )
