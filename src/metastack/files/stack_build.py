"""From the sections of a stack file to a `Stack` and its target."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Complex

from ..atoms import (
    Atoms,
    IdealAtoms,
    MeasuredAtoms,
    QuantisedAtoms,
    StuckAtoms,
    UnequalAtoms,
)
from ..errors import require
from ..geometry import PlanarArray, Pose, column_and_row
from ..stack import SPEED_OF_LIGHT_M_PER_S, Stack, make_stack
from ..targets import dft_2d
from .atom_table import read_atom_table
from .model_build import build_model, matrix_of
from .sections import (
    ArraySection,
    AtomsSection,
    GainSection,
    IdealSection,
    MeasuredSection,
    PoseSection,
    QuantisedSection,
    Section,
    StackSection,
    StuckSection,
    TargetSection,
)

_MOST_PORTS = 4096
_MOST_ATOMS = 10_000_000


def build_stack(section: StackSection, folder: Path | None) -> Stack:
    """The stack that a file describes; tables of atoms are looked up in `folder`.

    Raises:
        InputError: sections that do not fit each other.
    """
    wave_speed = section.wave_speed_m_per_s or SPEED_OF_LIGHT_M_PER_S
    wavelength_m = wave_speed / section.frequency_hz
    require(
        0 < wavelength_m < math.inf,
        f"`frequency_hz` must give a wavelength, but is {section.frequency_hz}.",
    )
    _check_sizes(section)
    gaps_m = _gaps_m(section, wavelength_m)
    layer_array = _array(section.layers, wavelength_m)
    stack = make_stack(
        input_array=_array(section.input, wavelength_m),
        layer_array=layer_array,
        receiver_array=_array(section.receivers, wavelength_m),
        gaps_m=gaps_m,
        frequency_hz=section.frequency_hz,
        wave_speed_m_per_s=wave_speed,
        atoms=_atoms(section.atoms, (section.layers.count, layer_array.size), folder),
        poses=_poses(section.poses, len(gaps_m) + 1, wavelength_m),
    )
    return replace(stack, model=build_model(section.model, stack, folder))


def build_target(
    section: StackSection, stack: Stack, folder: Path
) -> Complex[np.ndarray, "receivers inputs"]:
    """The target of a stack file; without one, the 2D DFT of the input array (`default_target`).

    Raises:
        InputError: the file cannot be read, or the shape is not receivers x inputs.
    """
    target = _target(section.target, stack, folder)
    shape = (stack.receiver_array.size, stack.input_array.size)
    require(
        target.shape == shape,
        f"`target` must be a matrix of {shape[0]} receivers x {shape[1]} inputs, but is "
        f"{' x '.join(map(str, target.shape))}.",
    )
    return target


def _length_m(section: Section, name: str, wavelength_m: float) -> float | None:
    """A length that may be given in either unit."""
    in_metres: float | None = getattr(section, f"{name}_m")
    in_wavelengths: float | None = getattr(section, f"{name}_wavelengths")
    return in_metres if in_wavelengths is None else in_wavelengths * wavelength_m


def _angle_rad(section: Section, name: str) -> float:
    """An angle that may be given in either unit."""
    return getattr(section, f"{name}_rad") or math.radians(getattr(section, f"{name}_deg"))


def _array(section: ArraySection, wavelength_m: float) -> PlanarArray:
    spacing = section.spacing_m or [v * wavelength_m for v in section.spacing_wavelengths or []]
    rotation_rad = _angle_rad(section, "rotation")
    return PlanarArray(section.columns, section.rows, spacing[0], spacing[1], rotation_rad)


def _check_sizes(section: StackSection) -> None:
    for name, array in (("input", section.input), ("receivers", section.receivers)):
        ports = array.columns * array.rows
        require(
            ports <= _MOST_PORTS,
            f"`{name}` must have at most {_MOST_PORTS} elements, but has {ports}.",
        )
    layers = section.layers
    atoms = layers.count * layers.columns * layers.rows
    require(
        atoms <= _MOST_ATOMS,
        f"`layers` must have at most {_MOST_ATOMS} atoms together, but have {atoms}.",
    )


def _gaps_m(section: StackSection, wavelength_m: float) -> list[float]:
    layers = section.layers.count
    if section.gaps is not None:
        thickness_m = _length_m(section.gaps, "thickness", wavelength_m) or 0.0
        return [thickness_m / layers] * (layers + 1)
    name = "gaps_m" if section.gaps_m is not None else "gaps_wavelengths"
    gaps = section.gaps_m or [gap * wavelength_m for gap in section.gaps_wavelengths or []]
    require(
        len(gaps) == layers + 1,
        f"`{name}` must have one entry more than `layers.count`, {layers + 1}, "
        f"but has {len(gaps)}.",
    )
    return gaps


def _ideal(section: IdealSection, folder: Path | None) -> Atoms:
    return IdealAtoms()


def _quantised(section: QuantisedSection, folder: Path | None) -> Atoms:
    return QuantisedAtoms(section.bits)


def _measured(section: MeasuredSection, folder: Path | None) -> Atoms:
    if "table" in section.model_fields_set:
        require(folder is not None, "`atoms.table` must be written out here, but is a file.")
        return read_atom_table((folder or Path()) / section.table)
    columns = (section.setting_rad, section.amplitude, section.unwrapped_phase_rad)
    lengths = ", ".join(str(len(column)) for column in columns)
    require(
        len({len(column) for column in columns}) == 1,
        "`atoms` must have `setting_rad`, `amplitude` and `unwrapped_phase_rad` of one length, "
        f"but they have {lengths}.",
    )
    unwrapped_rad: Any = np.array(section.unwrapped_phase_rad)
    checked = MeasuredAtoms.from_table(
        np.array(section.setting_rad), np.array(section.amplitude), unwrapped_rad
    )
    return MeasuredAtoms(checked.setting_rad, checked.amplitude, unwrapped_rad)


_BUILDERS: dict[type[AtomsSection], Callable[..., Atoms]] = {
    IdealSection: _ideal,
    QuantisedSection: _quantised,
    MeasuredSection: _measured,
}


def _atoms(section: AtomsSection, shape: tuple[int, int], folder: Path | None) -> Atoms:
    base = _BUILDERS[type(section)](section, folder)
    if section.gain is not None:
        base = UnequalAtoms(base, _gain(section.gain, shape))
    return _with_stuck(base, section.stuck, shape) if section.stuck else base


def _gain(section: GainSection, shape: tuple[int, int]) -> Complex[np.ndarray, "layers atoms"]:
    for name in ("real", "imag"):
        rows = getattr(section, name)
        require(
            [len(row) for row in rows] == [shape[1]] * shape[0],
            f"`atoms.gain.{name}` must have {shape[0]} rows of {shape[1]} numbers, one a layer, "
            f"but has rows of {[len(row) for row in rows]}.",
        )
    return np.array(section.real) + 1j * np.array(section.imag)


def _with_stuck(base: Atoms, stuck: list[StuckSection], shape: tuple[int, int]) -> StuckAtoms:
    is_stuck: Any = np.zeros(shape, bool)
    transmission: Any = np.zeros(shape, complex)
    for number, entry in enumerate(stuck):
        where = f"atoms.stuck[{number}]"
        _check_index(f"{where}.layer", entry.layer, 1, shape[0])
        _check_index(f"{where}.atom", entry.atom, 0, shape[1] - 1)
        place = entry.layer - 1, entry.atom
        require(
            not is_stuck[place],
            f"`{where}` must name another atom, but layer {entry.layer}, atom {entry.atom} is "
            "listed already.",
        )
        is_stuck[place], transmission[place] = True, _stuck_transmission(entry)
    return StuckAtoms(base, is_stuck, transmission)


def _stuck_transmission(entry: StuckSection) -> complex:
    if "real" in entry.model_fields_set:
        return complex(entry.real, entry.imag)
    phase_rad = math.radians(entry.phase_deg)
    return entry.amplitude * complex(math.cos(phase_rad), math.sin(phase_rad))


def _check_index(name: str, value: int, first: int, last: int) -> None:
    require(first <= value <= last, f"`{name}` must be from {first} to {last}, but is {value}.")


def _poses(sections: list[PoseSection], planes: int, wavelength_m: float) -> Pose:
    values = np.zeros((6, planes))
    seen: set[int] = set()
    for number, section in enumerate(sections):
        _check_index(f"poses[{number}].plane", section.plane, 0, planes - 1)
        require(
            section.plane not in seen,
            f"`poses[{number}].plane` must be another plane, but {section.plane} is "
            "listed already.",
        )
        seen.add(section.plane)
        values[:, section.plane] = _degrees_of_freedom(section, wavelength_m)
        require(
            bool(np.isfinite(values).all()),
            f"`poses[{number}]` must be finite in metres, but is not.",
        )
    return Pose(*values)


def _degrees_of_freedom(section: PoseSection, wavelength_m: float) -> list[float]:
    shifts = [_length_m(section, name, wavelength_m) or 0.0 for name in ("dx", "dy", "dz")]
    return shifts + [_angle_rad(section, name) for name in ("rx", "ry", "rz")]


def default_target(
    stack: Stack, *, shift_x: float = 0.0, shift_y: float = 0.0
) -> Complex[np.ndarray, "receivers inputs"]:
    """The 2D DFT of the input array: each receiver has the bin of its own column and row.

    Bins repeat, should there be more receivers than inputs along an axis.
    """
    ports, readers = stack.input_array, stack.receiver_array
    column, row = column_and_row(readers.columns, readers.rows)
    bins = row % ports.rows * ports.columns + column % ports.columns
    return dft_2d(ports.columns, ports.rows, shift_x=shift_x, shift_y=shift_y)[bins]


def _target(section: TargetSection, stack: Stack, folder: Path) -> Complex[np.ndarray, "to from"]:
    if "kind" in section.model_fields_set or not section.model_fields_set:
        return default_target(stack, shift_x=section.shift_x, shift_y=section.shift_y)
    return matrix_of(section, "target", folder)
