"""What a file of pilots, or of a plan for them, says, whatever its format."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

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
from .pilot_warnings import phase_warnings, response_warnings


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

    @property
    def warnings(self) -> list[str]:
        """What is odd about it, a sentence each."""
        of_phases = phase_warnings(self.phases_rad)
        return of_phases + ([] if self.received is None else response_warnings(self.received))

    def numbers(self) -> dict[str, float]:
        """The single numbers that it says."""
        return {
            name: float(value) for name in _NUMBERS if (value := getattr(self, name)) is not None
        }

    def arrays(self) -> dict[str, Array]:
        """Everything as named arrays, of which `record_of` makes the same record."""
        lit = {} if self.illumination is None else numbers_of(self.illumination)
        received = {} if self.received is None else {"received": self.received}
        numbers = {name: np.array(value) for name, value in self.numbers().items()}
        band = {} if self.frequencies_hz is None else {"frequencies_hz": self.frequencies_hz}
        return {"phases_rad": self.phases_rad, **received, **band, **numbers, **lit}


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
    )


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
        "`received` must be complex, but is real: magnitudes alone do not do.",
    )
    # Which illumination is the same to these checks, so that one unknown may pass for any.
    plan = PilotPlan(phases_rad, illumination or FromInputPorts())
    responses = np.ascontiguousarray(array)
    if frequencies_hz is None:
        received = Pilots.measured(plan, responses, variance).received
    else:
        received = WidebandPilots.measured(plan, frequencies_hz, responses, variance).received
    if isinstance(illumination, OntoFirstLayer | OntoInputLayer):
        lit, users = len(illumination.waves.coordinates), received.shape[2]
        require(
            users == lit,
            f"`received` must be of the {lit} users that light the stack, but is of {users}.",
        )
    return received
