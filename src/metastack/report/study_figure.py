"""The figure of a study of accuracy: every curve beside the bound of what it may use."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ..study import MsePoint
from .mse_study import BoundCurve, EstimatorKind, MseCurve, SimulatedCurve, mse_against_snr

_KINDS = {
    "peak": EstimatorKind.PEAK,
    "start": EstimatorKind.START,
    "ml": EstimatorKind.MAXIMUM_LIKELIHOOD,
    "matched": EstimatorKind.DIGITAL,
    "strongest bin": EstimatorKind.PEAK,
}


def mse_figure(points: Sequence[MsePoint], *, snr_label: str) -> Figure:
    """All curves of a study, each beside the bound of what it may use.

    Raises:
        InputError: no points, or more devices than can be told apart.
    """
    curves: list[MseCurve] = []
    bounded: set[str] = set()
    for device, reading in dict.fromkeys((point.device, point.reading) for point in points):
        own = [point for point in points if (point.device, point.reading) == (device, reading)]
        snr_db, mse, low, high, bound = np.array(
            [[p.snr_db, p.mse, p.low, p.high, p.lower_bound] for p in own]
        ).T
        label = device if reading == "matched" else f"{device}: {reading}"
        curves.append(SimulatedCurve(label, snr_db, mse, low, high, _KINDS[reading], device))
        if reading in ("ml", "matched") and np.isfinite(bound).any() and device not in bounded:
            curves.append(BoundCurve(f"{device}: bound", snr_db, bound, device))
            bounded.add(device)
    return mse_against_snr(curves, snr_label=snr_label, mse_label="MSE of $ψ/π$")
