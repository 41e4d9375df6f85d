"""What an atom transmits at other frequencies than the one for which its phase is asked.

A phase that an atom shows at the centre frequency is a resonance tuned to some place; away from
the centre it shows another phase. Every kind of dispersion is a type with one call: transmissions
at the centre in, those at another frequency out. Stuck atoms disperse as others do, dead ones stay
dead.

Source: calibration paper, section V-D, asks for it; the resonator is the second-order all-pass of
filter theory, A. Zverev, Handbook of Filter Synthesis.
"""

from typing import Protocol, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ._types import AnyArray, Number
from .errors import require

_SAME_FREQUENCY = 1e-9


class Dispersion(Protocol):
    """What every kind of dispersion answers."""

    def __call__(
        self,
        transmission: Complex[Array, "*shape"],
        *,
        frequency_hz: Number,
        centre_hz: Number,
    ) -> Complex[Array, "*shape"]:
        """Transmission at `frequency_hz` of atoms that transmit this at `centre_hz`."""
        ...


class NoDispersion(eqx.Module):
    """Atoms that transmit the same at every frequency."""

    def __call__(
        self,
        transmission: Complex[Array, "*shape"],
        *,
        frequency_hz: Number,
        centre_hz: Number,
    ) -> Complex[Array, "*shape"]:
        """Transmission at `frequency_hz` of atoms that transmit this at `centre_hz`."""
        return transmission


class ResonatorDispersion(eqx.Module):
    """A lossless second-order resonator of quality factor Q, tuned by the phase that is asked.

    Its phase is 2 atan(Q (f/f_r - f_r/f)), and its resonance f_r lies where this is the wanted
    phase at the centre. In time e^{-jωt} it grows with frequency, by 4Q times the relative detuning
    about resonance; phases of half a turn are far from any resonance and hardly change.
    Amplitudes are kept.
    """

    quality_factor: Number

    def __call__(
        self,
        transmission: Complex[Array, "*shape"],
        *,
        frequency_hz: Number,
        centre_hz: Number,
    ) -> Complex[Array, "*shape"]:
        """Transmission at `frequency_hz` of atoms that transmit this at `centre_hz`."""
        ratio = jnp.asarray(frequency_hz) / jnp.asarray(centre_hz)
        half_rad = jnp.angle(transmission) / 2
        across, along = jnp.sin(half_rad), jnp.cos(half_rad)
        # With f_r from Q (f_c/f_r - f_r/f_c) = tan(half), tan of half the phase is this / along.
        reach = jnp.hypot(across, 2 * jnp.asarray(self.quality_factor) * along)
        turned = across * (ratio + 1 / ratio) / 2 + reach * (ratio - 1 / ratio) / 2
        phasor = jax.lax.complex(along, turned)
        return jnp.abs(transmission) * phasor / jnp.conj(phasor)


class MeasuredDispersion(eqx.Module):
    """A measured table: what an atom transmits at each frequency in each of its settings.

    An atom is known by the phase that it has at the centre, `shown_rad`, in increasing order within
    one turn; `gain` says by what its transmission is multiplied at each frequency, as logarithm
    of the amplitude and phase, both interpolated linearly in phase and frequency.
    """

    shown_rad: Float[AnyArray, " settings"]
    frequencies_hz: Float[AnyArray, " frequencies"]
    gain: Complex[AnyArray, "settings frequencies"]

    @classmethod
    def from_table(
        cls,
        frequencies_hz: Float[AnyArray, " frequencies"],
        transmission: Complex[AnyArray, "settings columns"],
        *,
        centre_hz: float,
    ) -> Self:
        """From transmissions of every setting at every frequency, settings in increasing order.

        What is measured at the centre says which phase a setting shows; between frequencies it is
        interpolated.

        Raises:
            InputError: a table of another shape, less than two settings or frequencies, values that
                are zero or not finite, frequencies that do not increase or do not hold the centre,
                settings whose phase at the centre does not increase within one turn.
        """
        frequencies, table = np.asarray(frequencies_hz, float), np.asarray(transmission, complex)
        _check_table(frequencies, table, centre_hz)
        logarithm = np.log(np.abs(table)) + 1j * np.unwrap(np.angle(table), axis=1)
        at_centre = np.array([np.interp(centre_hz, frequencies, row) for row in logarithm])
        shown = np.unwrap(np.imag(at_centre))
        require(
            bool((np.diff(shown) > 0).all()) and shown[-1] - shown[0] < 2 * np.pi,
            "The settings' phases at the centre frequency must increase within one turn, but go "
            f"{_degrees(shown)}; sort the settings, and leave out the end of the turn.",
        )
        return cls(shown, frequencies, logarithm - at_centre[:, None])

    def __call__(
        self,
        transmission: Complex[Array, "*shape"],
        *,
        frequency_hz: Number,
        centre_hz: Number,
    ) -> Complex[Array, "*shape"]:
        """Transmission at `frequency_hz` of atoms that transmit this at `centre_hz`."""
        places, gain = jnp.asarray(self.frequencies_hz), jnp.asarray(self.gain)
        at = jnp.clip(jnp.asarray(frequency_hz), places[0], places[-1])
        here = jax.vmap(lambda row: jnp.interp(at, places, row))(gain)
        # The last interval leads to the first setting, one turn later.
        first = self.shown_rad[0]
        shown, here = jnp.append(self.shown_rad, first + 2 * jnp.pi), jnp.append(here, here[0])
        asked = first + jnp.mod(jnp.angle(transmission) - first, 2 * jnp.pi)
        return transmission * jnp.exp(jnp.interp(asked, shown, here))

    def covers(self, frequencies_hz: Float[AnyArray, " frequencies"]) -> bool:
        """Whether all of these frequencies lie within the table."""
        least, most = self.frequencies_hz[0], self.frequencies_hz[-1]
        asked = np.asarray(frequencies_hz)
        slack = _SAME_FREQUENCY * float(most)
        return bool((asked >= least - slack).all() and (asked <= most + slack).all())


def _check_table(
    frequencies_hz: Float[np.ndarray, " frequencies"],
    table: Complex[np.ndarray, "settings columns"],
    centre_hz: float,
) -> None:
    require(
        table.ndim == 2 and frequencies_hz.ndim == 1 and min(table.shape) >= 2,
        "A table of dispersion must be settings x frequencies, at least 2 x 2, but has shape "
        f"{table.shape}.",
    )
    require(
        table.shape[1] == len(frequencies_hz),
        f"A table of dispersion must have a column for each of the {len(frequencies_hz)} "
        f"frequencies, but has {table.shape[1]}.",
    )
    require(
        bool((np.diff(frequencies_hz) > 0).all() and frequencies_hz[0] > 0),
        "The frequencies of a table of dispersion must increase from above 0, but do not.",
    )
    require(
        bool(np.isfinite(table).all() and np.all(table != 0)),
        "A table of dispersion must be finite and not zero, but is not everywhere.",
    )
    require(
        bool(frequencies_hz[0] <= centre_hz <= frequencies_hz[-1]),
        f"A table of dispersion must hold the centre frequency, {centre_hz:.9g} Hz, but goes from "
        f"{frequencies_hz[0]:.9g} to {frequencies_hz[-1]:.9g} Hz.",
    )


def _degrees(angles_rad: Float[np.ndarray, " n"]) -> str:
    shown = ", ".join(f"{each:.0f}°" for each in np.degrees(angles_rad[:6]))
    return shown + (", …" if len(angles_rad) > 6 else "")
