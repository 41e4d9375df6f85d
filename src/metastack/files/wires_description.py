"""Descriptions of the wires of a device, in TOML: what may stand in one is in `wires_sections.py`.

`examples/wires_3x3.toml` is one to start from.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..errors import require
from ..multiport import Elements, LayerTolerance, Screen, Wiring
from .atom_table import columns_in
from .matrix_file import read_arrays
from .toml_sections import sections_of
from .wires_sections import (
    ElementsSection,
    PositionsSection,
    ScreenSection,
    ToleranceSection,
    WiresSection,
)
from .wording import naming, read_text

_CSV_COLUMNS = ("x_m", "y_m", "z_m")


@dataclass(frozen=True, eq=False)
class WiresDescription:
    """What a device is made of, and where its ports are."""

    wiring: Wiring
    positions_m: Float[np.ndarray, "ports 3"]


def read_wires_description(path: Path | str) -> WiresDescription:
    """Read a description of wires, and the positions that it names, relative to its own folder.

    Raises:
        InputError: the file, or the one that it names, cannot be read or does not describe wires.
    """
    path = Path(path)
    text = read_text(path)
    with naming(path):
        section = sections_of(text, WiresSection)
    positions_m = _positions_m(section.ports.positions, path.parent)
    return WiresDescription(_wiring(section), positions_m)


def _wiring(section: WiresSection) -> Wiring:
    of_screens = section.screen_tolerance
    return Wiring(
        _elements(section.elements),
        _tolerance(section.tolerance),
        None if section.screen is None else _screen(section.screen),
        None if of_screens is None else _tolerance(of_screens),
    )


def _elements(section: ElementsSection) -> Elements:
    x, y, z = section.direction
    length, radius = section.length_wavelengths, section.radius_wavelengths
    return Elements((x, y, z), length, radius, section.segments)


def _screen(section: ScreenSection) -> Screen:
    (width, height), (across, along) = section.size_wavelengths, section.lines
    return Screen((width, height), (across, along), section.radius_wavelengths)


def _tolerance(section: ToleranceSection) -> LayerTolerance:
    return LayerTolerance(
        section.axial_wavelengths,
        section.vertical_wavelengths,
        section.lateral_wavelengths,
        math.radians(section.rotation_deg),
    )


def _positions_m(section: PositionsSection, folder: Path) -> Float[np.ndarray, "ports 3"]:
    path = folder / section.file
    if path.suffix.lower() == ".csv":
        text = read_text(path)
        with naming(path):
            positions_m = columns_in(text, _CSV_COLUMNS).T
    else:
        arrays = read_arrays(path)
        with naming(path):
            known = ", ".join(f"`{name}`" for name in arrays)
            require(
                section.name in arrays,
                f"`{section.name}` must be in the file, but there are {known}.",
            )
            positions_m = np.asarray(arrays[section.name])
    with naming(path):
        require(
            positions_m.ndim == 2
            and positions_m.shape[1] == 3
            and positions_m.dtype.kind in "iuf"
            and bool(np.isfinite(positions_m).all()),
            f"`{section.name}` must be finite positions, ports x 3 in metres, but is "
            f"{positions_m.dtype} of shape {positions_m.shape}.",
        )
    return positions_m.astype(float)
