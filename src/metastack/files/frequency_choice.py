"""Measured values at the frequencies that are wanted, exact where measured, interpolated between.

The mean delay is taken out, a cubic spline goes through the complex values that are left, and the
delay is put back: a pure delay is interpolated exactly, and 60° between neighbours on top of it
with an error near -50 dB.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Complex, Float

from ..errors import InputError, require
from .time_convention import MOST_TURN_RAD, turning

_SAME = 1e-9
# Below what separates one channel from the next, above what rounding in a file does.
_SAME_CHANNEL = 1e-3
# Neighbours that correlate by less have turned by more than 60°.
_LEAST_ALIKE = 0.5


def is_same_frequency(found_hz: float, expected_hz: float) -> bool:
    """Whether two files may be of one frequency."""
    return abs(found_hz - expected_hz) <= _SAME_CHANNEL * expected_hz


def at_frequencies(
    values: Complex[np.ndarray, "frequencies entries"],
    frequencies_hz: Float[np.ndarray, " frequencies"],
    wanted_hz: Sequence[float],
) -> Complex[np.ndarray, "wanted entries"]:
    """Values at wanted frequencies, those measured being in rising order.

    Raises:
        InputError: a frequency outside those measured, or between two that are not alike.
    """
    return np.stack([_at(values, frequencies_hz, float(each)) for each in wanted_hz])


def the_frequencies(
    frequencies_hz: Float[np.ndarray, " frequencies"], wanted_hz: Sequence[float]
) -> Float[np.ndarray, " wanted"]:
    """The wanted frequencies, or the only one there is.

    Raises:
        InputError: none is wanted and there are several.
    """
    if len(wanted_hz):
        return np.array([float(each) for each in wanted_hz])
    if len(frequencies_hz) > 1:
        raise InputError(
            f"A frequency must be chosen from the file's {_range(frequencies_hz)}, but none is: "
            "give `--frequency-hz` (`frequency_hz`)."
        )
    return frequencies_hz


def check_rising(frequencies_hz: Float[np.ndarray, " frequencies"]) -> None:
    """Refuse frequencies that are not positive, finite and rising.

    Raises:
        InputError: such frequencies.
    """
    f = frequencies_hz
    require(f.size > 0, "The file must hold a frequency, but holds none.")
    bad = f[~(np.isfinite(f) & (f > 0))]
    require(not bad.size, f"Frequencies must be positive, but one is {bad[0] if bad.size else 0}.")
    falls = np.flatnonzero(np.diff(f) <= 0)
    where = int(falls[0]) if falls.size else 0
    require(
        not falls.size,
        f"Frequencies must rise, but {f[where]:.9g} Hz is followed by "
        f"{f[min(where + 1, f.size - 1)]:.9g} Hz (number {where + 1}).",
    )


def _at(
    values: Complex[np.ndarray, "frequencies entries"],
    frequencies_hz: Float[np.ndarray, " frequencies"],
    wanted_hz: float,
) -> Complex[np.ndarray, " entries"]:
    nearest = int(np.argmin(np.abs(frequencies_hz - wanted_hz)))
    if abs(frequencies_hz[nearest] - wanted_hz) <= _SAME * wanted_hz:
        return values[nearest]
    require(
        frequencies_hz[0] < wanted_hz < frequencies_hz[-1],
        f"`frequency_hz` must be within the file's {_range(frequencies_hz)}, but is "
        f"{wanted_hz:.9g} Hz.",
    )
    from scipy.interpolate import CubicSpline

    turns = turning(frequencies_hz, values)
    delay_s = 0.0 if turns is None else turns.delay_s
    centred = frequencies_hz - wanted_hz
    still = values * np.exp(2j * np.pi * delay_s * centred)[:, None]
    _check_neighbours(still, frequencies_hz, wanted_hz, delay_s)
    return np.asarray(CubicSpline(centred, still)(0.0))


def _check_neighbours(
    still: Complex[np.ndarray, "frequencies entries"],
    frequencies_hz: Float[np.ndarray, " frequencies"],
    wanted_hz: float,
    delay_s: float,
) -> None:
    """Refuse neighbours that are unlike without the mean delay, or turned by it who knows where."""
    above = int(np.searchsorted(frequencies_hz, wanted_hz))
    a, b = still[above - 1], still[above]
    below_hz, above_hz = frequencies_hz[above - 1], frequencies_hz[above]
    must = (
        f"{wanted_hz:.9g} Hz must be one of the file's frequencies, because its neighbours "
        f"{below_hz:.9g} and {above_hz:.9g} Hz are too different to interpolate between"
    )
    turn = 2 * np.pi * abs(delay_s) * float(above_hz - below_hz)
    require(turn <= MOST_TURN_RAD, f"{must}: they differ by {np.degrees(turn):.0f}° of delay.")
    energy = float(np.sum(np.abs(a) ** 2 + np.abs(b) ** 2)) / 2
    alike = float(np.real(np.vdot(a, b))) / energy if energy else 1.0
    require(alike >= _LEAST_ALIKE, f"{must}: they correlate by {alike:.2f}.")


def _range(frequencies_hz: Float[np.ndarray, " frequencies"]) -> str:
    first, last = frequencies_hz[0], frequencies_hz[-1]
    if len(frequencies_hz) == 1:
        return f"one frequency, {first:.9g} Hz"
    return f"{len(frequencies_hz)} frequencies from {first:.9g} to {last:.9g} Hz"
