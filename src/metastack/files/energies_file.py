"""Energies of pilots in netCDF (ours), .npz and .mat files, and in folders of .csv files.

They hold what pilots do, with `energies` in place of `received`, and the `noise_variance` that was
in them: that of the complex field before it was squared.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from ..calibration.energies import EnergyPilots
from ..calibration.illumination import Illumination
from .kinds import FileKind
from .pilot_record import PilotRecord
from .pilots_file import plan_in, read_pilot_record, write_record
from .wording import naming


@dataclass(frozen=True, eq=False)
class StoredEnergyPilots:
    """Energies from a file, at which frequency, and what is odd about them."""

    pilots: EnergyPilots
    frequency_hz: float | None = None
    wave_speed_m_per_s: float | None = None
    warnings: list[str] = field(default_factory=list[str])


def read_energy_pilots(
    path: Path | str,
    *,
    illumination: Illumination | None = None,
    otherwise: Illumination | None = None,
    noise_variance: float | None = None,
) -> StoredEnergyPilots:
    """Energies from a .nc, .npz or .mat file, or a folder of .csv files.

    `illumination`: how the stack was lit; the file's word counts where it is not given, and
    `otherwise` where the file says nothing. `noise_variance`: of the field; else the file's.

    Raises:
        InputError: the file cannot be read, holds no energies, or nobody says how much noise is in
            them or how the stack was lit.
    """
    record = read_pilot_record(path, FileKind.ENERGY_PILOTS, illumination=illumination)
    if record.illumination is None:
        record = replace(record, illumination=otherwise)
    assert record.energies is not None
    variance = record.noise_variance if noise_variance is None else noise_variance
    plan = plan_in(record, path)
    with naming(path):
        pilots = EnergyPilots.measured(plan, record.energies, variance)
    return StoredEnergyPilots(
        pilots, record.frequency_hz, record.wave_speed_m_per_s, record.warnings
    )


def write_energy_pilots(
    pilots: EnergyPilots,
    path: Path | str,
    *,
    frequency_hz: float | None = None,
    wave_speed_m_per_s: float | None = None,
) -> None:
    """Write energies that read back exactly: a .nc, .npz or .mat file, or else a folder of .csv.

    Raises:
        InputError: another suffix; energies that would not be read back; the file cannot be
            written.
    """
    record = PilotRecord(
        pilots.plan.phases_rad,
        pilots.plan.illumination,
        noise_variance=pilots.noise_variance,
        frequency_hz=frequency_hz,
        wave_speed_m_per_s=wave_speed_m_per_s,
        energies=pilots.energies,
    )
    write_record(record, Path(path), FileKind.ENERGY_PILOTS)
