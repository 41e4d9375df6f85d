"""MIMO judged by the error of its streams, for any response, with couplings or without.

Stream k comes from antenna k and is heard by receiver k, as in holographic MIMO; each receiver
scales what it hears. The response may be a product of matrices or a whole network with every
coupling and reflection, as in the multiport model.

Source: calibration paper, Table I, [7]: A. Abrardo et al., Novel modeling and optimization of
stacked intelligent metasurfaces, 2025, mean squared error over phases by the multiport model.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int

from .._types import AnyArray, Number
from ..design import ProgrammableResponse
from .precoders import mmse_receivers, wmmse_precoder
from .variables import Variables


class MimoByError(eqx.Module):
    """Streams through a response per root of the noise power; `power` in watts."""

    response: ProgrammableResponse
    power: Number

    def merit(self, variables: Variables) -> Float[Array, ""]:
        """Minus the mean squared error of a stream, linear: between -1 and 0."""
        return -stream_errors(self.response(variables.phases_rad) @ variables.precoder).mean()


class ScaledResponse(eqx.Module):
    """The system at a noise: `channels` are one over the root of its power, 1/√W."""

    response: ProgrammableResponse
    power: float

    def __call__(self, gain: Complex[AnyArray, ""]) -> MimoByError:
        """The system with this gain."""
        return MimoByError(_Scaled(self.response, gain), self.power)


class _Scaled(ProgrammableResponse):
    base: ProgrammableResponse
    gain: Complex[AnyArray, ""]

    @property
    def phases_shape(self) -> tuple[int, int]:
        return self.base.phases_shape

    def __call__(
        self, phases_rad: Float[AnyArray, "*batch layers atoms"]
    ) -> Complex[Array, "*batch receivers inputs"]:
        return jnp.asarray(self.gain) * self.base(phases_rad)


def stream_errors(
    received: Complex[AnyArray, "*batch streams streams"],
) -> Float[Array, "*batch streams"]:
    """E|s - u y|² of every stream with the best scale u at its receiver: 1/(1 + SINR)."""
    return 1 / mmse_receivers(received)[1]


class MmsePrecoder(eqx.Module):
    """Receivers and precoder in turn, for the least sum of errors within the power."""

    times: int = eqx.field(static=True, default=3)

    def begin(self, system: MimoByError, variables: Variables) -> None:
        """Nothing."""

    def improve(
        self, system: MimoByError, variables: Variables, memory: None
    ) -> tuple[Variables, None]:
        """A precoder of a smaller error."""
        channel = system.response(variables.phases_rad)

        def once(
            _: Int[Array, ""], precoder: Complex[Array, "antennas streams"]
        ) -> Complex[Array, "antennas streams"]:
            receivers, weights = mmse_receivers(channel @ precoder)
            return wmmse_precoder(channel, receivers, jnp.ones_like(weights), system.power)

        precoder = jax.lax.fori_loop(0, self.times, once, variables.precoder)
        return Variables(variables.phases_rad, precoder), memory
