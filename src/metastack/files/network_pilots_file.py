"""Pilots of a device with several feeds, as field solvers and network analysers give them.

Arrays (.npz, .mat, HDF5) hold `response`, slots x receivers x feeds, in time e^{+jωt}, and phases
of the same time, so that responses are conjugated and phases negated; `time_sign` -1 says that both
are in ours. Phases are as in files of pilots; `frequency_hz`, `reference_ohm` and `noise_variance`
are read where there are any. Our own files of pilots, which hold `received` in our time, will do as
well: each user is a feed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Complex

from ..calibration.conventions import Convention
from ..calibration.illumination import FromInputPorts, Illumination
from ..calibration.pilots import PilotPlan, Pilots
from ..errors import require
from .hdf5_arrays import HDF5_SUFFIXES, read_hdf5
from .matrix_file import read_arrays
from .pilot_arrays import Arrays, listed, number_in, positive_in
from .pilot_illumination import illumination_in
from .pilot_phases import phases_in
from .pilots_file import read_pilots
from .time_convention import TimeConvention
from .wording import naming

_REFERENCES = ("reference_ohm", "reference_impedance_ohm")
_READERS: dict[str, Callable[[Path], Arrays]] = {
    ".npz": read_arrays,
    ".mat": read_arrays,
    **dict.fromkeys(HDF5_SUFFIXES, read_hdf5),
}
_OF_ENGINEERS = Convention(conjugated=True, phases_negated=True)


@dataclass(frozen=True, eq=False)
class StoredNetworkPilots:
    """Pilots in our time from a file; of which frequency and reference, as far as it says."""

    pilots: Pilots
    frequency_hz: float | None = None
    reference_ohm: float | None = None


def read_network_pilots(path: Path | str) -> StoredNetworkPilots:
    """Pilots of a device as a network, each of its feeds fed by itself.

    Raises:
        InputError: the file cannot be read; responses or phases are missing, not finite, of other
            shapes, or lit in another way than feed by feed.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        return _of_pilot_file(path)
    arrays = reader(path)
    with naming(path):
        require(
            "response" in arrays or "received" in arrays,
            "The file must hold `response`, slots x receivers x feeds, or `received`, but holds "
            f"{listed(arrays)}.",
        )
        return _of_arrays(arrays)


def _of_pilot_file(path: Path) -> StoredNetworkPilots:
    stored = read_pilots(path, otherwise=FromInputPorts())
    with naming(path):
        _check_lit(stored.pilots.plan.illumination)
    return StoredNetworkPilots(stored.pilots, stored.frequency_hz)


def _check_lit(illumination: Illumination | None) -> None:
    require(
        illumination is None or isinstance(illumination, FromInputPorts),
        "Each feed of a network must be fed by itself, but the pilots were lit by "
        f"{type(illumination).__name__}.",
    )


def _of_arrays(arrays: Arrays) -> StoredNetworkPilots:
    name = "response" if "response" in arrays else "received"
    _check_lit(illumination_in(arrays))
    response = _responses(name, arrays)
    phases_rad = phases_in(arrays)
    require(
        len(phases_rad) == len(response),
        f"Phases must be of the {len(response)} slots of `{name}`, but are of {len(phases_rad)}.",
    )
    plan = PilotPlan(phases_rad, FromInputPorts())
    pilots = Pilots.measured(plan, response, number_in(arrays, "noise_variance"))
    sign = number_in(arrays, "time_sign")
    require(sign in (None, 1, -1), f"`time_sign` must be 1 or -1, of e^{{±jwt}}, but is {sign}.")
    ours = name == "received" if sign is None else sign == TimeConvention.OURS.value
    references = [each for each in _REFERENCES if each in arrays]
    return StoredNetworkPilots(
        pilots if ours else _OF_ENGINEERS.read(pilots),
        positive_in(arrays, "frequency_hz"),
        positive_in(arrays, references[0]) if references else None,
    )


def _responses(name: str, arrays: Arrays) -> Complex[np.ndarray, "slots receivers feeds"]:
    array = np.asarray(arrays[name])
    array = array[:, :, None] if array.ndim == 2 else array
    require(
        np.iscomplexobj(array) and array.ndim == 3 and array.size > 0,
        f"`{name}` must be complex, slots x receivers x feeds, but is {array.dtype} of shape "
        f"{array.shape}.",
    )
    bad = np.argwhere(~np.isfinite(array))
    require(
        not len(bad),
        f"`{name}` must be finite, but has {len(bad)} values that are not; the first is of slot "
        f"{bad[0, 0] if len(bad) else 0}.",
    )
    return np.ascontiguousarray(array, np.complex128)
