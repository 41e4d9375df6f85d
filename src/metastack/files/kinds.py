"""Which of our kinds a file is, from its suffix and a look inside."""

import tomllib
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from ..errors import InputError, require
from .wording import naming, one_line, read_text, shown


class FileKind(Enum):
    """What a file holds; the value is its name for the user."""

    STACK = "stack file"
    DESIGN = "design"
    DIRECTION_DESIGN = "direction design"
    CLASSIFIER = "classifier"
    RECORDING = "recording"
    PILOTS = "pilots"
    ENERGY_PILOTS = "energies of pilots"
    PILOT_PLAN = "pilot plan"
    MATRIX = "matrix of numbers"
    ATOM_TABLE = "table of measured atoms"
    DISPERSION_TABLE = "table of measured dispersion"
    CODES = "table of codes"
    INPUT_CODES = "table of codes of the input layer"
    SWEEP = "sweep file"
    SWEEP_RESULTS = "sweep results"
    STUDY_RESULTS = "study results"


def identify(path: Path | str) -> FileKind:
    """The kind of a file; reading it may still find it wrong.

    Raises:
        InputError: the file cannot be read, or is none of ours.
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path)
    require(
        path.suffix.lower() in _LOOK,
        f"`{one_line(str(path))}` must end in {', '.join(_LOOK)}, but ends in "
        f"{shown(path.suffix)}.",
    )
    return _LOOK[path.suffix.lower()](path)


def _toml(path: Path) -> FileKind:
    """A sweep says which command; whatever else is TOML is a stack, or none of ours."""
    try:
        is_sweep = "command" in tomllib.loads(read_text(path))
    except (ValueError, RecursionError):  # told when it is read as a stack
        is_sweep = False
    return FileKind.SWEEP if is_sweep else FileKind.STACK


_NETCDF = {
    kind.value: kind
    for kind in (
        FileKind.DESIGN,
        FileKind.DIRECTION_DESIGN,
        FileKind.CLASSIFIER,
        FileKind.RECORDING,
        FileKind.PILOTS,
        FileKind.ENERGY_PILOTS,
        FileKind.PILOT_PLAN,
        FileKind.SWEEP_RESULTS,
        FileKind.STUDY_RESULTS,
    )
}


def _netcdf(path: Path) -> FileKind:
    from .netcdf import stored_kind

    kind = stored_kind(path)
    if kind not in _NETCDF:
        with naming(path):
            raise InputError(
                f"`metastack_kind` must be one of {', '.join(_NETCDF)}, but is {shown(kind)}."
            )
    return _NETCDF[kind]


def _arrays(path: Path) -> FileKind:
    from .matrix_file import read_arrays

    names = read_arrays(path).keys()
    has_phases = {"phases_rad", "phases_deg"} & names or {"codes", "bits"} <= names
    if has_phases and path.suffix.lower() != ".npy":  # which is one array, whatever its name
        return _of_plan("received" in names, "energies" in names)
    return FileKind.RECORDING if names & {"received", "energies"} else FileKind.MATRIX


_CODES = {
    "layer,row,column,code": FileKind.CODES,
    "snapshot,row,column,code": FileKind.INPUT_CODES,
}


def _csv(path: Path) -> FileKind:
    lines = (line.strip() for line in read_text(path).splitlines())
    header = next((line for line in lines if line and not line.startswith("#")), "")
    if header in _CODES:
        return _CODES[header]
    if "setting_deg" not in header:
        return FileKind.RECORDING
    return FileKind.DISPERSION_TABLE if "frequency_hz" in header else FileKind.ATOM_TABLE


def _folder(path: Path) -> FileKind:
    return _of_plan(*((path / f"{name}.csv").is_file() for name in ("received", "energies")))


def _of_plan(has_received: bool, has_energies: bool) -> FileKind:
    """What a file with phases is: fields tell all that energies do."""
    if has_received:
        return FileKind.PILOTS
    return FileKind.ENERGY_PILOTS if has_energies else FileKind.PILOT_PLAN


_LOOK: dict[str, Callable[[Path], FileKind]] = {
    ".toml": _toml,
    ".nc": _netcdf,
    ".mat": _arrays,
    ".npz": _arrays,
    ".npy": _arrays,
    ".csv": _csv,
}
