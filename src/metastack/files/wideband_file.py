"""Pilots of several frequencies in netCDF (ours), .npz and .mat files.

They hold what pilots of one frequency do, and `frequencies_hz`; `received` is slots x antennas x
users x frequencies (or slots x antennas x frequencies, of one user), and `frequency_hz` that for
which phases are meant.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from ..calibration.illumination import Illumination
from ..calibration.wideband_pilots import WidebandPilots
from ..errors import InputError
from .kinds import FileKind
from .pilot_record import PilotRecord
from .pilots_file import plan_in, read_pilot_record, write_record
from .wording import naming, one_line


@dataclass(frozen=True, eq=False)
class StoredWidebandPilots:
    """Pilots from a file, for which frequency phases are meant, and what is odd about them."""

    pilots: WidebandPilots
    frequency_hz: float | None = None
    wave_speed_m_per_s: float | None = None
    warnings: list[str] = field(default_factory=list[str])


def read_wideband_pilots(
    path: Path | str,
    *,
    illumination: Illumination | None = None,
    otherwise: Illumination | None = None,
) -> StoredWidebandPilots:
    """Pilots of several frequencies from a .nc, .npz or .mat file.

    `illumination`: how the stack was lit; the file's word counts where it is not given, and
    `otherwise` where the file says nothing.

    Raises:
        InputError: the file cannot be read, holds no such pilots, or nobody says how the stack was
            lit.
    """
    record = read_pilot_record(path, FileKind.PILOTS, illumination=illumination)
    if record.illumination is None:
        record = replace(record, illumination=otherwise)
    if record.frequencies_hz is None:
        with naming(path):
            raise InputError(
                "The file must hold `frequencies_hz`, but does not: pilots of one frequency are "
                "for `metastack calibrate`."
            )
    assert record.received is not None
    pilots = WidebandPilots(
        plan_in(record, path), record.frequencies_hz, record.received, record.noise_variance
    )
    return StoredWidebandPilots(
        pilots, record.frequency_hz, record.wave_speed_m_per_s, record.warnings
    )


def write_wideband_pilots(
    pilots: WidebandPilots,
    path: Path | str,
    *,
    frequency_hz: float | None = None,
    wave_speed_m_per_s: float | None = None,
) -> None:
    """Write pilots that read back exactly: a .nc, .npz or .mat file.

    Raises:
        InputError: another suffix; pilots that would not be read back; the file cannot be written.
    """
    path = Path(path)
    if path.is_dir() or not path.suffix:
        raise InputError(
            f"`{one_line(str(path))}` must end in .nc, .npz or .mat: a folder of .csv files holds "
            "pilots of one frequency only."
        )
    record = PilotRecord(
        pilots.plan.phases_rad,
        pilots.plan.illumination,
        pilots.received,
        pilots.noise_variance,
        frequency_hz,
        wave_speed_m_per_s,
        pilots.frequencies_hz,
    )
    write_record(record, path, FileKind.PILOTS)
