"""All hops of a stack in the order in which the wave takes them.

Equal neighbours are held once and walked by a loop, so that neither memory nor the time to
compile grows with the number of layers.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby, pairwise
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex

from .operators import Hop, transposed


class Chain(eqx.Module):
    """Hops from the input layer to the receivers: `hops[k]` is taken `repeats[k]` times."""

    hops: tuple[Hop, ...]
    repeats: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def of(cls, hops: Sequence[Hop]) -> Self:
        """A chain of L + 1 hops; neighbours that are the same object become one."""
        inner = [list(group) for _, group in groupby(hops[1:-1], key=id)]
        groups = [[hops[0]], *inner, [hops[-1]]]
        return cls(tuple(group[0] for group in groups), tuple(map(len, groups)))

    def __iter__(self) -> Iterator[Hop]:
        """Every hop in order, L + 1 of them."""
        for hop, repeat in zip(self.hops, self.repeats, strict=True):
            yield from [hop] * repeat

    def __len__(self) -> int:
        """Number of hops, one more than there are programmable layers."""
        return sum(self.repeats)

    @property
    def inner(self) -> list[tuple[Hop, slice]]:
        """Hops between programmable layers, each with the layers that it leaves."""
        ends = [0]
        for repeat in self.repeats[1:-1]:
            ends.append(ends[-1] + repeat)
        return [(hop, slice(*e)) for hop, e in zip(self.hops[1:-1], pairwise(ends), strict=True)]

    def first_field(self, dtype: jnp.dtype) -> Complex[Array, "inputs atoms"]:
        """Field that meets the first layer, for a unit field at each input port."""
        return self.hops[0](jnp.eye(self.hops[0].from_size, dtype=dtype))


@partial(jax.jit, inline=True)
def propagate(
    chain: Chain, transmission: Complex[Array, "*batch layers atoms"]
) -> Complex[Array, "*batch receivers inputs"]:
    """Send a unit field from every input port through hops and layers, eq. (14)."""
    layers = jnp.moveaxis(transmission, -2, 0)[..., None, :]
    first = chain.first_field(transmission.dtype)
    field = jnp.broadcast_to(first, (*layers.shape[1:-2], *first.shape))
    for hop, left in chain.inner:
        field, _ = jax.lax.scan(lambda f, t, hop=hop: (hop(f * t), None), field, layers[left])
    return jnp.swapaxes(chain.hops[-1](field * layers[-1]), -1, -2)


def incoming_fields(
    chain: Chain, transmission: Complex[Array, "layers atoms"]
) -> Complex[Array, "layers inputs atoms"]:
    """Field that meets each layer, for a unit field at each input port."""
    first = chain.first_field(transmission.dtype)
    groups = [(lambda f, t, hop=hop: hop(f * t), left) for hop, left in chain.inner]
    return _walk(first, [(move, transmission[left]) for move, left in groups])


def outgoing_weights(
    chain: Chain, transmission: Complex[Array, "layers atoms"], receivers: int
) -> Complex[Array, "layers receivers atoms"]:
    """What a unit field behind each layer's atoms makes at each receiver."""
    last = transposed(chain.hops[-1], jnp.eye(receivers, dtype=transmission.dtype))
    # Layer l + 1 is crossed on the way back from its own weights to those of layer l.
    groups = [
        (lambda w, t, hop=hop: transposed(hop, w * t), transmission[left.start + 1 : left.stop + 1])
        for hop, left in reversed(chain.inner)
    ]
    return _walk(last, [(move, crossed[::-1]) for move, crossed in groups])[::-1]


_Move = Callable[[Array, Array], Array]


def _walk(
    first: Complex[Array, "ports atoms"],
    groups: Sequence[tuple[_Move, Complex[Array, "_ atoms"]]],
) -> Complex[Array, "layers ports atoms"]:
    """`first` and the field after every move."""
    fields = [first[None]]
    for move, transmission in groups:

        def step(field: Array, crossed: Array, move: _Move = move) -> tuple[Array, Array]:
            after = move(field, crossed)
            return after, after

        fields.append(jax.lax.scan(step, fields[-1][-1], transmission)[1])
    return jnp.concatenate(fields)
