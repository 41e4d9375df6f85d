"""Signal to interference and noise, and what can be sent: bit/s/Hz.

`received[k, s]` is what user k hears of stream s, in units of the root of the noise power; stream
k is meant for user k.
"""

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .._types import AnyArray


def sinr(received: Complex[AnyArray, "*batch users users"]) -> Float[Array, "*batch users"]:
    """Signal over interference and noise of every user, each hearing for itself."""
    received = jnp.asarray(received)
    power = received.real**2 + received.imag**2
    wanted = jnp.diagonal(power, axis1=-2, axis2=-1)
    # Interference alone: of a difference nothing would be left where there is hardly any.
    return wanted / ((power * (1 - jnp.eye(power.shape[-1]))).sum(-1) + 1)


def sum_rate(received: Complex[AnyArray, "*batch users users"]) -> Float[Array, "*batch"]:
    """Sum of log2(1 + SINR) over users, bit/s/Hz."""
    return jnp.log2(1 + sinr(received)).sum(-1)


def least_rate(received: Complex[AnyArray, "*batch users users"]) -> Float[Array, "*batch"]:
    """The rate of the user who is worst off, bit/s/Hz."""
    return jnp.log2(1 + sinr(received)).min(-1)
