"""Measured pilots as a folder of Touchstone files with a table of what was shown in each.

`configurations.csv` has a line for each file, in the order of measuring:

    # users = 1
    # antennas = 2
    file,state,deg_1_0,deg_1_1,…
    slot000.s2p,slot,0,90,…
    off.s2p,all_off,,,…

`users` and `antennas` list the ports, from 1; two-ports go from 1 to 2 without them. `state` is
`slot` (or nothing), `repeated`, `all_off`, `empty` or `through`; only slots need phases, in degrees
(`deg_LAYER_ATOM`, layers from 1, atoms from 0) or as codes (`code_LAYER_ATOM`, with `# bits = 2`).
`time_s` may tell when each was measured.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Complex, Float

from ..calibration.references import Measurement, Readings, Reference
from ..errors import InputError, require
from .network_sweep import NetworkSweep
from .pilot_arrays import listed
from .pilot_phases import phases_in
from .touchstone import is_touchstone, read_touchstone
from .wording import naming, naming_line, read_text, shown

TABLE = "configurations.csv"
_NOTE = re.compile(r"#\s*(\w+)\s*=\s*([0-9][0-9 ]{0,1000})")
_PHASE = re.compile(r"(deg|code)_([0-9]{1,6})_([0-9]{1,6})")
_STATES = {"": None, "slot": None, **{each.value: each for each in Reference}}


@dataclass(frozen=True, eq=False)
class _Row:
    """A line of the table: its number, the file, what it is, its phases, when it was measured."""

    line: int
    file: str
    state: Reference | None
    phases: Float[np.ndarray, " phases"] | None
    time: float


@dataclass(frozen=True, eq=False)
class _Table:
    """The table: its rows, in which form phases are, of how many layers; numbers in comments."""

    rows: tuple[_Row, ...]
    form: str
    layers: int
    notes: dict[str, list[int]]


def read_measured_folder(path: Path) -> Measurement:
    """Slots and references of a folder.

    Raises:
        InputError: the table or a file cannot be read; phases missing; files of different
            frequencies or ports.
    """
    table_path = path / TABLE
    require(table_path.is_file(), f"`{path}` must hold `{TABLE}`, but does not.")
    text = read_text(table_path)
    with naming(table_path):
        table = _parsed(text)
        phases_rad = _phases(table)
        sweeps = [_sweep(path, row) for row in table.rows]
        _check_alike(table.rows, sweeps)
        users, antennas = _ports(table.notes, sweeps[0].ports)
    received = [_responses(sweep, users, antennas) for sweep in sweeps]
    states = {row.state for row in table.rows}

    def readings(state: Reference | None) -> Readings:
        chosen = [k for k, row in enumerate(table.rows) if row.state is state]
        times = np.array([table.rows[k].time for k in chosen])
        return Readings(times, np.stack([received[k] for k in chosen]))

    references = {each: readings(each) for each in Reference if each in states}
    frequencies_hz = sweeps[0].frequencies_hz
    unused = _unused(path, table.rows)
    return Measurement(phases_rad, readings(None), frequencies_hz, references, warnings=unused)


def _parsed(text: str) -> _Table:
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    matches = (_NOTE.fullmatch(line) for _, line in lines if line.startswith("#"))
    notes = {match[1]: [int(part) for part in match[2].split()] for match in matches if match}
    told = [(number, line) for number, line in lines if line and not line.startswith("#")]
    require(len(told) > 1, "The table must have a header and a line for each file, but has not.")
    header = [name.lower() for name in _cells(told[0][1])]
    form, places, layers = _columns(header)
    rows = [_row(number, line, header, places, k) for k, (number, line) in enumerate(told[1:])]
    require(
        any(row.state is None for row in rows),
        "The table must have a slot, but has references only.",
    )
    return _Table(tuple(rows), form, layers, notes)


def _cells(line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line]))]
    except csv.Error as error:
        raise InputError(f"The table must be of comma-separated values: {error}.") from error


def _columns(header: Sequence[str]) -> tuple[str, list[int], int]:
    """The form of phases, where their columns are, layer after layer, and how many layers."""
    require("file" in header, f"The table must have a column `file`, but has {listed(header[:8])}.")
    known = {"file", "state", "time_s"}
    strange = [name for name in header if name not in known and not _PHASE.fullmatch(name)]
    require(
        not strange and len(set(header)) == len(header),
        "Columns must be `file`, `state`, `time_s` and phases `deg_LAYER_ATOM` or "
        f"`code_LAYER_ATOM`, once each, but are {listed([*strange, *header][:5])}.",
    )
    found = {
        (m[1], int(m[2]), int(m[3])): k for k, n in enumerate(header) if (m := _PHASE.match(n))
    }
    forms = sorted({form for form, _, _ in found})
    if len(forms) != 1:
        raise InputError(
            "The table must have phases either in degrees, `deg_1_0`, …, or as codes, `code_1_0`, "
            f"…, but has {' and '.join(forms) or 'neither'}."
        )
    layers = max(layer for _, layer, _ in found)
    atoms = 1 + max(atom for _, _, atom in found)
    # Not a list: a slip of the pen may make billions of them.
    wanted = ((forms[0], layer, atom) for layer in range(1, layers + 1) for atom in range(atoms))
    missing = next((each for each in wanted if each not in found), None)
    require(
        missing is None and len(found) == layers * atoms,
        f"The table must have phases of {layers} layers of {atoms} atoms, counted from layer 1 and "
        f"atom 0, but has no `{'_'.join(map(str, missing or (forms[0], 0, 0)))}`.",
    )
    return forms[0], [found[each] for each in sorted(found)], layers


def _row(number: int, line: str, header: Sequence[str], places: Sequence[int], order: int) -> _Row:
    with naming_line(number):
        cells = _cells(line)
        require(
            len(cells) == len(header),
            f"There must be {len(header)} values, as in the header, but there are {len(cells)}.",
        )
        by_name = dict(zip(header, cells, strict=True))
        state = by_name.get("state", "").lower()
        require(
            state in _STATES,
            f"`state` must be one of slot, {', '.join(each.value for each in Reference)}, but is "
            f"{shown(state)}.",
        )
        time = _number("time_s", by_name["time_s"]) if "time_s" in by_name else float(order)
        phases = None
        if _STATES[state] is None:
            phases = np.array([_number(header[place], cells[place]) for place in places])
        return _Row(number, by_name["file"], _STATES[state], phases, time)


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        said = f"is {shown(text)}" if text else "is missing"
        raise InputError(f"`{name}` must be a number, but {said}.") from error
    require(bool(np.isfinite(value)), f"`{name}` must be a finite number, but is {value}.")
    return value


def _phases(table: _Table) -> Float[np.ndarray, "slots layers atoms"]:
    values = np.stack([row.phases for row in table.rows if row.phases is not None])
    name = {"deg": "phases_deg", "code": "codes"}[table.form]
    numbers = {"layers": np.array(table.layers)}
    if "bits" in table.notes:
        numbers["bits"] = np.array(table.notes["bits"])
    return phases_in({name: values, **numbers})


def _sweep(folder: Path, row: _Row) -> NetworkSweep:
    with naming_line(row.line):
        path = (folder / row.file).resolve()
        require(
            path.is_relative_to(folder.resolve()) and is_touchstone(path),
            f"`file` must be a Touchstone file (.sNp) in the folder, but is {shown(row.file)}.",
        )
        return read_touchstone(path)


def _check_alike(rows: Sequence[_Row], sweeps: Sequence[NetworkSweep]) -> None:
    first = sweeps[0]
    for row, sweep in zip(rows, sweeps, strict=True):
        with naming_line(row.line):
            require(
                sweep.ports == first.ports,
                f"`{row.file}` must have {first.ports} ports as `{rows[0].file}`, but has "
                f"{sweep.ports}.",
            )
            require(
                np.array_equal(sweep.frequencies_hz, first.frequencies_hz),
                f"`{row.file}` must have the frequencies of `{rows[0].file}`, but has others.",
            )
            require(
                np.array_equal(sweep.references_ohm, first.references_ohm),
                f"`{row.file}` must have the reference impedances of `{rows[0].file}`, but has "
                "others.",
            )


def _ports(notes: dict[str, list[int]], ports: int) -> tuple[list[int], list[int]]:
    """The users' and the antennas' ports, counted from 0."""
    two = {"users": [1], "antennas": [2]} if ports == 2 else {}
    users, antennas = (notes.get(name, two.get(name, [])) for name in ("users", "antennas"))
    require(
        bool(users and antennas),
        f"The table must say which of the {ports} ports are users and which antennas, but does "
        "not: add `# users = 1` and `# antennas = 2 3`.",
    )
    both = [*users, *antennas]
    require(
        len(set(both)) == len(both) and all(1 <= port <= ports for port in both),
        f"`users` and `antennas` must be different ports from 1 to {ports}, but are "
        f"{', '.join(map(str, both))}.",
    )
    return [port - 1 for port in users], [port - 1 for port in antennas]


def _responses(
    sweep: NetworkSweep, users: Sequence[int], antennas: Sequence[int]
) -> Complex[np.ndarray, "antennas users frequencies"]:
    return np.moveaxis(sweep.scattering[:, antennas][:, :, users], 0, -1)


def _unused(path: Path, rows: Sequence[_Row]) -> tuple[str, ...]:
    named = {row.file for row in rows}
    others = sorted(e.name for e in path.iterdir() if is_touchstone(e) and e.name not in named)
    if not others:
        return ()
    return (f"{len(others)} Touchstone files are not in the table, the first is {others[0]}.",)
