"""What directions are read with: a design of either kind, or a response that somebody measured."""

from dataclasses import dataclass, replace
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Complex, Float

from ..errors import require
from ..files import (
    FileKind,
    Recording,
    identify,
    read_design,
    read_direction_design,
    read_response,
)
from ..stack import Stack
from .output import warn

if TYPE_CHECKING:
    from ..doa import DirectionModel, Protocol

# Two targets this near, as NMSE, are the same but for rounding.
_SAME_TARGET = 1e-12


@dataclass(frozen=True, eq=False)
class Device:
    """A response, its target, the grid of its ports in wavelengths and how it is turned.

    `input_phases_rad`: patterns of the input layer of a design for directions, which come with
    their number of snapshots; without them the protocol says what the input layer does.
    """

    response: Complex[np.ndarray, "receivers inputs"]
    target: Complex[np.ndarray, "receivers inputs"] | None
    columns: int
    rows: int
    spacing_x_wavelengths: float
    spacing_y_wavelengths: float
    rotation_rad: float = 0.0
    input_phases_rad: Float[np.ndarray, "snapshots inputs"] | None = None
    protocol: "Protocol | None" = None

    def without_patterns(self, snapshots: int) -> "Device":
        """The same with an input layer that stands still for so many snapshots."""
        still = np.zeros((snapshots, self.columns * self.rows))
        return replace(self, input_phases_rad=still, protocol=None)

    def model(self, protocol: "Protocol") -> "DirectionModel":
        """What the detectors see of a direction."""
        from ..doa import DirectionModel

        if self.input_phases_rad is None:
            return DirectionModel.of_stack(self.response, protocol)
        return DirectionModel.of_patterns(
            self.response, self.input_phases_rad, columns=self.columns, rows=self.rows
        )


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
        for_directions = identify(path) is FileKind.DIRECTION_DESIGN
        return _informed(path) if for_directions else _designed(path)
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
    return Device(design.response, design.target, *_ports(design.stack))


def _informed(path: Path) -> Device:
    design = read_direction_design(path)
    patterns, protocol = design.input_phases_rad, design.goal.protocol
    return Device(design.response, None, *_ports(design.stack), patterns, protocol)


def _ports(stack: Stack) -> tuple[int, int, float, float, float]:
    """Columns, rows, spacings in wavelengths and rotation of the input layer."""
    array, wavelength_m = stack.input_array, float(stack.wavelength_m)
    return (
        array.columns,
        array.rows,
        float(array.spacing_x_m) / wavelength_m,
        float(array.spacing_y_m) / wavelength_m,
        float(array.rotation_rad) + float(np.asarray(stack.poses.rz_rad)[0]),
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


def is_dft(device: Device) -> bool:
    """Whether its probes stand for the bins of the 2D DFT of its input layer."""
    from ..targets import dft_2d, nmse

    if device.input_phases_rad is not None:
        return False
    if device.target is None:
        return True
    return float(nmse(device.target, dft_2d(device.columns, device.rows))) < _SAME_TARGET


def require_dft(device: Device) -> None:
    """Refuse a design whose probes do not stand for the bins of the 2D DFT.

    Raises:
        InputError: the target of the design is another matrix, or it is for information.
    """
    require(
        is_dft(device),
        "The design must have the 2D DFT of its input layer as target, but has another one or is "
        "designed for information: its probes do not stand for the bins that are read; use "
        "`--estimator ml`.",
    )


def warn_of_folding(device: Device) -> None:
    """Warn where several directions share each pair of electrical angles."""
    spacing = max(device.spacing_x_wavelengths, device.spacing_y_wavelengths)
    if spacing > 0.5 + 1e-9:
        warn(
            f"The input layer's spacing of {spacing:.4g} wavelengths is above one half: several "
            "directions share each pair of electrical angles, and the answer is the one whose "
            "angles need no unfolding."
        )
