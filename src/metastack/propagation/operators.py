"""Three ways to carry a field across one hop: dense, by mirror symmetry, by FFT.

They give the same numbers (1e-10 relative in double precision) at different costs per field of
M atoms: dense M^2; mirror M^2 / 4, exact where both grids are centred and unperturbed; FFT
M log M with memory O(M), where both grids share one lattice in parallel planes.
"""

import math
from collections.abc import Sequence
from typing import Protocol, Self, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft
from jax.core import Tracer
from jaxtyping import Array, Complex, Float, Inexact

from .._types import Number
from ..errors import require
from ..geometry import Plane, column_and_row


class InterlayerModel(Protocol):
    """What every propagation model answers: the field at `to_m` per unit field at `from_m`."""

    def __call__(
        self,
        from_m: Float[Array, "from 3"],
        to_m: Float[Array, "to 3"],
        *,
        normal: Float[Array, "3"],
        wavelength_m: Number,
    ) -> Complex[Array, "to from"]:
        """Matrix of the hop, columns acting first."""
        ...


class DenseHop(eqx.Module):
    """A hop as its whole matrix. Works for every geometry."""

    weights: Float[Array, "from twice_to"]

    @classmethod
    def between(
        cls, start: Plane, end: Plane, model: InterlayerModel, *, wavelength_m: Number
    ) -> Self:
        """The hop from plane `start` to plane `end`."""
        return cls(_real_weights(hop_matrix(start, end, model, wavelength_m=wavelength_m)))

    @property
    def from_size(self) -> int:
        """Number of elements that the wave leaves."""
        return self.weights.shape[0]

    def __call__(self, field: Complex[Array, "*fields from"]) -> Complex[Array, "*fields to"]:
        """Field on the next plane."""
        return _complex_product(field, self.weights)


class MirrorHop(eqx.Module):
    """A hop split into four blocks: fields even or odd in x, and even or odd in y.

    A mirror image of the source makes the mirror image of the field, so the four kinds never
    mix, and each needs a block of a quarter of the rows and columns.
    """

    blocks: tuple[Float[Array, "_ _"], ...]
    from_shape: tuple[int, int] = eqx.field(static=True)
    to_shape: tuple[int, int] = eqx.field(static=True)

    @classmethod
    def between(
        cls, start: Plane, end: Plane, model: InterlayerModel, *, wavelength_m: Number
    ) -> Self:
        """The hop from plane `start` to plane `end`.

        Raises:
            InputError: a plane is shifted, tilted or rotated, which breaks the symmetry.
        """
        require(
            is_mirror_symmetric(start, end),
            "MirrorHop needs two centred grids without rotation, tilt or lateral shift; "
            "use DenseHop for this pair of planes.",
        )
        matrix = hop_matrix(start, end, model, wavelength_m=wavelength_m)
        to_shape, from_shape = _grid_shape(end), _grid_shape(start)
        rows = _parity_parts(jnp.moveaxis(matrix.reshape(*to_shape, -1), -1, 0))
        columns = [_parity_parts(part.T.reshape(-1, *from_shape)) for part in rows]
        blocks = tuple(_real_weights(columns[parity][parity]) for parity in range(4))
        return cls(blocks, from_shape, to_shape)

    @property
    def from_size(self) -> int:
        """Number of elements that the wave leaves."""
        return math.prod(self.from_shape)

    def __call__(self, field: Complex[Array, "*fields from"]) -> Complex[Array, "*fields to"]:
        """Field on the next plane."""
        parts = _parity_parts(field.reshape(-1, *self.from_shape))
        moved = [_complex_product(p, b) for p, b in zip(parts, self.blocks, strict=True)]
        return _from_parity_parts(moved, self.to_shape).reshape(*field.shape[:-1], -1)


