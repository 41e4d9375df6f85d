"""Directions from complex fields: the references that phase-sensitive receivers set."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import require
from .doa_estimates import Found, Task, angles_answer

if TYPE_CHECKING:
    from jaxtyping import Complex


def matched(task: Task) -> Found:
    """One source, steering matched to the device: coherent maximum likelihood, with error bars."""
    from ..doa import (
        FadingPower,
        SteadyPower,
        coherent_covariance,
        matched_steering,
        matched_steering_fading,
    )

    received, power = _fields(task), FadingPower() if task.fading else SteadyPower()
    read = matched_steering_fading if task.fading else matched_steering
    x, y = map(float, read(received, task.model))
    covariance, noise = coherent_covariance(received, task.model, np.array([x, y]), power=power)
    answer = {**angles_answer(task.device, (x, y), covariance), "noise_variance": noise}
    return Found([(x, y)], [covariance], answer)


def digital(task: Task) -> Found:
    """One source, the strongest bin of the aperture's 2D DFT on the protocol's grid."""
    from ..doa import digital_beamforming

    bins_y, bins_x = task.protocol.grid_shape
    columns, rows = task.device.columns, task.device.rows
    read = digital_beamforming(_aperture(task), columns, rows, bins_x=bins_x, bins_y=bins_y)
    return _found(task, read[None])


def music(task: Task, sources: int, subarray: tuple[int, int] | None) -> Found:
    """MUSIC on the aperture, smoothed over subarrays if they are given."""
    from ..doa import DirectionModel, music as estimate

    covariance, columns, rows = _covariance(task, subarray)
    array = DirectionModel.of_array(columns, rows)
    return _found(task, estimate(covariance, array, sources=sources))


def esprit(task: Task, sources: int, subarray: tuple[int, int] | None) -> Found:
    """ESPRIT on the aperture, smoothed over subarrays if they are given."""
    from ..doa import esprit as estimate

    covariance, columns, rows = _covariance(task, subarray)
    return _found(task, estimate(covariance, columns, rows, sources=sources))


def _fields(task: Task) -> "Complex[np.ndarray, 'snapshots probes']":
    from ..doa.lags import check_two_dimensional

    check_two_dimensional(task.model)
    received = task.recording.received
    require(
        received is not None,
        "The recording must hold complex fields (`received`) for this estimator, but holds "
        "energies; use `--estimator ml`.",
    )
    return np.asarray(received)


def _aperture(task: Task) -> "Complex[np.ndarray, 'snapshots elements']":
    from ..doa import aperture_fields

    return aperture_fields(_fields(task), task.model)


def _covariance(task: Task, subarray: tuple[int, int] | None) -> tuple[Any, int, int]:
    """Forward-backward covariance of the aperture or of its subarrays, and their size."""
    from ..doa import DirectionModel, forward_backward, sample_covariance, subarrays
    from ..doa.lags import check_two_dimensional

    fields, columns, rows = _aperture(task), task.device.columns, task.device.rows
    if subarray is not None:
        smaller = {"subarray_columns": subarray[0], "subarray_rows": subarray[1]}
        fields = subarrays(fields, columns, rows, **smaller)
        columns, rows = subarray
    check_two_dimensional(DirectionModel.of_array(columns, rows))
    return forward_backward(sample_covariance(fields)), columns, rows


def _found(task: Task, psi_rad: Any) -> Found:
    """One source as one answer, several as a table; a warning for those without a peak."""
    found = [(float(x), float(y)) for x, y in psi_rad if np.isfinite([x, y]).all()]
    rows = [angles_answer(task.device, psi) for psi in found]
    single = len(psi_rad) == 1 and bool(rows)
    answer = rows[0] if single else {"sources_found": len(rows), "sources": rows}
    missing = len(psi_rad) - len(found)
    warnings = [f"{missing} of {len(psi_rad)} sources have no peak of their own."] * (missing > 0)
    return Found(found, [None] * len(found), answer, warnings=warnings)
