"""Measured pilots in the formats that people have, made into ours.

A folder of Touchstone files with a table (see `measured_folder`), arrays in HDF5, .mat and .npz
(`measured_arrays`), SigMF recordings (`measured_sigmf`). References are used (`references`), the
frequencies wanted are chosen or interpolated, and e^{+jωt} is conjugated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..calibration.illumination import FromInputPorts, Illumination
from ..calibration.pilots import PilotPlan, Pilots
from ..calibration.references import Corrected, Measurement, check_measurement, corrected
from ..calibration.wideband_pilots import WidebandPilots
from ..errors import InputError, require
from . import measured_arrays, measured_folder, measured_sigmf
from .frequency_choice import at_frequencies, the_frequencies
from .time_convention import TimeConvention, settled_convention, turning
from .wording import naming, one_line, shown


@dataclass(frozen=True, eq=False)
class ImportedPilots:
    """Pilots in our convention, and how they were made of what was measured."""

    pilots: Pilots | WidebandPilots
    frequencies_hz: tuple[float, ...]
    measurement: Measurement
    corrected: Corrected
    convention: TimeConvention
    is_convention_seen: bool

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about it, a sentence each."""
        return (*self.measurement.warnings, *self.corrected.warnings)


def import_pilots(
    path: Path | str,
    *,
    frequencies_hz: Sequence[float] = (),
    illumination: Illumination | None = None,
    convention: TimeConvention | None = None,
) -> ImportedPilots:
    """Pilots of what was measured, from a file or a folder: `pilots_from` its `read_measurement`.

    Raises:
        InputError: as they do.
    """
    measurement = read_measurement(path)
    with naming(path):
        return pilots_from(
            measurement,
            frequencies_hz=frequencies_hz,
            illumination=illumination,
            convention=convention,
        )


def read_measurement(path: Path | str) -> Measurement:
    """What a bench gave, as it stands in its files, in their own convention.

    Raises:
        InputError: the source cannot be read, or its parts do not fit together.
    """
    path = Path(path)
    measurement = _reader(path)(path)
    with naming(path):
        check_measurement(measurement)
    return measurement


def pilots_from(
    measurement: Measurement,
    *,
    frequencies_hz: Sequence[float] = (),
    illumination: Illumination | None = None,
    convention: TimeConvention | None = None,
) -> ImportedPilots:
    """Pilots of a measurement: of one frequency, or over a band if several are wanted.

    `frequencies_hz`: those wanted; the measurement's if it has only one. `illumination`: how the
    stack was lit; else each input port was fed by itself. `convention`: else e^{+jωt}, unless
    phases contradict it.

    Raises:
        InputError: references that contradict each other; a frequency outside the data; phases
            that say that the measurement was conjugated already.
    """
    done = corrected(measurement)
    have_hz = measurement.frequencies_hz
    chosen_hz = the_frequencies(have_hz, frequencies_hz)
    slots, antennas, users, _ = done.received.shape
    by_frequency = np.moveaxis(done.received, -1, 0).reshape(len(have_hz), -1)
    turns = turning(have_hz, by_frequency)
    seen = None if turns is None else turns.convention
    settled = settled_convention(seen, convention, turns)
    at_chosen = settled.to_ours(at_frequencies(by_frequency, have_hz, list(chosen_hz)))
    received = np.moveaxis(at_chosen.reshape(-1, slots, antennas, users), 0, -1)
    plan = PilotPlan(measurement.phases_rad, illumination or FromInputPorts())
    noise = done.noise_variance
    variance = None if noise is None else float(np.mean(np.interp(chosen_hz, have_hz, noise)))
    pilots = (
        Pilots.measured(plan, received[..., 0], variance)
        if len(chosen_hz) == 1
        else WidebandPilots.measured(plan, chosen_hz, received, variance)
    )
    frequencies = tuple(map(float, chosen_hz))
    return ImportedPilots(pilots, frequencies, measurement, done, settled, seen is settled)


def _reader(path: Path) -> Callable[[Path], Measurement]:
    if path.is_dir():
        return measured_folder.read_measured_folder
    require(path.exists(), one_line(f"`{path}` must be a file or a folder, but does not exist."))
    suffix = path.suffix.lower()
    if path.name == measured_folder.TABLE:
        return _folder_around
    readers = {
        **dict.fromkeys(measured_arrays.SUFFIXES, measured_arrays.read_measured_arrays),
        **dict.fromkeys(measured_sigmf.SUFFIXES, measured_sigmf.read_measured_sigmf),
    }
    if suffix not in readers:
        raise InputError(
            f"`{one_line(str(path))}` must be a folder of Touchstone files with "
            f"`{measured_folder.TABLE}`, or end in {', '.join(readers)}, but ends in "
            f"{shown(path.suffix)}."
        )
    return readers[suffix]


def _folder_around(path: Path) -> Measurement:
    return measured_folder.read_measured_folder(path.parent)
