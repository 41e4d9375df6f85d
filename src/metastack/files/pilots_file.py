"""Pilots and plans in netCDF (ours), .npz and .mat files, and in folders of .csv files.

Foreign files hold `received`, slots x antennas x users (or x antennas, of one user), or `energies`
of the same shape (see `energies_file`), and one of
`phases_rad`, `phases_deg` and `codes` (with `bits`), slots x layers x atoms (or x all atoms, with
`layers`); as far as they are known, `frequency_hz`, `wave_speed_m_per_s` and `noise_variance`; and
how the stack was lit, see `pilot_illumination`. A plan is the same without what was received.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from ..calibration.illumination import Illumination
from ..calibration.pilots import PilotPlan, Pilots
from ..errors import InputError, require
from ..stack import Stack
from .atomic import replacing
from .frequency_choice import is_same_frequency
from .kinds import FileKind
from .matrix_file import read_arrays
from .netcdf import stored_kind
from .pilot_arrays import Arrays, listed
from .pilot_illumination import illumination_in
from .pilot_record import PilotRecord, record_of
from .pilots_csv import read_folder, write_folder
from .pilots_netcdf import read_netcdf, write_netcdf
from .wording import naming, one_line, shown

_PROBES_UNUSED = (
    "The file holds readings of probes, which are not used here: `metastack calibrate probes` "
    "takes them."
)
_HOW_LIT = (
    "The file must say how the stack was lit, but does not: give `illumination` (on the command "
    "line `--near AZIMUTH_DEG,ELEVATION_DEG,METRES` or `--far THETA_DEG,PHI_DEG` for each user, "
    "and `--past-input` if waves met the first layer), or add `lit_plane` = 0 to the file if each "
    "input port was fed by itself."
)


@dataclass(frozen=True, eq=False)
class StoredPlan:
    """A plan from a file, for which frequency, and what is odd about it."""

    plan: PilotPlan
    frequency_hz: float | None = None
    wave_speed_m_per_s: float | None = None
    warnings: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, eq=False)
class StoredPilots:
    """Pilots from a file, at which frequency, and what is odd about them."""

    pilots: Pilots
    frequency_hz: float | None = None
    wave_speed_m_per_s: float | None = None
    warnings: list[str] = field(default_factory=list[str])


def read_pilots(
    path: Path | str,
    *,
    illumination: Illumination | None = None,
    otherwise: Illumination | None = None,
) -> StoredPilots:
    """Pilots from a .nc, .npz or .mat file, or a folder of .csv files.

    `illumination`: how the stack was lit; the file's word counts where it is not given, and
    `otherwise` where the file says nothing.

    Raises:
        InputError: the file cannot be read, holds no pilots, or nobody says how the stack was lit.
    """
    record = read_pilot_record(path, FileKind.PILOTS, illumination=illumination)
    if record.illumination is None:
        record = replace(record, illumination=otherwise)
    assert record.received is not None
    with naming(path):
        many = 1 if record.frequencies_hz is None else len(record.frequencies_hz)
        require(
            record.frequencies_hz is None,
            f"The pilots must be of one frequency without `frequencies_hz`, but are of {many}: use "
            "`metastack calibrate wideband`, or `read_wideband_pilots`.",
        )
    pilots = Pilots(plan_in(record, path), record.received, record.noise_variance)
    warnings = record.warnings + ([] if record.probes is None else [_PROBES_UNUSED])
    return StoredPilots(pilots, record.frequency_hz, record.wave_speed_m_per_s, warnings)


def read_plan(path: Path | str, *, illumination: Illumination | None = None) -> StoredPlan:
    """A plan from a .nc, .npz or .mat file, or a folder of .csv files.

    `illumination`: how the stack will be lit; the file's word counts where it is not given.

    Raises:
        InputError: the file cannot be read, holds no plan, or nobody says how the stack is lit.
    """
    record = read_pilot_record(path, FileKind.PILOT_PLAN, illumination=illumination)
    plan = plan_in(record, path)
    return StoredPlan(plan, record.frequency_hz, record.wave_speed_m_per_s, record.warnings)


def write_pilots(
    pilots: Pilots,
    path: Path | str,
    *,
    frequency_hz: float | None = None,
    wave_speed_m_per_s: float | None = None,
) -> None:
    """Write pilots that read back exactly: a .nc, .npz or .mat file, or else a folder of .csv.

    Raises:
        InputError: another suffix; pilots that would not be read back; the file cannot be written.
    """
    record = PilotRecord(
        pilots.plan.phases_rad,
        pilots.plan.illumination,
        pilots.received,
        pilots.noise_variance,
        frequency_hz,
        wave_speed_m_per_s,
    )
    write_record(record, Path(path), FileKind.PILOTS)


def write_plan(
    plan: PilotPlan,
    path: Path | str,
    *,
    frequency_hz: float | None = None,
    wave_speed_m_per_s: float | None = None,
) -> None:
    """Write a plan that reads back exactly, in the formats of `write_pilots`.

    Raises:
        InputError: as `write_pilots`.
    """
    record = PilotRecord(
        plan.phases_rad,
        plan.illumination,
        frequency_hz=frequency_hz,
        wave_speed_m_per_s=wave_speed_m_per_s,
    )
    write_record(record, Path(path), FileKind.PILOT_PLAN)


class OfFrequency(Protocol):
    """What was read for a frequency, if it is known."""

    @property
    def frequency_hz(self) -> float | None:
        """The frequency for which phases are meant."""
        ...


def check_frequency(stored: OfFrequency, stack: Stack) -> None:
    """Refuse pilots, or a plan, of another frequency than the stack's.

    Raises:
        InputError: the frequencies differ by more than a thousandth.
    """
    expected, found = float(stack.frequency_hz), stored.frequency_hz
    if found is None:
        return
    require(
        is_same_frequency(found, expected),
        f"`frequency_hz` of the pilots must be the stack's, {expected:.9g}, but is {found:.9g}.",
    )


def read_pilot_record(
    path: Path | str, kind: FileKind, *, illumination: Illumination | None = None
) -> PilotRecord:
    """Everything that a file of pilots or of a plan says, even if not how the stack was lit.

    Raises:
        InputError: the file cannot be read or is of another kind.
    """
    path, wanted = Path(path), _MEASURED.get(kind)
    with naming(path):
        if path.suffix.lower() == ".nc" and path.is_file():
            stored = stored_kind(path)
            _check_not_the_other(kind, [n for each, n in _MEASURED.items() if each.value == stored])
    arrays, stated = _format(path).read(path, kind.value)
    with naming(path):
        _check_not_the_other(kind, arrays)
        if wanted is not None and wanted not in arrays:
            raise InputError(f"The file must hold `{wanted}`, but holds {listed(arrays)}.")
        others = {*_MEASURED.values()} - {wanted}
        kept = {name: array for name, array in arrays.items() if name not in others}
        return record_of(kept, illumination or stated)


_MEASURED = {FileKind.PILOTS: "received", FileKind.ENERGY_PILOTS: "energies"}
_TAKEN_BY = {"received": "metastack calibrate fit", "energies": "metastack calibrate energies"}


def _check_not_the_other(kind: FileKind, names: Iterable[str]) -> None:
    """Say which command takes a file of energies where fields are expected, or of fields."""
    wanted, found = _MEASURED.get(kind), {*names} & _TAKEN_BY.keys()
    if wanted is None or wanted in found or not found:
        return
    (other,) = found
    raise InputError(
        f"The file must hold `{wanted}`, but holds `{other}`: use `{_TAKEN_BY[other]}`."
    )


def plan_in(record: PilotRecord, path: Path | str) -> PilotPlan:
    """The plan of a record that was read from a file.

    Raises:
        InputError: nobody says how the stack was lit.
    """
    with naming(path):
        if record.illumination is None:
            raise InputError(_HOW_LIT)
        return PilotPlan(record.phases_rad, record.illumination)


def write_record(record: PilotRecord, path: Path, kind: FileKind) -> None:
    """Write a record in the format that a path's suffix names.

    Raises:
        InputError: another suffix; a record that would not be read back; the file cannot be
            written.
    """
    # What could not be read back is not written.
    record_of(record.arrays(), record.illumination)
    _format(path).write(record, path, kind.value)


class _Format(NamedTuple):
    """How one format is read, by the kind that a file should be of, and written."""

    read: Callable[[Path, str], tuple[Arrays, Illumination | None]]
    write: Callable[[PilotRecord, Path, str], None]


def _read_arrays(path: Path, kind: str) -> tuple[Arrays, Illumination | None]:
    arrays = read_arrays(path)
    with naming(path):
        return arrays, illumination_in(arrays)


def _read_folder(path: Path, kind: str) -> tuple[Arrays, Illumination | None]:
    arrays = read_folder(path)
    with naming(path):
        return arrays, illumination_in(arrays)


def _write_npz(record: PilotRecord, path: Path, kind: str) -> None:
    with replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **record.arrays())


def _write_mat(record: PilotRecord, path: Path, kind: str) -> None:
    from scipy.io import savemat

    with replacing(path) as temporary:
        savemat(temporary, record.arrays(), do_compression=True)


def _write_folder(record: PilotRecord, path: Path, kind: str) -> None:
    write_folder(record.arrays(), path)


_FORMATS = {
    ".nc": _Format(read_netcdf, write_netcdf),
    ".npz": _Format(_read_arrays, _write_npz),
    ".mat": _Format(_read_arrays, _write_mat),
}
_FOLDER = _Format(_read_folder, _write_folder)


def _format(path: Path) -> _Format:
    if path.is_dir() or not path.suffix:
        return _FOLDER
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise InputError(
            f"`{one_line(str(path))}` must end in {', '.join(_FORMATS)}, or in nothing for a "
            f"folder of .csv files, but ends in {shown(path.suffix)} (`metastack import` makes "
            "pilots of what instruments write)."
        )
    return _FORMATS[suffix]
