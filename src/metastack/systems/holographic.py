"""Holographic MIMO: two stacks turn the air between them into parallel subchannels.

Every antenna of the transmitter is meant for one of the receiver, and nothing is processed
digitally. The paper fits the response to the channel's singular values on a diagonal. What it
calls capacity takes the response as scaled by that fit, so that loss in the stacks does not count:
`compensated_capacity`. With the loss counted, the system is a downlink whose users are the
receiving antennas, and its sum rate is what goes through.

Source: J. An et al., Stacked intelligent metasurfaces for efficient holographic MIMO
communications in 6G, 2023 (calibration paper, Table I, [1]).
"""

from typing import Self

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..design import ProgrammedChain
from ..design.problem import FreeScale, Problem, loss
from ..errors import require
from ..precision import in_float64
from ..targets import best_scale
from .downlink import Downlink
from .fronts import Receiver, Transmitter, linked
from .rates import sum_rate
from .variables import Variables, one_stream_an_antenna
from .water_filling import water_filling


class Subchannels(eqx.Module):
    """The air between two stacks, and the singular values of its best subchannels."""

    channel: Complex[AnyArray, "*batch to from"]
    singular_values: Float[AnyArray, "*batch streams"]

    @classmethod
    @in_float64
    def of(cls, channel: Complex[AnyArray, "*batch to from"], *, streams: int) -> Self:
        """The `streams` best of every channel.

        Raises:
            InputError: more streams than elements at an end.
        """
        channel = jnp.asarray(channel)
        check_streams(streams, *channel.shape[-2:])
        return cls(channel, jnp.linalg.svd(channel, compute_uv=False)[..., :streams])


class SubchannelFit(eqx.Module):
    """How well a link's response is proportional to the singular values on a diagonal."""

    response: ProgrammedChain
    target: Complex[Array, "streams streams"]

    def merit(self, variables: Variables) -> Float[Array, ""]:
        """Minus the NMSE at the best scale, linear: 0 is perfect."""
        return -loss(self.fit(variables), jnp.asarray(variables.phases_rad))

    def fit(self, variables: Variables) -> Problem:
        """The fit itself: it stays the same whatever the variables are."""
        del variables
        return Problem(self.response.chain, self.response.atoms, self.target, FreeScale())


class SubchannelSetting(eqx.Module):
    """The fit for every channel."""

    transmitter: Transmitter
    receiver: Receiver

    def __call__(self, air: Subchannels) -> SubchannelFit:
        """The fit for one channel."""
        response = linked(self.transmitter, air.channel, self.receiver)
        return SubchannelFit(response, jnp.diag(air.singular_values).astype(complex))


class LinkSetting(eqx.Module):
    """The link of every channel with all its losses; channels per root of the noise, power in W."""

    transmitter: Transmitter
    receiver: Receiver
    power: float

    def __call__(self, channel: Complex[AnyArray, "to from"]) -> Downlink[ProgrammedChain]:
        """The link of one channel; its users are the receiving antennas."""
        return Downlink(linked(self.transmitter, channel, self.receiver), self.power)


@in_float64
def parallel_capacity(
    channel: Complex[AnyArray, "*batch to from"], power: float, *, streams: int
) -> Float[Array, "*batch"]:
    """What so many of the best subchannels carry with powers by water filling, bit/s/Hz.

    No link with so many streams is better, whatever its stacks do without loss.
    `channel` per root of the noise power, `power` in watts.

    Raises:
        InputError: more streams than elements at an end.
    """
    channel = jnp.asarray(channel)
    check_streams(streams, *channel.shape[-2:])
    gains = jnp.linalg.svd(channel, compute_uv=False)[..., :streams] ** 2
    return jnp.log2(1 + water_filling(gains, power) * gains).sum(-1)


@in_float64
def compensated_capacity(
    response: Complex[AnyArray, "*batch streams streams"],
    channel: Complex[AnyArray, "*batch to from"],
    power: float,
) -> Float[Array, "*batch"]:
    """The paper's capacity: the response at the scale that fits the singular values best, bit/s/Hz.

    Powers by water filling over the singular values; what is left off the diagonal interferes.
    """
    response, channel = jnp.asarray(response), jnp.asarray(channel)
    values = jnp.linalg.svd(channel, compute_uv=False)[..., : response.shape[-1]]
    target = values[..., None] * jnp.eye(response.shape[-1], dtype=complex)
    powers = water_filling(values**2, power)
    scaled = best_scale(response, target) * response
    return sum_rate(scaled @ one_stream_an_antenna(powers))


@in_float64
def link_loss_db(
    response: Complex[AnyArray, "*batch streams streams"],
    channel: Complex[AnyArray, "*batch to from"],
) -> Float[Array, "*batch"]:
    """Power lost in both stacks against lossless ones on the best subchannels, dB."""
    response, channel = jnp.asarray(response), jnp.asarray(channel)
    values = jnp.linalg.svd(channel, compute_uv=False)[..., : response.shape[-1]]
    arrived = jnp.sum(jnp.abs(response) ** 2, axis=(-2, -1))
    return 10 * jnp.log10(jnp.sum(values**2, -1) / arrived)


def check_streams(streams: int, *elements: int) -> None:
    """Refuse more streams than any end can tell apart.

    Raises:
        InputError: there are.
    """
    most = min(elements)
    require(
        1 <= streams <= most,
        f"There must be from 1 to {most} streams, as many as the smallest number of antennas or "
        f"atoms on the way, but there are {streams}.",
    )
