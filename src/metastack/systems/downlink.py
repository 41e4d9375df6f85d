"""Many users, one stack: the sum of their rates, with a digital precoder or without.

With one: receivers' and precoder's weights in closed form (WMMSE), then the phases by the fit that
the weighted error is. Without: one stream an antenna, powers by water filling with prices.

Source: calibration paper, Table I, [8] and [9] (with precoder) and [15]'s setting (without); J. An
et al., Stacked intelligent metasurfaces for multiuser downlink beamforming in the wave domain,
2023; Q. Shi et al., 2011, for WMMSE.
"""

from typing import Any, Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from .._types import AnyArray, Number
from ..design import ProgrammableResponse, ProgrammedChain
from ..design.problem import FixedScale, Problem
from ..propagation import Chain, DenseHop
from ..propagation.dense import real_weights
from .fronts import Transmitter, matrix_of
from .precoders import mmse_receivers, wmmse_precoder
from .rates import sum_rate
from .variables import Variables, one_stream_an_antenna
from .water_filling import priced_water_filling

Response = TypeVar("Response", bound=ProgrammableResponse)


class Downlink(eqx.Module, Generic[Response]):
    """A stack and the air behind it; `power` in watts, all streams together.

    The response is per root of the noise power, 1/√W.

    A response of several draws counts by the mean of their rates.
    """

    response: Response
    power: Number

    def received(self, variables: Variables) -> Complex[Array, "*draws users streams"]:
        """What every user hears of every stream."""
        return self.response(variables.phases_rad) @ variables.precoder

    def merit(self, variables: Variables) -> Float[Array, ""]:
        """Sum rate, bit/s/Hz."""
        return sum_rate(self.received(variables)).mean()

    def fit(self: "Downlink[ProgrammedChain]", variables: Variables) -> Problem:
        """Weighted errors of all users as one fit: √w (u G V - 1); of a product of matrices only.

        The precoder goes before the first hop, receivers and weights behind the last.
        """
        receivers, weights = mmse_receivers(self.received(variables))
        chain = self.response.chain
        before = matrix_of(chain.hops[0]) @ variables.precoder
        behind = (jnp.sqrt(weights) * receivers)[:, None] * matrix_of(chain.hops[-1])
        hops = [DenseHop(real_weights(before)), *chain.hops[1:-1], DenseHop(real_weights(behind))]
        weighted = Chain(tuple(hops), chain.repeats)
        target = jnp.diag(jnp.sqrt(weights)).astype(complex)
        return Problem(weighted, self.response.atoms, target, FixedScale())


class DownlinkSetting(eqx.Module):
    """The downlink of every channel: channels per root of the noise power, power in watts."""

    transmitter: Transmitter
    power: float

    def __call__(self, channel: Complex[AnyArray, "users elements"]) -> Downlink[ProgrammedChain]:
        """The downlink of one channel."""
        return Downlink(self.transmitter.to(channel), self.power)


class WmmsePrecoder(eqx.Module):
    """Receivers, weights and precoder in turn, each in closed form, so many times."""

    times: int = eqx.field(static=True, default=3)

    def begin(self, system: Downlink[Any], variables: Variables) -> None:
        """Nothing."""

    def improve(
        self, system: Downlink[Any], variables: Variables, memory: None
    ) -> tuple[Variables, None]:
        """A precoder of a larger sum rate."""
        channel = system.response(variables.phases_rad)

        def once(
            _: Int[Array, ""], precoder: Complex[Array, "antennas users"]
        ) -> Complex[Array, "antennas users"]:
            return wmmse_precoder(channel, *mmse_receivers(channel @ precoder), system.power)

        precoder = jax.lax.fori_loop(0, self.times, once, variables.precoder)
        return Variables(variables.phases_rad, precoder), memory


class PricedPowers(eqx.Module):
    """One stream an antenna: powers by water filling with prices, damped until the rate rises."""

    times: int = eqx.field(static=True, default=5)

    def begin(self, system: Downlink[Any], variables: Variables) -> None:
        """Nothing."""

    def improve(
        self, system: Downlink[Any], variables: Variables, memory: None
    ) -> tuple[Variables, None]:
        """Powers of a larger sum rate."""
        response = system.response(variables.phases_rad)
        powers = raised_powers(response, variables.powers, system.power, times=self.times)
        return Variables(variables.phases_rad, one_stream_an_antenna(powers)), memory


def raised_powers(
    response: Complex[Array, "*draws users streams"],
    powers: Float[Array, " streams"],
    budget: Number,
    *,
    times: int,
) -> Float[Array, " streams"]:
    """Powers of at least the same sum rate, after so many rounds of priced water filling.

    A round goes as much of its way, halved again and again, as raises the rate most.
    """
    gains = jnp.abs(response) ** 2

    def rate(powers: Float[Array, " streams"]) -> Float[Array, ""]:
        return sum_rate(response @ one_stream_an_antenna(powers)).mean()

    def once(_: Int[Array, ""], powers: Float[Array, " streams"]) -> Float[Array, " streams"]:
        wanted = priced_water_filling(gains, powers, budget)
        trials = powers + _SHARES[:, None] * (wanted - powers)
        rates = jax.vmap(rate)(trials)
        best = jnp.argmax(rates)
        return jnp.where(rates[best] > rate(powers), trials[best], powers)

    raised = jax.lax.fori_loop(0, times, once, powers)
    # More of all raises every ratio, for the noise stays.
    return raised * (budget / raised.sum())


_SHARES = 0.5 ** np.arange(8)
