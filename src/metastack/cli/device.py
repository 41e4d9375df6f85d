"""What directions are read with: a design, or a response matrix that somebody measured."""

from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import numpy as np
from jaxtyping import Complex

from ..errors import require
from ..files import Recording, read_design, read_response


@dataclass(frozen=True, eq=False)
class Device:
    """A response, its target, the grid of its ports in wavelengths and how it is turned."""

    response: Complex[np.ndarray, "receivers inputs"]
    target: Complex[np.ndarray, "receivers inputs"] | None
    columns: int
    rows: int
    spacing_x_wavelengths: float
    spacing_y_wavelengths: float
    rotation_rad: float = 0.0


def read_device(
    path: Path, *, spacing_wavelengths: float = 0.5, recording: Recording | None = None
) -> Device:
    """Read a design, or a response whose ports form a grid.

    A response file does not say its grid: it is taken from the recording if that does, else it
    must be square, `spacing_wavelengths` apart.

    Raises:
        InputError: the file cannot be read, or its ports form no grid.
    """
    if path.suffix.lower() == ".nc":
        return _designed(path)
    response = read_response(path)
    receivers, inputs = response.shape
    require(
        receivers == inputs,
        f"A response for directions must be square, but is {receivers} x {inputs} ({path}).",
    )
    columns, rows = _grid(inputs, recording, path)
    return Device(response, None, columns, rows, spacing_wavelengths, spacing_wavelengths)


def _designed(path: Path) -> Device:
    design = read_design(path)
    array, wavelength_m = design.stack.input_array, float(design.stack.wavelength_m)
    return Device(
        design.response,
        design.target,
        array.columns,
        array.rows,
        float(array.spacing_x_m) / wavelength_m,
        float(array.spacing_y_m) / wavelength_m,
        float(array.rotation_rad) + float(np.asarray(design.stack.poses.rz_rad)[0]),
    )


def _grid(ports: int, recording: Recording | None, path: Path) -> tuple[int, int]:
    if recording is not None and recording.columns and recording.rows:
        return recording.columns, recording.rows
    side = isqrt(ports)
    require(
        side * side == ports,
        f"A response alone must have a square grid of ports, but has {ports} ({path}); "
        "give `columns` and `rows` in the recording.",
    )
    return side, side
