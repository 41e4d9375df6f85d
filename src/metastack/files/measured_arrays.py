"""Measured pilots in HDF5, .mat and .npz files: phases or codes, frequencies, S21, references.

`s21` is slots x antennas x users x frequencies; users may be missing where there is one, antennas
too, and frequencies where there is one. Phases are `phases_deg`, `phases_rad` or `codes` with
`bits`, as in files of pilots. `all_off`, `empty` and `through` are antennas x users x frequencies;
`repeated` tells with a 1 in which slots the repeated state is shown, which are no pilots then;
`times_s` when each slot was measured, else one after the other. References are taken as measured
when the first slot was.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Complex, Float, Shaped

from ..calibration.references import Measurement, Readings, Reference
from ..errors import InputError, require
from .frequency_choice import check_rising
from .hdf5_arrays import HDF5_SUFFIXES, read_hdf5
from .matrix_file import read_arrays
from .pilot_arrays import Array, Arrays, listed, number_in
from .pilot_phases import phases_in
from .wording import naming

SUFFIXES = (*HDF5_SUFFIXES, ".mat", ".npz")


def read_measured_arrays(path: Path) -> Measurement:
    """Slots and references of a file of arrays.

    Raises:
        InputError: the file cannot be read, lacks something, or has values that cannot be.
    """
    arrays = read_hdf5(path) if path.suffix.lower() in HDF5_SUFFIXES else read_arrays(path)
    with naming(path):
        require("s21" in arrays, f"The file must hold `s21`, but holds {listed(arrays)}.")
        frequencies_hz = _frequencies(arrays)
        many = len(frequencies_hz)
        received = _responses("s21", np.asarray(arrays["s21"]), many)
        phases_rad = phases_in(arrays)
        require(
            len(phases_rad) == len(received),
            f"Phases must be of the {len(received)} slots of `s21`, but are of {len(phases_rad)}.",
        )
        times = _by_slot(arrays, "times_s", len(received), np.arange(len(received)))
        is_repeated = _by_slot(arrays, "repeated", len(received), np.zeros(len(received))) != 0
        require(not is_repeated.all(), "`repeated` must leave slots that are pilots, but does not.")
        references = {
            reference: Readings(
                times[:1],
                _responses(reference.value, np.asarray(arrays[reference.value])[None], many),
            )
            for reference in (Reference.ALL_OFF, Reference.EMPTY, Reference.THROUGH)
            if reference.value in arrays
        }
        if is_repeated.any():
            repeated = Readings(times[is_repeated], received[is_repeated])
            references[Reference.REPEATED] = repeated
        slots = Readings(times[~is_repeated], received[~is_repeated])
        variance = number_in(arrays, "noise_variance")
        return Measurement(phases_rad[~is_repeated], slots, frequencies_hz, references, variance)


def _frequencies(arrays: Arrays) -> Float[np.ndarray, " frequencies"]:
    names = [name for name in ("frequencies_hz", "frequency_hz") if name in arrays]
    if len(names) != 1:
        raise InputError(
            "The file must hold exactly one of `frequencies_hz` and `frequency_hz`, but holds "
            f"{listed(names or arrays)}."
        )
    array = np.asarray(arrays[names[0]])
    require(array.dtype.kind in "iuf", f"`{names[0]}` must be real, but is {array.dtype}.")
    frequencies_hz = array.astype(float).ravel()
    check_rising(frequencies_hz)
    return frequencies_hz


def _responses(
    name: str, array: Array, frequencies: int
) -> Complex[np.ndarray, "slots antennas users frequencies"]:
    """Responses with all their axes, whichever were left out."""
    require(np.iscomplexobj(array), f"`{name}` must be complex, but is {array.dtype}.")
    full = array[..., None] if frequencies == 1 and array.ndim < 4 else array
    missing = 4 - full.ndim
    require(
        full.ndim >= 2 and missing >= 0 and full.shape[-1] == frequencies and full.size > 0,
        f"`{name}` must be {'' if name != 's21' else 'slots x '}antennas x users x {frequencies} "
        f"frequencies, but has shape {array.shape if name == 's21' else array.shape[1:]}.",
    )
    shape = (*full.shape[:-1], *(1,) * missing, frequencies)
    # A damaged NaN makes the cast itself complain; that it is none of ours is said later.
    with np.errstate(invalid="ignore"):
        return np.ascontiguousarray(full.reshape(shape), np.complex128)


def _by_slot(
    arrays: Arrays, name: str, slots: int, otherwise: Shaped[np.ndarray, " slots"]
) -> Float[np.ndarray, " slots"]:
    values = np.asarray(arrays.get(name, otherwise)).ravel()
    require(
        values.size == slots and values.dtype.kind in "biuf" and bool(np.isfinite(values).all()),
        f"`{name}` must be a finite number for each of the {slots} slots, but has shape "
        f"{values.shape} of {values.dtype}.",
    )
    return values.astype(float)
