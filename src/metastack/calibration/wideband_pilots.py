"""Pilots of several frequencies: what the layers show stands still while the frequency is swept.

Phases are those that atoms show at the stack's own frequency, the centre; what they transmit
elsewhere is their dispersion.

Source: calibration paper, section V-D, asks for pilots in space and frequency; the rest is ours.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key, Shaped

from .._types import AnyArray, Number
from ..dispersion import Dispersion, MeasuredDispersion, NoDispersion
from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .illumination import Illumination
from .links import Links, received
from .pilots import PilotPlan, Pilots, check_pilots, check_plan, reference_power, with_noise

# Beyond, a relative bandwidth is a mistake of units.
_LEAST_RATIO, _MOST_RATIO = 0.1, 10.0


class WidebandPilots(eqx.Module):
    """A plan that was carried out at several frequencies.

    `noise_variance` is that of one response, E|n|², at every frequency; unknown where it is `None`.
    Make one with `WidebandPilots.measured`, which checks, or by `simulate_wideband_pilots`.
    """

    plan: PilotPlan
    frequencies_hz: Float[np.ndarray, " frequencies"]
    received: Complex[np.ndarray, "slots antennas users frequencies"]
    noise_variance: float | None = None

    @classmethod
    def measured(
        cls,
        plan: PilotPlan,
        frequencies_hz: Float[AnyArray, " frequencies"],
        received: Shaped[AnyArray, "..."],
        noise_variance: float | None = None,
    ) -> Self:
        """Pilots from what was received, slots x antennas x users x frequencies.

        Of one user, slots x antennas x frequencies will do.

        Raises:
            InputError: frequencies that are not positive, or repeat; shapes that contradict the
                plan, values that are not finite or all zero, a negative noise variance.
        """
        frequencies = np.asarray(frequencies_hz, float)
        check_frequencies(frequencies)
        y = np.asarray(received, complex)
        if y.ndim == 3:  # one user; or one frequency, whose axis some programs drop
            y = y[:, :, None] if len(frequencies) > 1 else y[..., None]
        require(
            y.ndim == 4 and y.shape[3] == len(frequencies),
            f"`received` must be slots x antennas x users x {len(frequencies)} frequencies, as "
            f"`frequencies_hz` says, but has shape {np.shape(received)}.",
        )
        slots, antennas = y.shape[:2]
        checked = Pilots.measured(plan, y.reshape(slots, antennas, -1), noise_variance)
        return cls(plan, frequencies, checked.received.reshape(y.shape), noise_variance)

    def at(self, index: int) -> Pilots:
        """The pilots of one frequency, by its number."""
        return Pilots(self.plan, self.received[..., index], self.noise_variance)


def band(centre_hz: float, share: float, count: int) -> Float[np.ndarray, " frequencies"]:
    """So many frequencies, equally spaced over a share of the centre, half on either side.

    Raises:
        InputError: a share that is not between 0 and 2, or no frequency; several frequencies over
            no band.
    """
    require(count >= 1, f"There must be at least 1 frequency, but there are {count}.")
    require(
        0 <= share < 2 and (share > 0 or count == 1),
        f"The band must be more than 0 and less than 2 of its centre, but is {share}.",
    )
    if count == 1:
        return np.array([centre_hz])
    return centre_hz * (1 + share / 2 * np.linspace(-1, 1, count))


def at_frequency(stack: Stack, frequency_hz: Number) -> Stack:
    """The same arrays, gaps and poses at another frequency."""
    return eqx.tree_at(lambda each: each.frequency_hz, stack, frequency_hz)


def shown_over_band(
    stack: Stack,
    plan: PilotPlan,
    frequencies_hz: Float[AnyArray, " frequencies"],
    dispersion: Dispersion,
) -> Complex[Array, "frequencies slots layers atoms"]:
    """What every atom transmits in every slot, at every frequency."""
    at_centre = stack.atoms(jnp.asarray(plan.phases_rad))
    each = [
        dispersion(at_centre, frequency_hz=frequency, centre_hz=stack.frequency_hz)
        for frequency in jnp.asarray(frequencies_hz)
    ]
    return jnp.stack(each)


@in_float64
def wideband_noiseless(
    stack: Stack,
    plan: PilotPlan,
    frequencies_hz: Float[AnyArray, " frequencies"],
    dispersion: Dispersion | None = None,
) -> Complex[np.ndarray, "slots antennas users frequencies"]:
    """What the antennas would receive without noise and with unit gain at every frequency.

    Without a dispersion atoms transmit the same everywhere.

    Raises:
        InputError: phases of another stack; frequencies that are not the stack's, or not in the
            dispersion's table.
    """
    frequencies, dispersed = np.asarray(frequencies_hz, float), dispersion or NoDispersion()
    check_plan(plan, stack)
    check_band(frequencies, stack, dispersed)
    shown = shown_over_band(stack, plan, frequencies, dispersed)
    return np.asarray(_responses(stack, plan.illumination, jnp.asarray(frequencies), shown))


@eqx.filter_jit
def _responses(
    stack: Stack,
    illumination: Illumination,
    frequencies_hz: Float[Array, " frequencies"],
    transmission: Complex[Array, "frequencies slots layers atoms"],
) -> Complex[Array, "slots antennas users frequencies"]:
    def of_frequency(pair: tuple[Array, Array]) -> Array:
        frequency, shown = pair
        return received(Links.of_stack(at_frequency(stack, frequency), illumination), shown)

    return jnp.moveaxis(jax.lax.map(of_frequency, (frequencies_hz, transmission)), 0, -1)


@in_float64
def simulate_wideband_pilots(
    stack: Stack,
    plan: PilotPlan,
    frequencies_hz: Float[AnyArray, " frequencies"],
    *,
    snr_db: float,
    key: Key[Array, ""],
    dispersion: Dispersion | None = None,
    gain: Complex[AnyArray, "#slots #antennas #users #frequencies"] | complex = 1.0,
) -> WidebandPilots:
    """Pilots of a built stack at several frequencies.

    The SNR is per antenna, slot and frequency, of random phases at the centre: every frequency has
    the power that a single one would have. `gain`: what cables and amplifiers multiply.

    Raises:
        InputError: as `wideband_noiseless`; an SNR that is not finite (`inf` is no noise).
    """
    frequencies = np.asarray(frequencies_hz, float)
    y = wideband_noiseless(stack, plan, frequencies, dispersion)
    power = reference_power(stack, plan.illumination)
    noisy, variance = with_noise(y, power, snr_db=snr_db, key=key, gain=gain)
    return WidebandPilots(plan, frequencies, noisy, variance)


def check_wideband_pilots(pilots: WidebandPilots, stack: Stack, dispersion: Dispersion) -> None:
    """Refuse pilots that are not of this stack.

    Raises:
        InputError: another number of layers, atoms, antennas or users; frequencies far from the
            stack's, or not in the dispersion's table.
    """
    check_band(pilots.frequencies_hz, stack, dispersion)
    check_pilots(pilots.at(0), stack)


def check_frequencies(frequencies_hz: Float[np.ndarray, "..."]) -> None:
    """Refuse frequencies that cannot be.

    Raises:
        InputError: none, or some that are not positive and finite, or repeat.
    """
    require(
        frequencies_hz.ndim == 1 and frequencies_hz.size > 0,
        f"`frequencies_hz` must be a list of numbers, but has shape {frequencies_hz.shape}.",
    )
    require(
        bool(np.isfinite(frequencies_hz).all() and (frequencies_hz > 0).all()),
        f"`frequencies_hz` must be positive and finite, but the least is {frequencies_hz.min()}.",
    )
    different = len(np.unique(frequencies_hz))
    require(
        different == len(frequencies_hz),
        f"`frequencies_hz` must differ, but only {different} of {len(frequencies_hz)} do.",
    )


def check_band(
    frequencies_hz: Float[np.ndarray, " frequencies"], stack: Stack, dispersion: Dispersion
) -> None:
    """Refuse frequencies far from the stack's own, or beyond what a dispersion was measured at.

    Raises:
        InputError: such frequencies.
    """
    check_frequencies(frequencies_hz)
    centre = float(stack.frequency_hz)
    ratio = frequencies_hz / centre
    require(
        ratio.min() > _LEAST_RATIO and ratio.max() < _MOST_RATIO,
        f"`frequencies_hz` must be about the stack's, {centre:.9g}, but go from "
        f"{frequencies_hz.min():.9g} to {frequencies_hz.max():.9g}.",
    )
    require(
        not isinstance(dispersion, MeasuredDispersion) or dispersion.covers(frequencies_hz),
        "The table of dispersion must hold all frequencies of the pilots, but does not hold "
        f"{frequencies_hz.min():.9g} to {frequencies_hz.max():.9g} Hz.",
    )
