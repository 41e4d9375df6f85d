"""Pilots: phases that the layers show, slot after slot, and what the antennas receive.

Source: calibration paper, section III-A; the reference for the SNR is ours.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key, Shaped

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .illumination import Illumination
from .links import Links, received

# So many random patterns tell the mean power to .1 dB and better.
_REFERENCE_SLOTS = 512
_MOST_SLOTS = 10_000_000
# Smaller or larger numbers have no squares in double precision.
_LEAST = 1e-100


class PilotPlan(eqx.Module):
    """What the programmable layers show in every slot, and who lights the stack meanwhile."""

    phases_rad: Float[np.ndarray, "slots layers atoms"]
    illumination: Illumination

    @property
    def slots(self) -> int:
        """Number of slots, T."""
        return len(self.phases_rad)


class Pilots(eqx.Module):
    """A plan that was carried out: complex responses of all antennas to all users.

    `noise_variance` is that of one response, E|n|²; unknown where it is `None`. Make one with
    `Pilots.measured`, which checks, or by `simulate_pilots`.
    """

    plan: PilotPlan
    received: Complex[np.ndarray, "slots antennas users"]
    noise_variance: float | None = None

    @classmethod
    def measured(
        cls,
        plan: PilotPlan,
        received: Shaped[AnyArray, "..."],
        noise_variance: float | None = None,
    ) -> Self:
        """Pilots from what was received, slots x antennas x users (or x antennas, of one user).

        Raises:
            InputError: shapes that contradict the plan, values that are not finite or all zero,
                a negative noise variance.
        """
        y = np.asarray(received, complex)
        y = y[:, :, None] if y.ndim == 2 else y
        require(
            y.ndim == 3 and y.size > 0,
            "`received` must be slots x antennas x users, or slots x antennas, but has shape "
            f"{np.shape(received)}.",
        )
        require(
            len(y) == plan.slots,
            f"`received` must have a row for each of the {plan.slots} slots, but has {len(y)}.",
        )
        bad = np.argwhere(~np.isfinite(y))
        require(
            not len(bad),
            f"`received` must be finite, but has {len(bad)} values that are not; the first is of "
            f"slot {bad[0, 0] if len(bad) else 0}.",
        )
        require(bool(y.any()), "`received` must hold something, but is all zero.")
        largest = float(np.abs(y).max())
        require(
            _LEAST <= largest <= 1 / _LEAST,
            f"The largest of `received` must be within {_LEAST:g} and {1 / _LEAST:g}, but is "
            f"{largest:g}.",
        )
        require(
            noise_variance is None or (np.isfinite(noise_variance) and noise_variance >= 0),
            f"`noise_variance` must be finite and not negative, but is {noise_variance}.",
        )
        return cls(plan, y, noise_variance)


def random_plan(
    stack: Stack, slots: int, illumination: Illumination, *, seed: int, bits: int | None = None
) -> PilotPlan:
    """Phases uniform over the turn, or over the 2^bits equally spaced ones, as in the paper.

    Raises:
        InputError: fewer than one slot, or bits that are not from 1 to 16.
    """
    require(1 <= slots <= _MOST_SLOTS, f"`slots` must be from 1 to {_MOST_SLOTS}, but is {slots}.")
    require(bits is None or 1 <= bits <= 16, f"`bits` must be from 1 to 16, but is {bits}.")
    generator = np.random.default_rng(seed)
    shape = (slots, *stack.phases_shape)
    if bits is None:
        return PilotPlan(generator.uniform(0, 2 * np.pi, shape), illumination)
    codes = generator.integers(0, 2**bits, shape)
    return PilotPlan(2 * np.pi / 2**bits * codes, illumination)


@in_float64
def reference_power(stack: Stack, illumination: Illumination) -> float:
    """Mean power of one response to random phases: what the SNR of pilots is counted from.

    Designed pilots may receive more, and that is their merit.
    """
    plan = random_plan(stack, _REFERENCE_SLOTS, illumination, seed=0)
    return float(jnp.mean(jnp.abs(noiseless(stack, plan)) ** 2))


@in_float64
def noiseless(stack: Stack, plan: PilotPlan) -> Complex[np.ndarray, "slots antennas users"]:
    """What the antennas would receive without noise and with unit gain.

    Raises:
        InputError: phases of another stack.
    """
    check_plan(plan, stack)
    links = Links.of_stack(stack, plan.illumination)
    return np.asarray(received(links, stack.atoms(jnp.asarray(plan.phases_rad))))


@in_float64
def simulate_pilots(
    stack: Stack,
    plan: PilotPlan,
    *,
    snr_db: float,
    key: Key[Array, ""],
    gain: Complex[AnyArray, "#slots #antennas #users"] | complex = 1.0,
) -> Pilots:
    """Pilots of a built stack.

    The SNR is per antenna and slot, of random phases: see `reference_power`. `gain`: what cables
    and amplifiers multiply, unknown to the calibration.

    Raises:
        InputError: phases of another stack, an SNR that is not finite (`inf` is no noise).
    """
    y, power = noiseless(stack, plan), reference_power(stack, plan.illumination)
    received, variance = with_noise(y, power, snr_db=snr_db, key=key, gain=gain)
    return Pilots(plan, received, variance)


def with_noise(
    clean: Complex[np.ndarray, "*shape"],
    power: float,
    *,
    snr_db: float,
    key: Key[Array, ""],
    gain: Complex[AnyArray, "..."] | complex,
) -> tuple[Complex[np.ndarray, "*shape"], float]:
    """Responses times `gain` with noise, and its variance: `power` over the SNR, times mean gain.

    Raises:
        InputError: an SNR that is not finite (`inf` is no noise).
    """
    require(
        snr_db == np.inf or abs(snr_db) <= 300,
        f"`snr_db` must be within ±300, or inf for no noise, but is {snr_db}.",
    )
    variance = power * 10 ** (-snr_db / 10)
    noise = np.sqrt(variance / 2) * np.asarray(jax.random.normal(key, (2, *clean.shape), float))
    factor = np.asarray(gain, complex)
    scale = float(np.sqrt(np.mean(np.abs(factor) ** 2)))
    return factor * clean + scale * (noise[0] + 1j * noise[1]), scale**2 * variance


def check_plan(plan: PilotPlan, stack: Stack) -> None:
    """Refuse phases that are not of this stack.

    Raises:
        InputError: another number of layers or atoms.
    """
    found = plan.phases_rad.shape
    require(
        len(found) == 3 and found[1:] == stack.phases_shape,
        "The pilots' phases must be slots x {} layers x {} atoms, as the stack, but have shape "
        "{}.".format(*stack.phases_shape, found),
    )
    require(bool(np.isfinite(plan.phases_rad).all()), "The pilots' phases must be finite.")


def check_pilots(pilots: Pilots, stack: Stack) -> None:
    """Refuse pilots that are not of this stack.

    Raises:
        InputError: another number of layers, atoms, antennas or users.
    """
    check_plan(pilots.plan, stack)
    found = pilots.received.shape[1:]
    expected = stack.receiver_array.size, pilots.plan.illumination.users(stack)
    require(
        found == expected,
        f"`received` must be of {expected[0]} antennas, the stack's receivers, and {expected[1]} "
        f"users, but is of {found[0]} and {found[1]}.",
    )
