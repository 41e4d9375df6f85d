"""Fair to all: the rate of the user who is worst off, by phases and powers.

One stream an antenna, as in the wave-domain downlink. For given phases the best powers make all
SINR equal, and the common value is one over the Perron root of a positive matrix. Its derivative
follows from the root's two vectors, so that phases go uphill with the best powers built in, and the
minimum over users, which has no derivative, never appears.

Source: calibration paper, Table I, [15]; H. Boche and M. Schubert, A general duality theory for
uplink and downlink beamforming, 2002, for the balanced powers.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int

from .._types import AnyArray, Number
from ..design import ProgrammedChain
from .fronts import Transmitter
from .variables import Variables, one_stream_an_antenna

# Each squaring doubles the number of steps of the power method: 2^40 of them.
_SQUARINGS = 40


class MaxMin(eqx.Module):
    """A stack and the air behind it; `power` in watts, all streams together.

    The response is per root of the noise power, 1/√W.
    """

    response: ProgrammedChain
    power: Number

    def merit(self, variables: Variables) -> Float[Array, ""]:
        """The rate that all users reach with the best powers, bit/s/Hz."""
        return jnp.log2(1 + balanced_sinr(self._gains(variables), self.power))

    def powered(self, variables: Variables) -> Variables:
        """The same phases with the best powers."""
        powers = balanced_powers(self._gains(variables), self.power)
        return Variables(variables.phases_rad, one_stream_an_antenna(powers))

    def _gains(self, variables: Variables) -> Float[Array, "users streams"]:
        response = self.response(variables.phases_rad)
        return response.real**2 + response.imag**2


class MaxMinSetting(eqx.Module):
    """The system of every channel: channels per root of the noise power, power in watts."""

    transmitter: Transmitter
    power: float

    def __call__(self, channel: Complex[AnyArray, "users elements"]) -> MaxMin:
        """The system of one channel."""
        return MaxMin(self.transmitter.to(channel), self.power)


def balanced_sinr(gains: Float[AnyArray, "users streams"], power: Number) -> Float[Array, ""]:
    """The largest SINR that all users can have at once.

    `gains[k, s]`: power that user k hears of one unit of stream s, over the noise; stream k is
    meant for user k.
    """
    matrix = _coupling(gains, power)
    projector = _perron_projector(jax.lax.stop_gradient(matrix))
    # For left and right vectors y, x: y M x / (y x) has the root's value and its derivative.
    return jnp.trace(projector) / jnp.sum(projector.T * matrix)


def balanced_powers(
    gains: Float[AnyArray, "users streams"], power: Number
) -> Float[Array, " streams"]:
    """The powers at which all users have the same SINR and the budget is used up."""
    vector = _perron_projector(_coupling(gains, power)).sum(axis=1)
    return vector[:-1] / vector[-1]


def _coupling(
    gains: Float[AnyArray, "users streams"], power: Number
) -> Float[Array, "extended extended"]:
    """[[D Ψ, D 1], [1ᵀ D Ψ, 1ᵀ D 1] / P]: its right Perron vector is (p, 1), its root 1/SINR."""
    wanted = jnp.maximum(jnp.diagonal(gains), 1e-300)
    crosstalk = (gains - jnp.diag(jnp.diagonal(gains))) / wanted[:, None]
    upper = jnp.concatenate([crosstalk, (1 / wanted)[:, None]], axis=1)
    return jnp.concatenate([upper, upper.sum(axis=0, keepdims=True) / power])


def _perron_projector(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Outer product x yᵀ of the vectors of the largest eigenvalue, up to a factor, by squaring."""

    def square(_: Int[Array, ""], power: Float[Array, "n n"]) -> Float[Array, "n n"]:
        squared = power @ power
        return squared / squared.max()

    return jax.lax.fori_loop(0, _SQUARINGS, square, matrix / matrix.max())
