"""A measured table of atoms as a CSV file: setting_deg, amplitude, phase_deg."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..atoms import MeasuredAtoms
from ..errors import require
from .wording import naming, read_text, shown

COLUMNS = ("setting_deg", "amplitude", "phase_deg")


def read_atom_table(path: Path) -> MeasuredAtoms:
    """Measured atoms from a CSV file with a header line; lines that start with # are comments.

    Raises:
        InputError: the file cannot be read, a column is missing, a value is not a number, or
            the table cannot be that of an atom.
    """
    text = read_text(path)
    with naming(path):
        setting_deg, amplitude, phase_deg = columns_in(text, COLUMNS)
        return MeasuredAtoms.from_table(np.radians(setting_deg), amplitude, np.radians(phase_deg))


def columns_in(text: str, columns: tuple[str, ...]) -> Float[np.ndarray, "columns rows"]:
    """The named columns of a table with a header line; lines that start with # are comments.

    Raises:
        InputError: a column is missing, or a value is not a number.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    header = [name.strip() for name in lines[0].split(",")] if lines else []
    for name in columns:
        require(
            name in header,
            f"An atom table must have the columns {', '.join(columns)}, but `{name}` is missing.",
        )
    rows = [line.split(",") for line in lines[1:]]
    picked = [[_value(row, header.index(name), name) for row in rows] for name in columns]
    return np.array(picked, float).reshape(len(columns), -1)


def _value(row: list[str], column: int, name: str) -> float:
    text = row[column] if column < len(row) else ""
    try:
        return float(text)
    except ValueError:
        require(False, f"`{name}` must be a number, but is {shown(text)}.")
        raise
