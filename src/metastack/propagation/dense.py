"""A hop as its whole matrix: works for every geometry, M^2 per field."""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .._types import AnyArray, Number
from ..geometry import Plane
from .model import InterlayerModel, hop_matrix


class DenseHop(eqx.Module):
    """A hop as real and imaginary part of W^T, side by side."""

    weights: Float[Array, "from twice_to"]

    @classmethod
    def between(
        cls, start: Plane, end: Plane, model: InterlayerModel, *, wavelength_m: Number
    ) -> Self:
        """The hop from plane `start` to plane `end`."""
        return cls(_dense_weights(start, end, model, wavelength_m))

    @property
    def from_size(self) -> int:
        """Number of elements that the wave leaves."""
        return self.weights.shape[0]

    def __call__(self, field: Complex[AnyArray, "*fields from"]) -> Complex[Array, "*fields to"]:
        """Field on the next plane."""
        rows = stack_parts(jnp.asarray(field).reshape(-1, field.shape[-1]))
        return join_parts(product(rows, self.weights)).reshape(*field.shape[:-1], -1)


@jax.jit
def _dense_weights(
    start: Plane, end: Plane, model: InterlayerModel, wavelength_m: Number
) -> Float[Array, "from twice_to"]:
    return real_weights(hop_matrix(start, end, model, wavelength_m))


def real_weights(matrix: Complex[Array, "to from"]) -> Float[Array, "from twice_to"]:
    """Real and imaginary part of W^T side by side: one real product beats a complex one."""
    return jnp.concatenate([matrix.T.real, matrix.T.imag], axis=1)


def product(
    stacked: Float[Array, "twice_fields from"], weights: Float[Array, "from twice_to"]
) -> Float[Array, "twice_fields to"]:
    """Fields times W^T, real parts stacked on imaginary parts before and after."""
    real, imaginary = jnp.split(stacked @ weights, 2, axis=0)
    (rr, ri), (ir, ii) = (jnp.split(half, 2, axis=1) for half in (real, imaginary))
    return jnp.concatenate([rr - ii, ri + ir], axis=0)


def stack_parts(fields: Complex[Array, "fields *grid"]) -> Float[Array, "twice_fields *grid"]:
    """Real parts of all fields, then imaginary parts."""
    return jnp.concatenate([fields.real, fields.imag], axis=0)


def join_parts(stacked: Float[Array, "twice_fields *grid"]) -> Complex[Array, "fields *grid"]:
    """The inverse of `stack_parts`."""
    return jax.lax.complex(*jnp.split(stacked, 2, axis=0))
