"""The matrices between the programmable layers, and fields that pass through them.

A stack that is being calibrated carries users to antennas by L + 1 matrices, its links:
y = A_L T_L A_{L-1} … T_1 A_0, with T the diagonals of what the layers show.

Source: calibration paper, eq. (1)-(4).
"""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex

from .._types import AnyArray
from ..precision import in_float64
from ..propagation import DenseHop, hop_matrix
from ..propagation.dense import real_weights
from ..stack import Stack
from .illumination import Illumination


class Links(eqx.Module):
    """A_0 from users to layer 1, A_1 … A_{L-1} from layer to layer, A_L to the antennas."""

    first: Complex[AnyArray, "atoms users"]
    between: Complex[AnyArray, "hops atoms atoms"]
    last: Complex[AnyArray, "antennas atoms"]

    @classmethod
    @in_float64
    def of_stack(cls, stack: Stack, illumination: Illumination) -> Self:
        """The links of a stack as it stands; differentiable in poses and users."""
        planes = stack.planes
        hops = [
            hop_matrix(start, end, stack.model, stack.wavelength_m)
            for start, end in pairwise(planes[1:])
        ]
        atoms = stack.layer_array.size
        between = jnp.stack(hops[:-1]) if len(hops) > 1 else jnp.zeros((0, atoms, atoms), complex)
        return cls(illumination.first_link(stack), between, hops[-1])

    def __iter__(self) -> Iterator[Complex[AnyArray, "_to _from"]]:
        """Every matrix in the order in which the wave takes it."""
        yield from (self.first, *self.between, self.last)

    def __len__(self) -> int:
        """Number of matrices, one more than there are layers."""
        return len(self.between) + 2


class States(eqx.Module):
    """What every atom receives, and what it can give, in every slot."""

    arriving: Complex[Array, "layers slots users atoms"]
    leaving: Complex[Array, "layers slots antennas atoms"]


def times(
    field: Complex[Array, "*batch from"], matrix: Complex[Array, "to from"]
) -> Complex[Array, "*batch to"]:
    """`field` carried by `matrix`."""
    return DenseHop(real_weights(matrix))(field)


@partial(jax.jit, inline=True)
def received(
    links: Links, transmission: Complex[Array, "slots layers atoms"]
) -> Complex[Array, "slots antennas users"]:
    """Noiseless pilots of unit users."""
    arriving = _arriving(links, transmission)[-1]
    field = times(arriving * transmission[:, -1, None, :], jnp.asarray(links.last))
    return jnp.swapaxes(field, -1, -2)


@partial(jax.jit, inline=True)
def states(links: Links, transmission: Complex[Array, "slots layers atoms"]) -> States:
    """Fields that arrive at every layer, and weights with which antennas see behind it."""
    return States(_arriving(links, transmission), _leaving(links, transmission))


def _arriving(
    links: Links, transmission: Complex[Array, "slots layers atoms"]
) -> Complex[Array, "layers slots users atoms"]:
    slots, users = len(transmission), jnp.shape(links.first)[1]
    first = jnp.broadcast_to(jnp.asarray(links.first).T, (slots, users, transmission.shape[-1]))

    def cross(field: Array, layer: tuple[Array, Array]) -> tuple[Array, Array]:
        shown, matrix = layer
        after = times(field * shown[:, None, :], matrix)
        return after, after

    shown = jnp.moveaxis(transmission[:, :-1], 1, 0)
    _, others = jax.lax.scan(cross, first, (shown, jnp.asarray(links.between)))
    return jnp.concatenate([first[None], others])


def _leaving(
    links: Links, transmission: Complex[Array, "slots layers atoms"]
) -> Complex[Array, "layers slots antennas atoms"]:
    last = jnp.asarray(links.last)
    weights = jnp.broadcast_to(last, (len(transmission), *last.shape))

    def cross(behind: Array, layer: tuple[Array, Array]) -> tuple[Array, Array]:
        shown, matrix = layer
        ahead = times(behind * shown[:, None, :], matrix.T)
        return ahead, ahead

    shown = jnp.moveaxis(transmission[:, 1:], 1, 0)
    layers = (shown, jnp.asarray(links.between))
    _, others = jax.lax.scan(cross, weights, layers, reverse=True)
    return jnp.concatenate([others, weights[None]])
