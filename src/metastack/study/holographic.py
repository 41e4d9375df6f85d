"""Holographic MIMO by three designs: the paper's descent, an exact fit, and the rate itself.

Source: J. An et al., 2023 (calibration paper, Table I, [1]); the exact fit by Levenberg-Marquardt
and the rate with all losses are ours.
"""

from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..design import GradientDescent, LevenbergMarquardt, RandomPhases
from ..design.run import Stage, run_stages
from ..precision import in_float64
from ..stack import Stack
from ..systems.alternating import alternate
from ..systems.channels import CorrelatedRayleigh, PathLoss
from ..systems.downlink import PricedPowers, raised_powers
from ..systems.fronts import Receiver, Transmitter, linked
from ..systems.holographic import (
    LinkSetting,
    Subchannels,
    SubchannelSetting,
    check_streams,
    compensated_capacity,
    link_loss_db,
    parallel_capacity,
)
from ..systems.phase_blocks import PhaseAscent, PhaseFit
from ..systems.rates import sum_rate
from ..systems.variables import Variables, one_stream_an_antenna
from ..targets import nmse

# An NMSE below which nothing of the capacity is lost that anyone could measure.
_GOAL = 1e-8
_FIT_ROUNDS, _RATE_ROUNDS, _POWER_ROUNDS = 200, 60, 50


@dataclass(frozen=True)
class HolographicCase:
    """Two stacks, the air between them, and what there is of power.

    `channels` per root of the noise power, 1/√W; `power` in watts.
    """

    transmitter: Transmitter
    receiver: Receiver
    channels: Complex[np.ndarray, "channels to from"]
    power: float
    streams: int

    @property
    def layers(self) -> int:
        """Of both stacks."""
        return len(self.transmitter.hops) + len(self.receiver.hops)

    @cached_property
    def air(self) -> Subchannels:
        """The channels with their best subchannels."""
        return Subchannels.of(self.channels, streams=self.streams)

    @property
    def phases_shape(self) -> tuple[int, int]:
        """Layers and atoms a layer of both stacks in a row."""
        return self.layers, max(self.transmitter.layer_atoms, len(self.receiver.positions_m))


@dataclass(frozen=True)
class LinkDesign:
    """What one way of designing gives, channel by channel.

    `capacity`: with losses compensated, as the paper counts; `rate`: with all losses; bit/s/Hz.
    """

    name: str
    capacity: Float[np.ndarray, " channels"]
    rate: Float[np.ndarray, " channels"]
    nmse: Float[np.ndarray, " channels"]
    loss_db: Float[np.ndarray, " channels"]
    phases_rad: Float[np.ndarray, "channels layers atoms"]


@in_float64
def holographic_case(
    transmit: Stack,
    receive: Stack,
    *,
    channels: int,
    distance_m: float,
    path_loss: PathLoss,
    power_w: float,
    noise_w: float,
    seed: int,
) -> HolographicCase:
    """Draw correlated Rayleigh channels between two stacks.

    Raises:
        InputError: other numbers of antennas at both ends, or more than a layer has atoms.
    """
    transmitter, receiver = Transmitter.of(transmit), Receiver.of(receive)
    wavelength_m = float(transmit.wavelength_m)
    model = CorrelatedRayleigh.between(
        transmitter.positions_m,
        receiver.positions_m,
        power_gain=float(path_loss.power_gain(np.asarray(distance_m), wavelength_m)),
        wavelength_m=wavelength_m,
    )
    streams = transmit.input_array.size
    check_streams(
        streams,
        receive.receiver_array.size,
        transmit.layer_array.size,
        receive.layer_array.size,
    )
    drawn = model.draw(jax.random.key(seed), channels)
    return HolographicCase(
        transmitter, receiver, np.asarray(drawn) / np.sqrt(noise_w), power_w, streams
    )


@in_float64
def bound(case: HolographicCase) -> Float[np.ndarray, " channels"]:
    """Capacity of the best subchannels with lossless stacks, bit/s/Hz."""
    return np.asarray(parallel_capacity(case.channels, case.power, streams=case.streams))


