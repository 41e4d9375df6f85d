"""What is odd about pilots but does not forbid to use them."""

import numpy as np
from jaxtyping import Complex, Float, Shaped

_AXES = ("slot", "antenna", "user", "frequency")
_PLURAL = {"frequency": "frequencies"}
_SHARE_SATURATED, _FEWEST_SATURATED = 0.01, 8


def phase_warnings(phases_rad: Float[np.ndarray, "slots layers atoms"]) -> list[str]:
    """Atoms that never change, and slots that repeat others."""
    return _constant(phases_rad) + _repeated(phases_rad)


def response_warnings(
    received: Complex[np.ndarray, "slots antennas users *frequencies"],
) -> list[str]:
    """Receivers that saturate; slots, antennas, users, frequencies with nothing received."""
    return _saturated(received) + _silent(received)


def energy_warnings(energies: Float[np.ndarray, "slots antennas users"]) -> list[str]:
    """Detectors that saturate; slots, antennas, users with nothing received."""
    largest = energies.max()
    sharing = int((energies == largest).sum())
    if sharing < max(_FEWEST_SATURATED, _SHARE_SATURATED * energies.size):
        return _silent(energies)
    return [
        f"{sharing} of {energies.size} energies are exactly {largest:g}, the largest: the detector "
        "seems to saturate; measure with less gain.",
        *_silent(energies),
    ]


def _silent(received: Shaped[np.ndarray, "slots antennas users *frequencies"]) -> list[str]:
    axes = range(received.ndim)
    others = {name: tuple(a for a in axes if a != _AXES.index(name)) for name in _AXES[: len(axes)]}
    silent = {name: np.flatnonzero(~np.any(received, axis=axes)) for name, axes in others.items()}
    return [
        f"{len(where)} {_PLURAL.get(name, f'{name}s')} received nothing at all, the first is "
        f"{name} {where[0]}: leave them out, they are not noise."
        for name, where in silent.items()
        if len(where)
    ]


def _saturated(received: Complex[np.ndarray, "slots antennas users *frequencies"]) -> list[str]:
    """A clipped part is exactly as large as every other clipped one."""
    parts = np.abs(np.stack([np.real(received), np.imag(received)]))
    largest = parts.max()
    sharing = int((parts == largest).sum())
    if sharing < max(_FEWEST_SATURATED, _SHARE_SATURATED * parts.size):
        return []
    return [
        f"{sharing} of {parts.size} real and imaginary parts received are exactly {largest:g}, the "
        "largest: the receiver seems to saturate; measure with less gain."
    ]


def _constant(phases_rad: Float[np.ndarray, "slots layers atoms"]) -> list[str]:
    stands_still = np.ptp(phases_rad, axis=0) == 0
    where = np.argwhere(stands_still)
    if not len(where):
        return []
    layer, atom = where[0]
    return [
        f"{len(where)} of {stands_still.size} atoms never change their phase, the first is atom "
        f"{atom} of layer {layer + 1}: pilots say nothing about what such an atom itself transmits."
    ]


def _repeated(phases_rad: Float[np.ndarray, "slots layers atoms"]) -> list[str]:
    # Adding 0 makes -0 equal to 0 to the byte.
    different = len({slot.tobytes() for slot in phases_rad + 0.0})
    slots = len(phases_rad)
    if different == slots:
        return []
    return [
        f"{slots - different} of {slots} slots show the same phases as an earlier one: they "
        "average noise, but say nothing new."
    ]
