"""A small stack, users about it and their channels, for the tests of systems."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import metastack as ms
from metastack.systems.channels import CorrelatedRayleigh, PathLoss, Sector
from metastack.systems.fronts import Transmitter
from metastack.systems.powers import watts
from metastack.systems.variables import Variables

POWER = watts(20.0)
NOISE = watts(-100.0)


def small_stack(*, layers=2, side=5, ports=2, **changes):
    return ms.make_uniform_stack(
        ports=ports,
        atoms_per_side=side,
        layers=layers,
        thickness_wavelengths=1.5 * layers,
        spacing_wavelengths=0.5,
        frequency_hz=28e9,
        **changes,
    )


def user_channels(stack, users, runs, *, seed=0):
    """Channels in units of the root of the noise power."""
    transmitter = Transmitter.of(stack)
    places_m = Sector(20, 60).draw(jax.random.key(seed), users)
    wavelength_m = float(stack.wavelength_m)
    gain = PathLoss(2.5).power_gain(np.linalg.norm(places_m, axis=1), wavelength_m)
    channel = CorrelatedRayleigh.to_users(
        transmitter.positions_m, power_gain=np.asarray(gain), wavelength_m=wavelength_m
    )
    return np.asarray(channel.draw(jax.random.key(seed + 1), runs)) / np.sqrt(NOISE)


def equal_start(stack, users, runs, *, seed=0, spread_rad=0.3):
    """Phases drawn for every run, all antennas fed alike, one stream each."""
    phases = np.random.default_rng(seed).uniform(0, spread_rad, (runs, *stack.phases_shape))
    precoder = np.sqrt(POWER / users) * np.eye(users, dtype=complex)
    with ms.float64():
        return Variables(
            jnp.asarray(phases), jnp.broadcast_to(jnp.asarray(precoder), (runs, users, users))
        )


def assert_no_block_lowers_the_merit(system, blocks, variables, *, rounds=15):
    """Block by block, without the driver, which would take nothing that is worse."""
    with ms.float64():
        memories = [block.begin(system, variables) for block in blocks]
        merit = float(system.merit(variables))
        for _ in range(rounds):
            for place, block in enumerate(blocks):
                improve = eqx.filter_jit(block.improve)
                variables, memories[place] = improve(system, variables, memories[place])
                after = float(system.merit(variables))
                assert after >= merit - 1e-9 * abs(merit), type(block).__name__
                merit = after
    return variables, merit


def run_of(variables, run):
    """One run of a batch."""
    return Variables(jnp.asarray(variables.phases_rad[run]), jnp.asarray(variables.precoder[run]))
