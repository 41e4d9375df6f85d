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
from ..design import CoordinateDescent, GradientDescent, LevenbergMarquardt, RandomPhases
from ..design.run import Stage, run_stages
from ..errors import require
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
    def is_smooth(self) -> bool:
        """Whether atoms at both ends are."""
        return self.transmitter.atoms.is_smooth and self.receiver.atoms.is_smooth

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
        InputError: ends that do not belong together, as `check_ends` says; a distance that is not
            positive.
    """
    check_ends(transmit, receive)
    transmitter, receiver = Transmitter.of(transmit), Receiver.of(receive)
    wavelength_m = float(transmit.wavelength_m)
    model = CorrelatedRayleigh.between(
        transmitter.positions_m,
        receiver.positions_m,
        power_gain=float(path_loss.power_gain(np.asarray(distance_m), wavelength_m)),
        wavelength_m=wavelength_m,
    )
    drawn = np.asarray(model.draw(jax.random.key(seed), channels)) / np.sqrt(noise_w)
    return HolographicCase(transmitter, receiver, drawn, power_w, transmit.input_array.size)


def check_ends(transmit: Stack, receive: Stack) -> None:
    """Refuse two stacks that make no link.

    Raises:
        InputError: other frequencies or numbers of antennas at both ends, or more antennas than a
            layer has atoms.
    """
    wavelengths_m = float(transmit.wavelength_m), float(receive.wavelength_m)
    require(
        bool(np.isclose(*wavelengths_m, rtol=1e-9, atol=0)),
        "Both stacks must work at one frequency, but their wavelengths are "
        f"{wavelengths_m[0]:.6g} m and {wavelengths_m[1]:.6g} m.",
    )
    antennas = transmit.input_array.size, receive.receiver_array.size
    require(
        antennas[0] == antennas[1],
        "Every antenna of the transmitter's input layer must have one among the receivers of the "
        f"other stack, but there are {antennas[0]} and {antennas[1]}.",
    )
    check_streams(antennas[0], transmit.layer_array.size, receive.layer_array.size)


@in_float64
def bound(case: HolographicCase) -> Float[np.ndarray, " channels"]:
    """Capacity of the best subchannels with lossless stacks, bit/s/Hz."""
    return np.asarray(parallel_capacity(case.channels, case.power, streams=case.streams))


@in_float64
def published_design(
    case: HolographicCase, *, decay: float, iterations: int, starts: int, seed: int
) -> LinkDesign:
    """Gradient descent from random phases, the best of so many starts of every channel.

    Raises:
        InputError: atoms that round.
    """
    require(
        case.is_smooth,
        "The published descent goes down a slope, but these atoms jump between settings; use "
        "smooth atoms, or the exact fit.",
    )
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
    """The paper's fit as well as it can be done, all channels at once, from near-uniform phases.

    By Levenberg-Marquardt; atom by atom where atoms round.
    """
    return _judged("exact fit", case, fitted_phases(case, near_uniform(case, seed)))


@in_float64
def fitted_phases(
    case: HolographicCase, start_rad: Float[np.ndarray, "channels layers atoms"]
) -> Float[np.ndarray, "channels layers atoms"]:
    """Phases of both stacks that make the subchannels parallel, going on from others."""
    # Nothing is precoded: the fit is of phases alone.
    start = Variables(start_rad, np.zeros((len(start_rad), 1, 1), complex))
    found = alternate(
        SubchannelSetting(case.transmitter, case.receiver),
        case.air,
        [PhaseFit(LevenbergMarquardt() if case.is_smooth else CoordinateDescent())],
        start,
        rounds=_FIT_ROUNDS,
        goal=-_GOAL,
    )
    return np.asarray(found.variables.phases_rad)


@in_float64
def fitted_capacity(
    case: HolographicCase, phases_rad: Float[np.ndarray, "channels layers atoms"]
) -> Float[np.ndarray, " channels"]:
    """Capacity of every channel with losses compensated, bit/s/Hz."""
    G = _responses(case.transmitter, case.receiver, jnp.asarray(case.channels), phases_rad)
    return np.asarray(compensated_capacity(G, case.channels, case.power))


def near_uniform(case: HolographicCase, seed: int) -> Float[np.ndarray, "channels layers atoms"]:
    """Phases to start from in every channel, which let the wave through."""
    draw = np.random.default_rng(seed)
    return draw.uniform(0, 0.3, (len(case.channels), *case.phases_shape))


@in_float64
def rate_design(case: HolographicCase, *, seed: int) -> LinkDesign:
    """Phases and powers for the rate with all losses, from near-uniform phases."""
    setting = LinkSetting(case.transmitter, case.receiver, case.power)
    found = alternate(
        setting,
        case.channels,
        [PhaseAscent() if case.is_smooth else PhaseFit(CoordinateDescent()), PricedPowers()],
        _start(case, seed),
        rounds=_RATE_ROUNDS,
        tolerance=1e-4,
    )
    return _judged("rate itself", case, np.asarray(found.variables.phases_rad))


def _start(case: HolographicCase, seed: int) -> Variables:
    phases = near_uniform(case, seed)
    equal = one_stream_an_antenna(jnp.full(case.streams, case.power / case.streams))
    return Variables(phases, jnp.broadcast_to(equal, (len(phases), *equal.shape)))


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
