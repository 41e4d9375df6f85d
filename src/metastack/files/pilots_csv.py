"""Pilots as a folder of text: one file a table, one line a slot.

`phases_deg.csv`, `phases_rad.csv` or `codes.csv` list all atoms, layer after layer, x fastest, and
`received.csv` a pair of columns `re0,im0,…` for every antenna, of all users one after the other, or
`energies.csv` a column `e0,e1,…` of each;
users stand in `user_positions_m.csv` or `user_direction_cosines.csv`. Comments of the form
`# layers = 4` in any of them hold the numbers.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float, Shaped

from ..errors import InputError, require
from .pilot_arrays import Array, Arrays, listed, whole_in
from .pilot_folder import replacing_folder
from .pilot_illumination import USER_ARRAYS
from .pilot_phases import FORMS
from .wording import at_file, naming, one_line, read_text, shown

_MEASURED = ("received", "energies")
_TABLES = (*FORMS, *_MEASURED, *USER_ARRAYS)
FILES = frozenset(f"{name}.csv" for name in _TABLES)

_NOTE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*")
_NOTED = (
    "layers",
    "bits",
    "users",
    "lit_plane",
    "frequency_hz",
    "wave_speed_m_per_s",
    "noise_variance",
)
_MOST_USERS = 1_000_000


class _Table(NamedTuple):
    """One file: the numbers in its comments, its line of names if there is one, its values."""

    notes: dict[str, Array]
    header: str
    values: Float[np.ndarray, "lines columns"]


def read_folder(path: Path) -> dict[str, Array]:
    """The arrays in a folder of .csv files, by name.

    Raises:
        InputError: a file cannot be read, or a line that is not as long as the others.
    """
    require(path.is_dir(), one_line(f"`{path}` must be a folder, but does not exist."))
    names = [name for name in _TABLES if (path / f"{name}.csv").is_file()]
    if not names:
        there = listed(sorted(each.name for each in path.iterdir())[:5])
        raise at_file(
            "A folder of pilots must hold `received.csv` and one of `phases_rad.csv`, "
            f"`phases_deg.csv` and `codes.csv`, but holds {there} (`metastack import` makes one of "
            "a folder of Touchstone files)",
            path,
        )
    arrays: dict[str, Array] = {}
    for name in names:
        file = path / f"{name}.csv"
        text = read_text(file)
        with naming(file):
            table = _parsed(text)
            values = _READ[name](table) if name in _READ else table.values
        arrays |= {**table.notes, name: values}
    return arrays


def write_folder(arrays: Arrays, path: Path) -> None:
    """Write arrays as a folder of .csv files, every number exact.

    Raises:
        InputError: the folder cannot be written, or holds something else.
    """
    notes = [f"# {name} = {arrays[name].item()!r}" for name in _NOTED if name in arrays]
    texts = {
        name: _text(name, np.asarray(array), notes)
        for name, array in arrays.items()
        if name in _TABLES
    }
    with replacing_folder(path, FILES) as temporary:
        for name, text in texts.items():
            (temporary / f"{name}.csv").write_text(text, encoding="utf-8")


def _text(name: str, array: Array, notes: list[str]) -> str:
    if name in USER_ARRAYS:
        return _lines(["# a line a user"], array)
    if name in _MEASURED:
        return _text_of_responses(array)
    about = "# a line a slot, all atoms, layer after layer, x fastest"
    head = [about, f"# layers = {array.shape[1]}", *notes]
    return _lines(head, array.reshape(len(array), -1))


def _text_of_responses(measured: Shaped[np.ndarray, "slots antennas users"]) -> str:
    slots, antennas, users = measured.shape
    by_user = np.ascontiguousarray(np.swapaxes(measured, 1, 2)).reshape(slots, -1)
    ports, note = antennas * users, f"# users = {users}"
    if not np.iscomplexobj(measured):
        about = "# a line a slot, a column an antenna, user after user"
        return _lines([about, note, _energy_header(ports)], by_user)
    about = "# a line a slot, a pair of columns an antenna, user after user"
    return _lines([about, note, _field_header(ports)], by_user.view(np.float64))


def _field_header(pairs: int) -> str:
    return ",".join(f"re{pair},im{pair}" for pair in range(pairs))


def _energy_header(columns: int) -> str:
    return ",".join(f"e{column}" for column in range(columns))


def _lines(head: list[str], values: Float[np.ndarray, "lines columns"]) -> str:
    return "\n".join([*head, *(",".join(map(repr, row)) for row in values.tolist())]) + "\n"


def _parsed(text: str) -> _Table:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    matches = (_NOTE.fullmatch(line) for line in lines if line.startswith("#"))
    notes = {match[1]: match[2] for match in matches if match}
    rows = [line for line in lines if not line.startswith("#")]
    header = rows.pop(0).replace(" ", "").lower() if rows and not _is_numeric(rows[0]) else ""
    require(bool(rows), "The file must have at least one line of numbers, but has none.")
    known = {name: np.array(_float(notes[name])) for name in _NOTED if name in notes}
    return _Table(known, header, _values(rows))


def _responses(table: _Table) -> Complex[np.ndarray, "slots antennas users"]:
    _, columns = table.values.shape
    require(
        columns % 2 == 0 and table.header == _field_header(columns // 2),
        "The header must be re0,im0,re1,im1,… and name each of the "
        f"{columns} columns, but is {shown(table.header or 'missing')}.",
    )
    return _by_antenna(table, table.values.view(np.complex128), "a pair of columns", "pairs")


def _energies(table: _Table) -> Float[np.ndarray, "slots antennas users"]:
    _, columns = table.values.shape
    require(
        table.header == _energy_header(columns),
        f"The header must be e0,e1,… and name each of the {columns} columns, but is "
        f"{shown(table.header or 'missing')}.",
    )
    return _by_antenna(table, table.values, "a column", "columns")


def _by_antenna(
    table: _Table, values: Shaped[np.ndarray, "slots ports"], one: str, many: str
) -> Shaped[np.ndarray, "slots antennas users"]:
    slots, ports = values.shape
    users = whole_in(table.notes, "users", _MOST_USERS) or 1
    require(
        ports % users == 0,
        f"There must be {one} for each antenna and user, but {ports} {many} are not of {users} "
        "users.",
    )
    return np.swapaxes(values.reshape(slots, users, ports // users), 1, 2)


_READ: Mapping[str, Callable[[_Table], Array]] = {"received": _responses, "energies": _energies}


def _is_numeric(line: str) -> bool:
    try:
        return bool([float(value) for value in line.split(",")])
    except ValueError:
        return False


def _values(rows: list[str]) -> Float[np.ndarray, "lines columns"]:
    table = [[_float(value) for value in row.split(",")] for row in rows]
    for number, row in enumerate(table):
        require(
            len(row) == len(table[0]),
            f"Line {number} of the numbers must have {len(table[0])} values, but has {len(row)} "
            "(counted from 0).",
        )
    return np.array(table, np.float64)


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        message = f"The file must hold numbers, but holds {shown(text.strip())}."
        raise InputError(message) from error
