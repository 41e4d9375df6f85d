"""From a `Stack` to what stands in its file: metres and hertz, every number exact."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Complex

from .._types import Number
from ..atoms import (
    Atoms,
    IdealAtoms,
    MeasuredAtoms,
    QuantisedAtoms,
    StuckAtoms,
    UnequalAtoms,
)
from ..errors import InputError, require
from ..geometry import PlanarArray
from ..multiport import WireDipoles
from ..precision import in_float64
from ..propagation import (
    GeometricRadar,
    MeasuredHops,
    NearField,
    RayleighSommerfeld,
    hop_matrix,
)
from ..stack import Stack
from .model_build import check_measured

Table: TypeAlias = dict[str, Any]


def stack_document(stack: Stack) -> Table:
    """The tables of a stack file.

    Raises:
        InputError: a model or a kind of atom that stack files do not know.
    """
    return {
        "frequency_hz": float(stack.frequency_hz),
        "wave_speed_m_per_s": float(stack.wave_speed_m_per_s),
        "gaps_m": np.asarray(stack.gaps_m, float).tolist(),
        "input": _array(stack.input_array),
        "layers": {"count": stack.layers, **_array(stack.layer_array)},
        "receivers": _array(stack.receiver_array),
        "model": _model(stack),
        "atoms": _atoms(stack.atoms, stack.phases_shape),
        **_poses(stack),
    }


def matrix_document(matrix: Complex[np.ndarray, "_rows _columns"]) -> Table:
    """A matrix written out, row by row."""
    return {"real": np.real(matrix).tolist(), "imag": np.imag(matrix).tolist()}


def _angle(name: str, angle_rad: Number) -> Table:
    """In degrees where that gives the same number back, else in radians; nothing for zero."""
    radians = float(angle_rad)
    if radians == 0:
        return {}
    degrees = round(math.degrees(radians), 12)
    if math.radians(degrees) == radians:
        return {f"{name}_deg": degrees}
    return {f"{name}_rad": radians}


def _array(array: PlanarArray) -> Table:
    spacing_m = [float(array.spacing_x_m), float(array.spacing_y_m)]
    return {
        "columns": int(array.columns),
        "rows": int(array.rows),
        "spacing_m": spacing_m[0] if spacing_m[0] == spacing_m[1] else spacing_m,
        **_angle("rotation", array.rotation_rad),
    }


def _rayleigh_sommerfeld(model: RayleighSommerfeld, stack: Stack) -> Table:
    return {"kind": "rayleigh_sommerfeld", "element_area_m2": float(model.element_area_m2)}


def _radar(model: GeometricRadar, stack: Stack) -> Table:
    return {"kind": "radar", "exponent": float(model.exponent), "gain": float(model.gain)}


def _near_field(model: NearField, stack: Stack) -> Table:
    area_m2 = float(model.element_area_m2)
    return {"kind": "near_field", "element_area_m2": area_m2, "gain": float(model.gain)}


def _dipoles(model: WireDipoles, stack: Stack) -> Table:
    length_m, radius_m = float(model.length_m), float(model.radius_m)
    return {"kind": "dipoles", "length_m": length_m, "radius_m": radius_m}


@in_float64
def _measured_hops(model: MeasuredHops, stack: Stack) -> Table:
    """A matrix for each kind of hop; planes must stand as they did when it was measured."""
    check_measured(model, stack)
    planes = stack.planes
    pairs = {"first": planes[:2], "between": planes[1:3], "last": planes[-2:]}
    if stack.layers == 1:
        del pairs["between"]
    matrices = {name: hop_matrix(*pair, model, stack.wavelength_m) for name, pair in pairs.items()}
    return {"kind": "measured"} | {
        name: matrix_document(np.asarray(matrix)) for name, matrix in matrices.items()
    }


_MODELS: dict[type, Callable[[Any, Stack], Table]] = {
    RayleighSommerfeld: _rayleigh_sommerfeld,
    GeometricRadar: _radar,
    NearField: _near_field,
    WireDipoles: _dipoles,
    MeasuredHops: _measured_hops,
}


def _model(stack: Stack) -> Table:
    if type(stack.model) not in _MODELS:
        raise _unknown("model", stack.model)
    return _MODELS[type(stack.model)](stack.model, stack)


def _unknown(what: str, value: object) -> InputError:
    return InputError(f"`{what}` must be of a kind that stack files know, but is {type(value)}.")


def _ideal(atoms: IdealAtoms) -> Table:
    return {"kind": "ideal"}


def _quantised(atoms: QuantisedAtoms) -> Table:
    return {"kind": "quantised", "bits": int(atoms.bits)}


def _measured(atoms: MeasuredAtoms) -> Table:
    return {
        "kind": "measured",
        "setting_rad": np.asarray(atoms.setting_rad, float).tolist(),
        "amplitude": np.asarray(atoms.amplitude, float).tolist(),
        "unwrapped_phase_rad": np.asarray(atoms.phase_rad, float).tolist(),
    }


_KINDS: dict[type, Callable[[Any], Table]] = {
    IdealAtoms: _ideal,
    QuantisedAtoms: _quantised,
    MeasuredAtoms: _measured,
}


def _atoms(atoms: Atoms, shape: tuple[int, int]) -> Table:
    """The kind of atom at the bottom, every atom that is stuck, and gains of their own.

    From the outside inwards: what stands outside of a stuck atom counts, what stands inside of it
    does not.
    """
    is_stuck, transmission = np.zeros(shape, bool), np.zeros(shape, complex)
    gain = np.ones(shape, complex)
    while isinstance(atoms, StuckAtoms | UnequalAtoms):
        if isinstance(atoms, UnequalAtoms):
            gain = gain * np.asarray(atoms.gain)
        else:
            more = np.broadcast_to(np.asarray(atoms.is_stuck), shape) & ~is_stuck
            transmission = np.where(more, gain * np.asarray(atoms.transmission), transmission)
            is_stuck = is_stuck | more
        atoms = atoms.base
    if type(atoms) not in _KINDS:
        raise _unknown("atoms", atoms)
    table = _KINDS[type(atoms)](atoms)
    if (gain != 1).any():
        table["gain"] = matrix_document(gain)
    return {**table, "stuck": _stuck(is_stuck, transmission)} if is_stuck.any() else table


def _stuck(
    is_stuck: Bool[np.ndarray, "layers atoms"], transmission: Complex[np.ndarray, "layers atoms"]
) -> list[Table]:
    return [
        {
            "layer": int(layer) + 1,
            "atom": int(atom),
            "real": float(np.real(transmission[layer, atom])),
            "imag": float(np.imag(transmission[layer, atom])),
        }
        for layer, atom in np.argwhere(is_stuck)
    ]


def _poses(stack: Stack) -> Table:
    """Only the planes that are not where they were designed to be."""
    pose, planes = stack.poses, stack.layers + 2
    shifts = {name: _per_plane(getattr(pose, name), planes) for name in ("dx_m", "dy_m", "dz_m")}
    turns = {name: _per_plane(getattr(pose, f"{name}_rad"), planes) for name in ("rx", "ry", "rz")}
    tables: list[Table] = []
    for plane in range(planes):
        table: Table = {name: value[plane] for name, value in shifts.items() if value[plane]}
        for name, value in turns.items():
            table |= _angle(name, value[plane])
        if table:
            tables.append({"plane": plane, **table})
    return {"poses": tables} if tables else {}


def _per_plane(values: Number, planes: int) -> list[float]:
    result = np.broadcast_to(np.asarray(values, float), planes).tolist()
    require(bool(np.isfinite(result).all()), "`poses` must be finite, but has NaN or infinity.")
    return result
