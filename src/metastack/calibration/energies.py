"""Pilots of receivers that tell energies only: |y|² of every antenna, without its phase.

Source: DOA paper, section III, whose receivers are of this kind; using them for calibration is
ours.
"""

from typing import Self

import equinox as eqx
import numpy as np
from jaxtyping import Array, Complex, Float, Key, Shaped

from .._types import AnyArray
from ..errors import require
from ..stack import Stack
from .pilots import PilotPlan, Pilots, check_plan, simulate_pilots

# Smaller or larger energies, and their squares, leave double precision.
_LEAST = 1e-140
_MOST_SNR_DB = 300


class EnergyPilots(eqx.Module):
    """A plan that was carried out: the energy |y + n|² of every antenna and user in every slot.

    `noise_variance`: E|n|² of the complex noise n before it was squared, which must be known: in an
    energy, noise and a weak wave look alike. Make one with `EnergyPilots.measured`, which checks,
    or by `simulate_energy_pilots`.
    """

    plan: PilotPlan
    energies: Float[np.ndarray, "slots antennas users"]
    noise_variance: float

    @classmethod
    def measured(
        cls, plan: PilotPlan, energies: Shaped[AnyArray, "..."], noise_variance: float | None
    ) -> Self:
        """Pilots from measured energies, slots x antennas x users (or x antennas, of one user).

        Raises:
            InputError: shapes that contradict the plan; energies that are complex, negative, not
                finite or all the same; a noise variance that is not positive, or not known.
        """
        return cls(plan, checked_energies(plan, energies), _checked_variance(noise_variance))


def checked_energies(
    plan: PilotPlan, energies: Shaped[AnyArray, "..."]
) -> Float[np.ndarray, "slots antennas users"]:
    """Energies of a plan, slots x antennas x users.

    Raises:
        InputError: as `EnergyPilots.measured`, but for the noise.
    """
    values = np.asarray(energies)
    require(
        not np.iscomplexobj(values),
        "`energies` must be real, but is complex: calibrate complex responses as `received`, "
        "which tells more (`metastack calibrate fit`).",
    )
    require(
        values.dtype.kind in "fiu",
        f"`energies` must hold numbers, but holds {values.dtype}.",
    )
    x = values.astype(float)
    x = x[:, :, None] if x.ndim == 2 else x
    require(
        x.ndim == 3 and x.size > 0,
        "`energies` must be slots x antennas x users, or slots x antennas, but has shape "
        f"{np.shape(energies)}.",
    )
    require(
        len(x) == plan.slots,
        f"`energies` must have a row for each of the {plan.slots} slots, but has {len(x)}.",
    )
    _check_values(x)
    return x


def energies_of(pilots: Pilots) -> EnergyPilots:
    """What receivers without phase would have told of pilots.

    Raises:
        InputError: pilots without noise, or whose noise is not known.
    """
    y = pilots.received
    energies = np.real(y) ** 2 + np.imag(y) ** 2
    return EnergyPilots.measured(pilots.plan, energies, pilots.noise_variance)


def simulate_energy_pilots(
    stack: Stack,
    plan: PilotPlan,
    *,
    snr_db: float,
    key: Key[Array, ""],
    gain: Complex[AnyArray, "#slots #antennas #users"] | complex = 1.0,
) -> EnergyPilots:
    """Energies of a built stack: those of `simulate_pilots` with the same key.

    Raises:
        InputError: phases of another stack, an SNR that is not finite.
    """
    require(
        abs(snr_db) <= _MOST_SNR_DB,
        f"`snr_db` of energies must be within ±{_MOST_SNR_DB}, but is {snr_db}.",
    )
    return energies_of(simulate_pilots(stack, plan, snr_db=snr_db, key=key, gain=gain))


def check_energies(pilots: EnergyPilots, stack: Stack) -> None:
    """Refuse energies that are not of this stack.

    Raises:
        InputError: another number of layers, atoms, antennas or users.
    """
    check_plan(pilots.plan, stack)
    found = pilots.energies.shape[1:]
    expected = stack.receiver_array.size, pilots.plan.illumination.users(stack)
    require(
        found == expected,
        f"`energies` must be of {expected[0]} antennas, the stack's receivers, and {expected[1]} "
        f"users, but is of {found[0]} and {found[1]}.",
    )


def _check_values(energies: Float[np.ndarray, "slots antennas users"]) -> None:
    bad = np.argwhere(~np.isfinite(energies))
    require(
        not len(bad),
        f"`energies` must be finite, but has {len(bad)} values that are not; the first is of slot "
        f"{bad[0, 0] if len(bad) else 0}.",
    )
    low = np.argwhere(energies < 0)
    least = float(energies.min())
    require(
        not len(low),
        f"`energies` must not be negative, but {len(low)} are, down to {least:g}; the first is of "
        f"slot {low[0, 0] if len(low) else 0}: give linear powers, not decibels.",
    )
    largest = float(energies.max())
    require(
        largest > least or energies.size == 1,
        f"`energies` must differ from each other, but all are {largest:g}.",
    )
    require(
        _LEAST <= largest <= 1 / _LEAST,
        f"The largest of `energies` must be within {_LEAST:g} and {1 / _LEAST:g}, but is "
        f"{largest:g}.",
    )


def _checked_variance(noise_variance: float | None) -> float:
    require(
        noise_variance is not None,
        "`noise_variance` of energies must be known, but is not: measure the mean energy without a "
        "source (`--noise-variance` on the command line).",
    )
    assert noise_variance is not None
    require(
        np.isfinite(noise_variance) and noise_variance > 0,
        f"`noise_variance` of energies must be positive and finite, but is {noise_variance}.",
    )
    return float(noise_variance)
