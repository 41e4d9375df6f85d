"""A hop by mirror symmetry: four blocks, M^2 / 4 per field.

A mirror image of the source makes the mirror image of the field, so fields that are even or odd
in x, and even or odd in y, never mix.
"""

import math
from typing import Self, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from .._types import AnyArray, Number
from ..errors import require
from ..geometry import Plane
from .dense import join_parts, product, real_weights, stack_parts
from .model import InterlayerModel, hop_matrix
from .symmetry import is_mirror_symmetric, require_symmetry

Shape: TypeAlias = tuple[int, int]


class MirrorHop(eqx.Module):
    """Blocks for fields that are even-even, even-odd, odd-even and odd-odd in y and x.

    Exact where both grids are centred and unperturbed; they may differ in size and spacing.
    """

    blocks: tuple[Float[Array, "_ _"], ...]
    from_shape: Shape = eqx.field(static=True)
    to_shape: Shape = eqx.field(static=True)

    @classmethod
    def between(
        cls, start: Plane, end: Plane, model: InterlayerModel, *, wavelength_m: Number
    ) -> Self:
        """The hop from plane `start` to plane `end`.

        Raises:
            InputError: a plane is shifted, tilted or rotated, which breaks the symmetry; a model
                that does not follow geometry.
        """
        require(
            is_mirror_symmetric(start, end),
            "MirrorHop needs two centred grids without rotation, tilt or lateral shift; "
            "use DenseHop for this pair of planes.",
        )
        require_symmetry(model, "MirrorHop")
        blocks = _mirror_blocks(start, end, model, wavelength_m)
        return cls(blocks, start.array.shape, end.array.shape)

    @property
    def from_size(self) -> int:
        """Number of elements that the wave leaves."""
        return math.prod(self.from_shape)

    def __call__(self, field: Complex[AnyArray, "*fields from"]) -> Complex[Array, "*fields to"]:
        """Field on the next plane."""
        folded = _fold(stack_parts(jnp.asarray(field).reshape(-1, *self.from_shape)))
        quarters = zip(_quarters(self.from_shape), self.blocks, strict=True)
        moved = [product(_flat(folded[:, y, x]), block) for (y, x), block in quarters]
        unfolded = _unfold(_assemble(moved, self.to_shape))
        return join_parts(unfolded).reshape(*field.shape[:-1], -1)


@jax.jit
def _mirror_blocks(
    start: Plane, end: Plane, model: InterlayerModel, wavelength_m: Number
) -> tuple[Float[Array, "_ _"], ...]:
    to_shape, from_shape = end.array.shape, start.array.shape
    matrix = hop_matrix(start, end, model, wavelength_m)
    by_source = _flat(_fold(matrix.reshape(-1, *from_shape)))
    folded = _fold(by_source.T.reshape(-1, *to_shape)).reshape(*from_shape, *to_shape)
    quarters = zip(_quarters(from_shape), _quarters(to_shape), strict=True)
    blocks = [folded[(*source, *receiver)] for source, receiver in quarters]
    return tuple(real_weights(_as_matrix(block)) for block in blocks)


def _as_matrix(block: Complex[Array, "y x rows columns"]) -> Complex[Array, "to from"]:
    return block.reshape(math.prod(block.shape[:2]), math.prod(block.shape[2:])).T


def _parity_basis(size: int) -> Float[np.ndarray, "size size"]:
    """Orthonormal rows: first the even combinations of an axis and its mirror, then the odd."""
    half = size // 2
    unit = np.eye(size)
    even = (unit[:half] + unit[::-1][:half]) * np.sqrt(0.5)
    odd = (unit[:half] - unit[::-1][:half]) * np.sqrt(0.5)
    return np.concatenate([even, unit[half : size - half], odd])


def _fold(grids: Inexact[Array, "fields rows columns"]) -> Inexact[Array, "fields rows columns"]:
    """Grids in the parity basis of both axes."""
    in_y, in_x = (_parity_basis(size).astype(grids.real.dtype) for size in grids.shape[1:])
    return jnp.einsum("yr,frx->fyx", in_y, grids @ in_x.T)


def _unfold(grids: Inexact[Array, "fields rows columns"]) -> Inexact[Array, "fields rows columns"]:
    in_y, in_x = (_parity_basis(size).astype(grids.real.dtype) for size in grids.shape[1:])
    return jnp.einsum("yr,fyx->frx", in_y, grids @ in_x)


def _quarters(shape: Shape) -> list[tuple[slice, slice]]:
    """Where the four parities stand in a folded grid."""
    (even_y, odd_y), (even_x, odd_x) = (
        (slice(0, size - size // 2), slice(size - size // 2, size)) for size in shape
    )
    return [(even_y, even_x), (even_y, odd_x), (odd_y, even_x), (odd_y, odd_x)]


def _assemble(
    parts: list[Float[Array, "fields _"]], shape: Shape
) -> Float[Array, "fields rows columns"]:
    sizes = [(y.stop - y.start, x.stop - x.start) for y, x in _quarters(shape)]
    ee, eo, oe, oo = (p.reshape(len(p), *size) for p, size in zip(parts, sizes, strict=True))
    rows = [jnp.concatenate(pair, axis=2) for pair in ((ee, eo), (oe, oo))]
    return jnp.concatenate(rows, axis=1)


def _flat(grids: Inexact[Array, "fields _ _"]) -> Inexact[Array, "fields _"]:
    return grids.reshape(grids.shape[0], math.prod(grids.shape[1:]))
