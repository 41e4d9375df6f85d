"""Recordings as text: a line a snapshot, a column a probe.

Comment lines of the form `# columns = 2` say how probes and snapshots are laid out. A header
line `re0,im0,re1,im1,…` announces complex fields; any other header, or none, energies.
"""

import re
from collections.abc import Mapping

import numpy as np
from jaxtyping import Shaped

from ..errors import InputError, require
from .recording import LAYOUT, TRUTH
from .wording import shown

_NOTE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*")
_FIELD_HEADER = re.compile(r"re\d+,im\d+(,re\d+,im\d+)*", re.IGNORECASE)


def csv_text(
    matrix: Shaped[np.ndarray, "snapshots probes"], about: Mapping[str, int | float]
) -> str:
    """A recording as text, every number exact."""
    lines = ["# A recording of metastack: a line a snapshot t = t_y T_x + t_x, a column a probe"]
    lines += [f"# {name} = {value!r}" for name, value in about.items()]
    probes = range(matrix.shape[1])
    if np.iscomplexobj(matrix):
        lines.append(",".join(f"re{probe},im{probe}" for probe in probes))
        matrix = np.ascontiguousarray(matrix, np.complex128).view(np.float64)
    else:
        lines.append(",".join(f"energy{probe}" for probe in probes))
    lines += [",".join(map(repr, row)) for row in matrix.tolist()]
    return "\n".join(lines) + "\n"


def parse_csv(text: str) -> dict[str, Shaped[np.ndarray, "..."]]:
    """The arrays in a text, by name: `received` or `energies`, and what the comments say.

    Raises:
        InputError: a value that is not a number, or lines of different length.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    arrays = _notes([line for line in lines if line.startswith("#")])
    rows = [line for line in lines if not line.startswith("#")]
    require(bool(rows), "A recording must have at least one snapshot, but has none.")
    header = "" if _is_numeric(rows[0]) else rows.pop(0).replace(" ", "")
    values = _table(rows)
    if not _FIELD_HEADER.fullmatch(header):
        return arrays | {"energies": values}
    require(
        values.shape[1] == header.count(",") + 1,
        f"A recording must have the {header.count(',') + 1} columns of its header, but has "
        f"{values.shape[1]}.",
    )
    return arrays | {"received": np.ascontiguousarray(values).view(np.complex128)}


def _notes(comments: list[str]) -> dict[str, Shaped[np.ndarray, "..."]]:
    notes = [match.groups() for match in map(_NOTE.fullmatch, comments) if match]
    return {name: np.array(_float(value)) for name, value in notes if name in LAYOUT + TRUTH}


def _is_numeric(line: str) -> bool:
    try:
        return bool([float(value) for value in line.split(",")])
    except ValueError:
        return False


def _table(rows: list[str]) -> Shaped[np.ndarray, "snapshots probes"]:
    table = [[_float(value) for value in row.split(",")] for row in rows]
    require(bool(table), "A recording must have at least one snapshot, but has none.")
    for number, row in enumerate(table, start=1):
        require(
            len(row) == len(table[0]),
            f"Snapshot {number} must have {len(table[0])} values, but has {len(row)}.",
        )
    return np.array(table, np.float64)


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        message = f"A recording must hold numbers, but holds {shown(text.strip())}."
        raise InputError(message) from error
