"""Phases as integer codes for the controller of the layers and of the input layer."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt

from .._types import AnyArray
from ..atoms import QuantisedAtoms
from ..errors import InputError, require
from ..geometry import column_and_row
from ..precision import float64
from .atomic import replacing
from .wording import naming, read_text, shown


@dataclass(frozen=True)
class _Table:
    """What a table of codes lists: its first column, where that begins, its order, from what."""

    argument: str
    first: str
    begins: int
    order: str

    @property
    def header(self) -> str:
        return f"{self.first},row,column,code"


_LAYERS = _Table(
    "phases_rad", "layer", 1, "layers count from 1, the first that the wave meets; within a layer"
)
_SNAPSHOTS = _Table(
    "input_phases_rad",
    "snapshot",
    0,
    "snapshots count from 0, t = t_y * T_x + t_x; within the input layer",
)
HEADER, INPUT_HEADER = _LAYERS.header, _SNAPSHOTS.header


def export_codes(
    phases_rad: Float[AnyArray, "layers atoms"],
    *,
    columns: int,
    rows: int,
    bits: int,
    csv_path: Path | str,
    npy_path: Path | str,
) -> None:
    """Write the code of every atom as CSV and as a NumPy array (layers, rows, columns).

    Code c stands for the phase c 360 / 2^bits degrees; the nearest one is taken.

    Raises:
        InputError: phases that are not finite or do not fit the grid; bits not from 1 to 16; a
            file cannot be written.
    """
    codes = _codes(np.asarray(phases_rad, float), columns, rows, bits, _LAYERS)
    text = _csv_text(codes, bits, _LAYERS)
    with replacing(npy_path) as npy, replacing(csv_path) as csv:
        np.save(npy, codes, allow_pickle=False)
        csv.write_text(text, encoding="utf-8")


def export_input_codes(
    input_phases_rad: Float[AnyArray, "snapshots inputs"],
    *,
    columns: int,
    rows: int,
    bits: int,
    csv_path: Path | str,
) -> None:
    """Write the code of every element of the input layer in every snapshot as CSV.

    Raises:
        InputError: as `export_codes`.
    """
    codes = _codes(np.asarray(input_phases_rad, float), columns, rows, bits, _SNAPSHOTS)
    with replacing(csv_path) as csv:
        csv.write_text(_csv_text(codes, bits, _SNAPSHOTS), encoding="utf-8")


def read_codes(csv_path: Path | str) -> Float[np.ndarray, "layers atoms"]:
    """The phases in radians, within one turn, of a CSV file that `export_codes` wrote.

    Raises:
        InputError: the file cannot be read, or is not a complete table of codes.
    """
    return _read(csv_path, _LAYERS)


def read_input_codes(csv_path: Path | str) -> Float[np.ndarray, "snapshots inputs"]:
    """The phases in radians, within one turn, of a CSV file that `export_input_codes` wrote.

    Raises:
        InputError: the file cannot be read, or is not a complete table of codes.
    """
    return _read(csv_path, _SNAPSHOTS)


def _read(csv_path: Path | str, kind: _Table) -> Float[np.ndarray, "planes elements"]:
    text = read_text(Path(csv_path))
    with naming(csv_path):
        lines = text.splitlines()
        notes = dict(line[1:].split("=", 1) for line in lines if line[:1] == "#" and "=" in line)
        bits = _integer(notes.get(" bits ", "none"), "bits", 1, 16)
        table = [line for line in lines if line.strip() and line[:1] != "#"]
        require(
            bool(table) and table[0] == kind.header,
            f"The header must be {kind.header}, but is {shown(table[0] if table else 'none')}.",
        )
        codes = _in_order([_row(line, bits, kind) for line in table[1:]], kind)
        return codes * QuantisedAtoms(bits).step_rad


def _codes(
    phases_rad: Float[np.ndarray, "planes elements"],
    columns: int,
    rows: int,
    bits: int,
    kind: _Table,
) -> UInt[np.ndarray, "planes rows columns"]:
    name = kind.argument
    require(1 <= bits <= 16, f"`bits` must be from 1 to 16, but is {bits}.")
    require(
        phases_rad.ndim == 2 and phases_rad.shape[1] == columns * rows,
        f"`{name}` must be {kind.first}s x {columns * rows}, but has shape {phases_rad.shape}.",
    )
    require(
        bool(np.isfinite(phases_rad).all()),
        f"`{name}` must be finite, but has NaN or infinity.",
    )
    with float64():
        codes = np.asarray(QuantisedAtoms(bits).codes(phases_rad))
    return codes.astype(np.min_scalar_type(2**bits - 1)).reshape(-1, rows, columns)


def _csv_text(codes: UInt[np.ndarray, "planes rows columns"], bits: int, kind: _Table) -> str:
    step_deg = 360 / 2**bits
    listed = "; ".join(f"{code} = {code * step_deg:g}" for code in range(2**bits))
    lines = [
        "# Codes of a stacked intelligent metasurface, written by metastack",
        f"# bits = {bits}",
        f"# phase of code c: c * {step_deg:.17g} degrees" + (f" ({listed})" if bits <= 4 else ""),
        f"# order: {kind.order}, the atom is",
        "# row * columns + column (column fastest, along x; row along y), both from 0",
        kind.header,
    ]
    lines += [
        f"{plane + kind.begins},{row},{column},{code}"
        for (plane, row, column), code in np.ndenumerate(codes)
    ]
    return "\n".join(lines) + "\n"


def _row(line: str, bits: int, kind: _Table) -> tuple[int, ...]:
    parts = line.split(",")
    require(len(parts) == 4, f"A line must have 4 numbers, but is {shown(line)}.")
    limits = ((kind.begins, 10**6), (0, 10**6), (0, 10**6), (0, 2**bits - 1))
    return tuple(
        _integer(part, name, *limit)
        for part, name, limit in zip(parts, kind.header.split(","), limits, strict=True)
    )


def _integer(text: str, name: str, least: int, most: int) -> int:
    try:
        value = int(text)
    except ValueError as error:
        raise InputError(f"`{name}` must be a whole number, but is {shown(text)}.") from error
    require(least <= value <= most, f"`{name}` must be from {least} to {most}, but is {value}.")
    return value


def _in_order(table: list[tuple[int, ...]], kind: _Table) -> Int[np.ndarray, "planes elements"]:
    """The codes, where every atom of every plane stands exactly once and in order."""
    require(bool(table), "The table must have at least one atom, but is empty.")
    found = np.array(table)
    planes, rows, columns = (found[-1, :3] + np.array([1 - kind.begins, 1, 1])).tolist()
    require(
        len(table) == planes * rows * columns,
        f"The table must have {planes} x {rows} x {columns} atoms, but has {len(table)}.",
    )
    column, row = (np.tile(index, planes) for index in column_and_row(columns, rows))
    plane = np.repeat(np.arange(planes) + kind.begins, rows * columns)
    require(
        bool((found[:, :3] == np.stack([plane, row, column], axis=-1)).all()),
        f"The atoms must stand in order, {kind.first} by {kind.first}, column fastest, but do not.",
    )
    return found[:, 3].reshape(planes, rows * columns)
