"""Phases of pilots as files hold them: radians, degrees or codes, layered or all in a row."""

import numpy as np
from jaxtyping import Float

from ..atoms import QuantisedAtoms
from ..errors import InputError, require
from .pilot_arrays import Array, Arrays, listed, whole_in

FORMS = ("phases_rad", "phases_deg", "codes")

# Radians seldom spread over so much, degrees nearly always do.
_TWO_TURNS_RAD = 4 * np.pi
# So few different phases may well be small steps of degrees.
_FEW_PHASES = 7
_MOST_BITS, _MOST_LAYERS = 16, 1_000_000


def phases_in(arrays: Arrays) -> Float[np.ndarray, "slots layers atoms"]:
    """The phases in radians, in whichever form the file holds them.

    Raises:
        InputError: none or several forms; values that are not finite or cannot be phases.
    """
    names = [name for name in FORMS if name in arrays]
    require(
        len(names) == 1,
        f"The file must hold exactly one of {listed(FORMS)}, but holds {listed(names or arrays)}.",
    )
    (name,) = names
    values = _layered(name, arrays)
    bad = np.argwhere(~np.isfinite(values))
    require(
        not len(bad),
        f"`{name}` must be finite, but has {len(bad)} values that are not; the first is of "
        f"slot {bad[0, 0] if len(bad) else 0}.",
    )
    if name == "codes":
        return _from_codes(values, arrays)
    if name == "phases_deg":
        _check_degrees(values)
        return np.radians(values)
    _check_radians(values)
    return values


def _layered(name: str, arrays: Arrays) -> Float[np.ndarray, "slots layers atoms"]:
    array = np.asarray(arrays[name])
    require(array.dtype.kind in "iuf", f"`{name}` must be real, but is {array.dtype}.")
    layers = whole_in(arrays, "layers", _MOST_LAYERS)
    if array.ndim == 2 and layers is not None:
        array = _split(name, array, layers)
    require(
        array.ndim == 3 and array.size > 0,
        f"`{name}` must be slots x layers x atoms, or slots x all atoms with `layers` beside (in "
        f"a .csv file, a line `# layers = 4`), but has shape {array.shape}.",
    )
    require(
        layers is None or array.shape[1] == layers,
        f"`{name}` must be of {layers} layers, as `layers` says, but is of {array.shape[1]}.",
    )
    return np.ascontiguousarray(array, np.float64)


def _split(name: str, array: Array, layers: int) -> Array:
    slots, atoms = array.shape
    require(
        atoms % layers == 0,
        f"`{name}` must have {layers} times as many columns as a layer has atoms, as `layers` "
        f"says, but has {atoms}.",
    )
    return array.reshape(slots, layers, atoms // layers)


def _from_codes(
    codes: Float[np.ndarray, "slots layers atoms"], arrays: Arrays
) -> Float[np.ndarray, "slots layers atoms"]:
    bits = whole_in(arrays, "bits", _MOST_BITS)
    if bits is None:
        raise InputError("`codes` must come with `bits` (in a .csv file, a line `# bits = 2`).")
    _refuse_codes(codes, codes != np.floor(codes), "whole numbers")
    _refuse_codes(
        codes, (codes < 0) | (codes >= 2**bits), f"from 0 to {2**bits - 1} of {bits} bits"
    )
    return codes * QuantisedAtoms(bits).step_rad


def _refuse_codes(codes: Array, is_bad: Array, rule: str) -> None:
    bad = np.argwhere(is_bad)
    if len(bad):
        value, slot = codes[tuple(bad[0])], bad[0, 0]
        raise InputError(f"`codes` must be {rule}, but one is {value:g} (slot {slot}).")


def _check_degrees(values: Float[np.ndarray, "slots layers atoms"]) -> None:
    largest, kinds = float(np.abs(values).max()), len(np.unique(values))
    require(
        largest == 0 or largest > 2 * np.pi + 1e-9 or kinds <= _FEW_PHASES,
        f"`phases_deg` must be in degrees, but lie within {largest:g} and look like radians: name "
        "them `phases_rad`.",
    )


def _check_radians(values: Float[np.ndarray, "slots layers atoms"]) -> None:
    least, largest = float(values.min()), float(values.max())
    is_far = max(-least, largest) > _TWO_TURNS_RAD
    require(
        not (is_far and np.std(values) > _TWO_TURNS_RAD),
        f"`phases_rad` must be in radians, but go from {least:g} to {largest:g} and look like "
        "degrees: name them `phases_deg`, or leave out whole turns.",
    )
