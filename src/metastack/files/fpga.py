"""Phases as integer codes for the controller of the layers."""

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

HEADER = "layer,row,column,code"


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
    codes = _codes(np.asarray(phases_rad, float), columns, rows, bits)
    text = _csv_text(codes, bits)
    with replacing(npy_path) as npy, replacing(csv_path) as csv:
        np.save(npy, codes, allow_pickle=False)
        csv.write_text(text, encoding="utf-8")


def read_codes(csv_path: Path | str) -> Float[np.ndarray, "layers atoms"]:
    """The phases in radians, within one turn, of a CSV file that `export_codes` wrote.

    Raises:
        InputError: the file cannot be read, or is not a complete table of codes.
    """
    text = read_text(Path(csv_path))
    with naming(csv_path):
        lines = text.splitlines()
        notes = dict(line[1:].split("=", 1) for line in lines if line[:1] == "#" and "=" in line)
        bits = _integer(notes.get(" bits ", "none"), "bits", 1, 16)
        table = [line for line in lines if line.strip() and line[:1] != "#"]
        require(
            bool(table) and table[0] == HEADER,
            f"The header must be {HEADER}, but is {shown(table[0] if table else 'none')}.",
        )
        codes = _in_order([_row(line, bits) for line in table[1:]])
        return codes * QuantisedAtoms(bits).step_rad


def _codes(
    phases_rad: Float[np.ndarray, "layers atoms"], columns: int, rows: int, bits: int
) -> UInt[np.ndarray, "layers rows columns"]:
    require(1 <= bits <= 16, f"`bits` must be from 1 to 16, but is {bits}.")
    require(
        phases_rad.ndim == 2 and phases_rad.shape[1] == columns * rows,
        f"`phases_rad` must be layers x {columns * rows}, but has shape {phases_rad.shape}.",
    )
    require(
        bool(np.isfinite(phases_rad).all()),
        "`phases_rad` must be finite, but has NaN or infinity.",
    )
    with float64():
        codes = np.asarray(QuantisedAtoms(bits).codes(phases_rad))
    return codes.astype(np.min_scalar_type(2**bits - 1)).reshape(-1, rows, columns)


def _csv_text(codes: UInt[np.ndarray, "layers rows columns"], bits: int) -> str:
    step_deg = 360 / 2**bits
    listed = "; ".join(f"{code} = {code * step_deg:g}" for code in range(2**bits))
    lines = [
        "# Codes of a stacked intelligent metasurface, written by metastack",
        f"# bits = {bits}",
        f"# phase of code c: c * {step_deg:.17g} degrees" + (f" ({listed})" if bits <= 4 else ""),
        "# order: layers count from 1, the first that the wave meets; within a layer, the atom is",
        "# row * columns + column (column fastest, along x; row along y), both from 0",
        HEADER,
    ]
    lines += [
        f"{layer + 1},{row},{column},{code}" for (layer, row, column), code in np.ndenumerate(codes)
    ]
    return "\n".join(lines) + "\n"


def _row(line: str, bits: int) -> tuple[int, ...]:
    parts = line.split(",")
    require(len(parts) == 4, f"A line must have 4 numbers, but is {shown(line)}.")
    limits = ((1, 10**6), (0, 10**6), (0, 10**6), (0, 2**bits - 1))
    return tuple(
        _integer(part, name, *limit)
        for part, name, limit in zip(parts, HEADER.split(","), limits, strict=True)
    )


def _integer(text: str, name: str, least: int, most: int) -> int:
    try:
        value = int(text)
    except ValueError as error:
        raise InputError(f"`{name}` must be a whole number, but is {shown(text)}.") from error
    require(least <= value <= most, f"`{name}` must be from {least} to {most}, but is {value}.")
    return value


def _in_order(table: list[tuple[int, ...]]) -> Int[np.ndarray, "layers atoms"]:
    """The codes, where every atom of every layer stands exactly once and in order."""
    require(bool(table), "The table must have at least one atom, but is empty.")
    found = np.array(table)
    layers, rows, columns = (found[-1, :3] + np.array([0, 1, 1])).tolist()
    require(
        len(table) == layers * rows * columns,
        f"The table must have {layers} x {rows} x {columns} atoms, but has {len(table)}.",
    )
    column, row = (np.tile(index, layers) for index in column_and_row(columns, rows))
    layer = np.repeat(np.arange(1, layers + 1), rows * columns)
    require(
        bool((found[:, :3] == np.stack([layer, row, column], axis=-1)).all()),
        "The atoms must stand in order, layer by layer, column fastest, but do not.",
    )
    return found[:, 3].reshape(layers, rows * columns)