class FourierHop(eqx.Module):
    """A hop as a convolution on the lattice that both planes share, done by FFT."""

    spectrum: Complex[Array, "rows columns"]
    from_shape: tuple[int, int] = eqx.field(static=True)
    to_shape: tuple[int, int] = eqx.field(static=True)

    @classmethod
    def between(
        cls, start: Plane, end: Plane, model: InterlayerModel, *, wavelength_m: Number
    ) -> Self:
        """The hop from plane `start` to plane `end`.

        Raises:
            InputError: the grids differ in spacing or orientation.
        """
        require(
            shares_lattice(start, end),
            "FourierHop needs two grids of equal spacing and orientation in parallel planes; "
            "use DenseHop for this pair of planes.",
        )
        from_shape, to_shape = _grid_shape(start), _grid_shape(end)
        kernel = _lattice_kernel(start, end, model, wavelength_m)
        padded_shape = [int(scipy.fft.next_fast_len(size) or size) for size in kernel.shape]
        padding = [(0, p - size) for p, size in zip(padded_shape, kernel.shape, strict=True)]
        # The first entry of the kernel is the largest negative offset: put offset 0 first.
        shift = [1 - size for size in from_shape]
        kernel = jnp.roll(jnp.pad(kernel, padding), shift, axis=(0, 1))
        return cls(jnp.fft.fft2(kernel), from_shape, to_shape)

    @property
    def from_size(self) -> int:
        """Number of elements that the wave leaves."""
        return math.prod(self.from_shape)

    def __call__(self, field: Complex[Array, "*fields from"]) -> Complex[Array, "*fields to"]:
        """Field on the next plane."""
        on_grid = field.reshape(*field.shape[:-1], *self.from_shape)
        spectrum = self.spectrum * jnp.fft.fft2(on_grid, s=self.spectrum.shape)
        rows, columns = self.to_shape
        moved = jnp.fft.ifft2(spectrum)[..., :rows, :columns]
        return moved.reshape(*field.shape[:-1], -1)


Hop: TypeAlias = DenseHop | MirrorHop | FourierHop

# Above this many atoms in each plane the FFT is faster than the mirror blocks (measured on two
# cores, benchmarks/operators.py).
_FOURIER_FROM_ATOMS = 2000
# Below this size the mirror split costs more than the smaller product saves.
_MIRROR_FROM_ATOMS = 500


def automatic_hop(start: Plane, end: Plane, model: InterlayerModel, *, wavelength_m: Number) -> Hop:
    """The fastest exact hop for this pair of planes, by symmetry and size.

    Positions that are being differentiated (JAX tracers) have no symmetry that could be
    relied on, so they get a `DenseHop`.
    """
    kind = fastest_kind(start, end)
    return kind.between(start, end, model, wavelength_m=wavelength_m)


def fastest_kind(start: Plane, end: Plane) -> type[Hop]:
    """The kind of hop that is exact for this pair of planes and fastest."""
    atoms = min(start.array.size, end.array.size)
    if atoms >= _FOURIER_FROM_ATOMS and shares_lattice(start, end):
        return FourierHop
    if atoms >= _MIRROR_FROM_ATOMS and is_mirror_symmetric(start, end):
        return MirrorHop
    return DenseHop


def hop_matrix(
    start: Plane, end: Plane, model: InterlayerModel, *, wavelength_m: Number
) -> Complex[Array, "to from"]:
    """Matrix W of a hop, `field_out = W @ field_in`."""
    return model(start.positions_m, end.positions_m, normal=start.normal, wavelength_m=wavelength_m)


def transposed(hop: Hop, field: Complex[Array, "*fields to"]) -> Complex[Array, "*fields from"]:
    """Carry a row of receiving weights back across the hop: `field @ W`, without conjugation."""
    incoming = jax.ShapeDtypeStruct((*field.shape[:-1], hop.from_size), field.dtype)
    return jax.linear_transpose(hop, incoming)(field)[0]


def is_mirror_symmetric(start: Plane, end: Plane) -> bool:
    """Whether both planes are known to be centred, unrotated and untilted."""
    return all(
        _is_zero(_in_plane_motion(plane)) and _is_zero(_tilt(plane)) for plane in (start, end)
    )


def shares_lattice(start: Plane, end: Plane) -> bool:
    """Whether both planes are known to be parallel, with equal spacing and orientation."""
    turns = [plane.array.rotation_rad + plane.pose.rz_rad for plane in (start, end)]
    spacings = [(plane.array.spacing_x_m, plane.array.spacing_y_m) for plane in (start, end)]
    differences = [turns[1] - turns[0], *(b - a for a, b in zip(*spacings, strict=True))]
    return all(_is_zero(values) for values in (_tilt(start), _tilt(end), differences))


def _in_plane_motion(plane: Plane) -> list[Number]:
    pose = plane.pose
    return [plane.array.rotation_rad, pose.dx_m, pose.dy_m, pose.rz_rad]


def _tilt(plane: Plane) -> list[Number]:
    return [plane.pose.rx_rad, plane.pose.ry_rad]


def _is_zero(values: Sequence[Number]) -> bool:
    return not any(isinstance(v, Tracer) or np.any(np.asarray(v)) for v in values)


