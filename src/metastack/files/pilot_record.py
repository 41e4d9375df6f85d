"""What a file of pilots, or of a plan for them, says, whatever its format."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from ..calibration.energies import checked_energies
from ..calibration.illumination import (
    FromInputPorts,
    Illumination,
    OntoFirstLayer,
    OntoInputLayer,
)
from ..calibration.pilots import PilotPlan, Pilots
from ..calibration.wideband_pilots import WidebandPilots
from ..errors import require
from .pilot_arrays import Array, Arrays, number_in, positive_in
from .pilot_illumination import numbers_of
from .pilot_phases import phases_in
from .pilot_warnings import energy_warnings, phase_warnings, response_warnings
from .probe_arrays import ProbeArrays, probes_in


@dataclass(frozen=True, eq=False)
class PilotRecord:
    """The content of a file; `None` is what it does not say. A plan has received nothing.

    `frequency_hz` is the one for which phases are meant; `frequencies_hz` are those of pilots of
    several frequencies, the last axis of what was received.
    """

    phases_rad: Float[np.ndarray, "slots layers atoms"]
    illumination: Illumination | None = None
    received: Complex[np.ndarray, "slots antennas users *frequencies"] | None = None
    noise_variance: float | None = None
    frequency_hz: float | None = None
    wave_speed_m_per_s: float | None = None
    frequencies_hz: Float[np.ndarray, " frequencies"] | None = None
    energies: Float[np.ndarray, "slots antennas users"] | None = None
    probes: ProbeArrays | None = None

    @property
    def warnings(self) -> list[str]:
        """What is odd about it, a sentence each."""
        warnings = phase_warnings(self.phases_rad)
        warnings += [] if self.received is None else response_warnings(self.received)
        return warnings + ([] if self.energies is None else energy_warnings(self.energies))

    def numbers(self) -> dict[str, float]:
        """The single numbers that it says."""
        return {
            name: float(value) for name in _NUMBERS if (value := getattr(self, name)) is not None
        }

    def arrays(self) -> dict[str, Array]:
        """Everything as named arrays, of which `record_of` makes the same record."""
        lit = {} if self.illumination is None else numbers_of(self.illumination)
        pairs = ("received", self.received), ("energies", self.energies)
        measured = {name: array for name, array in pairs if array is not None}
        numbers = {name: np.array(value) for name, value in self.numbers().items()}
        band = {} if self.frequencies_hz is None else {"frequencies_hz": self.frequencies_hz}
        probed = {} if self.probes is None else self.probes.arrays()
        return {"phases_rad": self.phases_rad, **measured, **band, **probed, **numbers, **lit}


_NUMBERS = ("frequency_hz", "wave_speed_m_per_s", "noise_variance")


def record_of(arrays: Arrays, illumination: Illumination | None) -> PilotRecord:
    """The record in named arrays, of which others than ours are ignored.

    Raises:
        InputError: values that cannot be, or that contradict each other.
    """
    phases_rad = phases_in(arrays)
    variance = number_in(arrays, "noise_variance")
    received, frequencies = None, _frequencies(arrays)
    if "received" in arrays:
        received = _received(arrays["received"], phases_rad, illumination, variance, frequencies)
    return PilotRecord(
        phases_rad,
        illumination,
        received,
        variance,
        positive_in(arrays, "frequency_hz"),
        positive_in(arrays, "wave_speed_m_per_s"),
        frequencies,
        _energies(arrays["energies"], phases_rad, illumination) if "energies" in arrays else None,
        _probes(arrays, received),
    )


def _probes(
    arrays: Arrays, received: Complex[np.ndarray, "slots antennas users *frequencies"] | None
) -> ProbeArrays | None:
    """What probes read while something was received; a plan has none."""
    if received is None:
        return None
    found = probes_in(arrays, len(received))
    require(
        found is None or found.readings.shape[2] == received.shape[2],
        "`probe_readings` must be of as many users as `received`, "
        f"{received.shape[2]}, but are of {0 if found is None else found.readings.shape[2]}.",
    )
    return found


def _frequencies(arrays: Arrays) -> Float[np.ndarray, " frequencies"] | None:
    if "frequencies_hz" not in arrays:
        return None
    array = np.asarray(arrays["frequencies_hz"])
    require(array.dtype.kind in "iuf", f"`frequencies_hz` must be real, but is {array.dtype}.")
    return np.ascontiguousarray(array.ravel(), np.float64)


def _received(
    array: Array,
    phases_rad: Float[np.ndarray, "slots layers atoms"],
    illumination: Illumination | None,
    variance: float | None,
    frequencies_hz: Float[np.ndarray, " frequencies"] | None,
) -> Complex[np.ndarray, "slots antennas users *frequencies"]:
    require(
        np.iscomplexobj(array),
        "`received` must be complex, but is real: magnitudes alone do not do; their squares may be "
        "calibrated as `energies` (`metastack calibrate energies`).",
    )
    # Which illumination is the same to these checks, so that one unknown may pass for any.
    plan = PilotPlan(phases_rad, illumination or FromInputPorts())
    responses = np.ascontiguousarray(array)
    if frequencies_hz is None:
        received = Pilots.measured(plan, responses, variance).received
    else:
        received = WidebandPilots.measured(plan, frequencies_hz, responses, variance).received
    _check_users("received", received.shape[2], illumination)
    return received


def _energies(
    array: Array,
    phases_rad: Float[np.ndarray, "slots layers atoms"],
    illumination: Illumination | None,
) -> Float[np.ndarray, "slots antennas users"]:
    plan = PilotPlan(phases_rad, illumination or FromInputPorts())
    energies = checked_energies(plan, np.ascontiguousarray(array))
    _check_users("energies", energies.shape[2], illumination)
    return energies


def _check_users(name: str, users: int, illumination: Illumination | None) -> None:
    if isinstance(illumination, OntoFirstLayer | OntoInputLayer):
        lit = len(illumination.waves.coordinates)
        require(
            users == lit,
            f"`{name}` must be of the {lit} users that light the stack, but is of {users}.",
        )
