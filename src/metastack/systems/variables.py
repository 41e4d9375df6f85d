"""What a system may choose: phases of the atoms, and what the antennas are fed with."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..precision import in_float64


class Variables(eqx.Module):
    """Phases, radians, and a precoder: column s is what stream s puts on every antenna.

    The precoder is in roots of watts. Without digital precoding it is
    diagonal: one stream an antenna, its entries roots of powers.
    """

    phases_rad: Float[AnyArray, "*runs layers atoms"]
    precoder: Complex[AnyArray, "*runs antennas streams"]

    @property
    @in_float64
    def powers(self) -> Float[Array, "*runs streams"]:
        """Power of every stream, watts."""
        return jnp.sum(jnp.abs(jnp.asarray(self.precoder)) ** 2, axis=-2)


def one_stream_an_antenna(powers: Float[AnyArray, "*runs streams"]) -> Complex[Array, "*runs s s"]:
    """The precoder of a stack that does all the precoding itself."""
    return jnp.sqrt(powers)[..., None] * jnp.eye(powers.shape[-1], dtype=complex)