@in_float64
def published_design(
    case: HolographicCase, *, decay: float, iterations: int, starts: int, seed: int
) -> LinkDesign:
    """Gradient descent from random phases, the best of so many starts of every channel."""
    best = list[Float[np.ndarray, "layers atoms"]]()
    setting = SubchannelSetting(case.transmitter, case.receiver)
    draws = [np.random.default_rng([seed, start]) for start in range(starts)]
    phases = np.array([RandomPhases()(draw, case.phases_shape) for draw in draws])
    for channel in range(len(case.channels)):
        system = setting(jax.tree.map(itemgetter(channel), case.air))
        problem = system.fit(Variables(phases, jnp.zeros((starts, 1, 1), complex)))
        trace = run_stages([Stage(problem, GradientDescent(decay, iterations), 0.0)], phases)
        assert trace.best is not None
        best.append(trace.phases_rad[trace.best.argmin()])
    return _judged("gradient descent, as published", case, np.array(best))


@in_float64
def fitted_design(case: HolographicCase, *, seed: int) -> LinkDesign:
    """Levenberg-Marquardt on the paper's fit, all channels at once, from near-uniform phases."""
    found = alternate(
        SubchannelSetting(case.transmitter, case.receiver),
        case.air,
        [PhaseFit(LevenbergMarquardt())],
        _start(case, seed),
        rounds=_FIT_ROUNDS,
        goal=-_GOAL,
    )
    return _judged("exact fit", case, np.asarray(found.variables.phases_rad))


@in_float64
def rate_design(case: HolographicCase, *, seed: int) -> LinkDesign:
    """Phases and powers for the rate with all losses, from near-uniform phases."""
    setting = LinkSetting(case.transmitter, case.receiver, case.power)
    found = alternate(
        setting,
        case.channels,
        [PhaseAscent(), PricedPowers()],
        _start(case, seed),
        rounds=_RATE_ROUNDS,
        tolerance=1e-4,
    )
    return _judged("rate itself", case, np.asarray(found.variables.phases_rad))


def _start(case: HolographicCase, seed: int) -> Variables:
    draw, channels = np.random.default_rng(seed), len(case.channels)
    phases = draw.uniform(0, 0.3, (channels, *case.phases_shape))
    equal = one_stream_an_antenna(jnp.full(case.streams, case.power / case.streams))
    return Variables(phases, jnp.broadcast_to(equal, (channels, *equal.shape)))


def _judged(
    name: str, case: HolographicCase, phases_rad: Float[np.ndarray, "channels layers atoms"]
) -> LinkDesign:
    G = _responses(case.transmitter, case.receiver, jnp.asarray(case.channels), phases_rad)
    values = np.asarray(case.air.singular_values)
    targets = values[:, :, None] * np.eye(case.streams, dtype=complex)
    powers = _powers(G, jnp.asarray(case.power))
    return LinkDesign(
        name,
        np.asarray(compensated_capacity(G, case.channels, case.power)),
        np.asarray(sum_rate(G @ one_stream_an_antenna(powers))),
        np.asarray(nmse(G, targets)),
        np.asarray(link_loss_db(G, case.channels)),
        phases_rad,
    )


@eqx.filter_jit
def _responses(
    transmitter: Transmitter,
    receiver: Receiver,
    channels: Complex[Array, "channels to from"],
    phases_rad: Float[AnyArray, "channels layers atoms"],
) -> Complex[Array, "channels streams streams"]:
    return jax.vmap(lambda H, phases: linked(transmitter, H, receiver)(phases))(
        channels, jnp.asarray(phases_rad)
    )


@eqx.filter_jit
def _powers(
    responses: Complex[Array, "channels streams streams"], power: Float[Array, ""]
) -> Float[Array, "channels streams"]:
    """The best powers of every channel, from equal ones."""

    def one(G: Complex[Array, "streams streams"]) -> Float[Array, " streams"]:
        return raised_powers(G, jnp.full(len(G), power / len(G)), power, times=_POWER_ROUNDS)

    return jax.vmap(one)(responses)