def _grid_shape(plane: Plane) -> tuple[int, int]:
    return plane.array.rows, plane.array.columns


def _lattice_kernel(
    start: Plane, end: Plane, model: InterlayerModel, wavelength_m: Number
) -> Complex[Array, "rows columns"]:
    """Field of the last atom of `start` on the lattice of `end`, extended to reach every pair."""
    rows, columns = (a + b - 1 for a, b in zip(_grid_shape(start), _grid_shape(end), strict=True))
    column, row = column_and_row(columns, rows)
    step_x, step_y = _lattice_steps(end)
    last = start.positions_m[-1]
    first = end.positions_m[0]
    targets = first + column[:, None] * step_x + row[:, None] * step_y
    field = model(last[None, :], targets, normal=start.normal, wavelength_m=wavelength_m)
    return field.reshape(rows, columns)


def _lattice_steps(plane: Plane) -> tuple[Float[Array, "3"], Float[Array, "3"]]:
    angle = plane.array.rotation_rad + plane.pose.rz_rad
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    spacing_x_m, spacing_y_m = map(jnp.asarray, (plane.array.spacing_x_m, plane.array.spacing_y_m))
    step_x = spacing_x_m * jnp.stack([cos, sin, jnp.zeros_like(cos)])
    return step_x, spacing_y_m * jnp.stack([-sin, cos, jnp.zeros_like(cos)])


def _real_weights(matrix: Complex[Array, "to from"]) -> Float[Array, "from twice_to"]:
    """Real and imaginary part of W^T side by side: two real products beat one complex product."""
    return jnp.concatenate([matrix.T.real, matrix.T.imag], axis=1)


def _complex_product(
    field: Complex[Array, "*fields from"], weights: Float[Array, "from twice_to"]
) -> Complex[Array, "*fields to"]:
    rows = field.reshape(-1, field.shape[-1])
    stacked = jnp.concatenate([rows.real, rows.imag], axis=0) @ weights
    (rr, ri), (ir, ii) = (jnp.split(half, 2, axis=1) for half in jnp.split(stacked, 2, axis=0))
    return jax.lax.complex(rr - ii, ri + ir).reshape(*field.shape[:-1], -1)


def _parity_parts(field: Inexact[Array, "fields rows columns"]) -> list[Inexact[Array, "fields _"]]:
    """The parts of a field that are even-even, even-odd, odd-even and odd-odd in y and x."""
    halves = [half for along_y in _fold(field, 1) for half in _fold(along_y, 2)]
    return [half.reshape(field.shape[0], -1) for half in halves]


def _from_parity_parts(
    parts: Sequence[Complex[Array, "fields _"]], shape: tuple[int, int]
) -> Complex[Array, "fields rows columns"]:
    rows, columns = shape
    sizes = [
        (r, c)
        for r in (rows - rows // 2, rows // 2)
        for c in (columns - columns // 2, columns // 2)
    ]
    grids = [part.reshape(-1, *size) for part, size in zip(parts, sizes, strict=True)]
    return _unfold(_unfold(grids[0], grids[1], 2), _unfold(grids[2], grids[3], 2), 1)


def _fold(
    field: Inexact[Array, "fields _ _"], axis: int
) -> tuple[Inexact[Array, "fields _ _"], Inexact[Array, "fields _ _"]]:
    """Even and odd part along an axis, orthonormal; the centre line belongs to the even part."""
    half = field.shape[axis] // 2
    low = jax.lax.slice_in_dim(field, 0, half, axis=axis)
    centre = jax.lax.slice_in_dim(field, half, field.shape[axis] - half, axis=axis)
    high = jnp.flip(jax.lax.slice_in_dim(field, field.shape[axis] - half, None, axis=axis), axis)
    even = jnp.concatenate([(low + high) * np.sqrt(0.5), centre], axis=axis)
    return even, (low - high) * np.sqrt(0.5)


def _unfold(
    even: Complex[Array, "fields _ _"], odd: Complex[Array, "fields _ _"], axis: int
) -> Complex[Array, "fields _ _"]:
    half = odd.shape[axis]
    paired = jax.lax.slice_in_dim(even, 0, half, axis=axis)
    centre = jax.lax.slice_in_dim(even, half, even.shape[axis], axis=axis)
    low, high = (paired + odd) * np.sqrt(0.5), (paired - odd) * np.sqrt(0.5)
    return jnp.concatenate([low, centre, jnp.flip(high, axis)], axis=axis)
