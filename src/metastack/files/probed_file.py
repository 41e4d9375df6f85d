"""Pilots with readings of probes between layers in netCDF (ours), .npz and .mat files.

They hold what pilots do, and beside it what `probe_arrays` names.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..calibration.illumination import Illumination
from ..calibration.pilots import Pilots
from ..calibration.probes import PowerProbes
from ..errors import InputError, require
from .kinds import FileKind
from .pilot_record import PilotRecord
from .pilots_file import plan_in, read_pilot_record, write_record
from .probe_arrays import ProbeArrays
from .wording import naming, one_line


@dataclass(frozen=True, eq=False)
class StoredProbedPilots:
    """Pilots and readings from a file, at which frequency, and what is odd about them."""

    pilots: Pilots
    probes: tuple[PowerProbes, ...]
    readings: Float[np.ndarray, "slots probes users"]
    frequency_hz: float | None = None
    wave_speed_m_per_s: float | None = None
    warnings: list[str] = field(default_factory=list[str])


def read_probed_pilots(
    path: Path | str,
    *,
    illumination: Illumination | None = None,
    otherwise: Illumination | None = None,
) -> StoredProbedPilots:
    """Pilots and what probes read meanwhile from a .nc, .npz or .mat file.

    `illumination`: how the stack was lit; the file's word counts where it is not given, and
    `otherwise` where the file says nothing.

    Raises:
        InputError: the file cannot be read, holds no such pilots, or nobody says how the stack was
            lit.
    """
    record = read_pilot_record(path, FileKind.PILOTS, illumination=illumination)
    if record.illumination is None:
        record = replace(record, illumination=otherwise)
    assert record.received is not None
    with naming(path):
        require(
            record.frequencies_hz is None,
            "Pilots with probes must be of one frequency, without `frequencies_hz`, but are not.",
        )
        if record.probes is None:
            raise InputError(
                "The file must hold `probe_readings`, but does not: pilots without probes are for "
                "`metastack calibrate`."
            )
    pilots = Pilots(plan_in(record, path), record.received, record.noise_variance)
    return StoredProbedPilots(
        pilots,
        record.probes.probes,
        record.probes.readings,
        record.frequency_hz,
        record.wave_speed_m_per_s,
        record.warnings,
    )


def write_probed_pilots(
    pilots: Pilots,
    probes: Sequence[PowerProbes],
    readings: Float[np.ndarray, "slots probes users"],
    path: Path | str,
    *,
    frequency_hz: float | None = None,
    wave_speed_m_per_s: float | None = None,
) -> None:
    """Write pilots and readings that read back exactly: a .nc, .npz or .mat file.

    Raises:
        InputError: another suffix; pilots or readings that would not be read back; the file cannot
            be written.
    """
    path = Path(path)
    if path.is_dir() or not path.suffix:
        raise InputError(
            f"`{one_line(str(path))}` must end in .nc, .npz or .mat: a folder of .csv files holds "
            "pilots without probes only."
        )
    record = PilotRecord(
        pilots.plan.phases_rad,
        pilots.plan.illumination,
        pilots.received,
        pilots.noise_variance,
        frequency_hz,
        wave_speed_m_per_s,
        probes=ProbeArrays.of(probes, np.asarray(readings, float)),
    )
    write_record(record, path, FileKind.PILOTS)
