"""What every report says: the device in words and to scale, and where the page comes from."""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np

from ..geometry import PlanarArray, Pose
from ..stack import Stack
from .drawing import stack_drawing
from .html import Section


def stack_section(stack: Stack) -> Section:
    """The stack in words and drawn to scale."""
    caption = (
        "The stack, to scale. The wave enters at the inputs, crosses the layers along z and leaves "
        "at the receivers. Look for planes that stand where you did not mean them to."
    )
    return Section("Stack", facts=describe(stack), figures=[(stack_drawing(stack), caption)])


def provenance_section(facts: Mapping[str, str], written: datetime | None = None) -> Section:
    """Where the page comes from: `facts`, our version, and the date, now unless given."""
    date = (written or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M %Z").strip()
    return Section(
        "Provenance", facts={**facts, "metastack": version("metastack"), "Written": date}
    )


def describe(stack: Stack) -> dict[str, str]:
    """A stack in words, lengths in millimetres and wavelengths."""
    wavelength_m = float(stack.wavelength_m)
    return {
        "Frequency": f"{float(stack.frequency_hz) / 1e9:.6g} GHz",
        "Wavelength": f"{wavelength_m * 1e3:.4g} mm",
        "Inputs": _array(stack.input_array, wavelength_m),
        "Layers": f"{stack.layers}, each {_array(stack.layer_array, wavelength_m)}",
        "Receivers": _array(stack.receiver_array, wavelength_m),
        "Gaps": _gaps(stack.gaps_m, wavelength_m),
        "Length": _length(float(np.sum(stack.gaps_m)), wavelength_m),
        "Poses": _poses(stack.poses, wavelength_m),
        "Propagation": type(stack.model).__name__,
        "Atoms": type(stack.atoms).__name__,
    }


def _length(length_m: float, wavelength_m: float) -> str:
    return f"{length_m * 1e3:.4g} mm ({length_m / wavelength_m:.4g} λ)"


def _array(array: PlanarArray, wavelength_m: float) -> str:
    """Columns × rows, spacing, rotation."""
    across = _length(float(array.spacing_x_m), wavelength_m)
    up = _length(float(array.spacing_y_m), wavelength_m)
    spacing = across if across == up else f"{across} in x, {up} in y"
    rotation_deg = np.degrees(float(array.rotation_rad))
    turned = f", rotated by {rotation_deg:.4g}°" if rotation_deg else ""
    return f"{array.columns} × {array.rows}, spacing {spacing}{turned}"


def _gaps(gaps_m: np.ndarray | object, wavelength_m: float) -> str:
    gaps = np.asarray(gaps_m, float)
    if np.allclose(gaps, gaps[0], rtol=1e-9, atol=0):
        return f"{len(gaps)} of {_length(float(gaps[0]), wavelength_m)}"
    return ", ".join(f"{gap * 1e3:.4g}" for gap in gaps) + " mm"


def _poses(poses: Pose, wavelength_m: float) -> str:
    shift_m = max(float(np.abs(dof).max()) for dof in (poses.dx_m, poses.dy_m, poses.dz_m))
    turn_rad = max(float(np.abs(dof).max()) for dof in (poses.rx_rad, poses.ry_rad, poses.rz_rad))
    if shift_m == turn_rad == 0:
        return "as designed"
    shift = _length(shift_m, wavelength_m)
    return f"shifted by up to {shift} and turned by up to {np.degrees(turn_rad):.3g}° in one axis"
