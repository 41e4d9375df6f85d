"""A hop by FFT: M log M per field and memory O(M), for two planes on one lattice."""

import math
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import scipy.fft
from jaxtyping import Array, Complex, Float

from .._types import AnyArray, Number
from ..errors import require
from ..geometry import Plane, column_and_row
from .model import InterlayerModel
from .symmetry import require_symmetry, shares_lattice


class FourierHop(eqx.Module):
    """A hop as a convolution on the lattice that both planes share."""

    spectrum: Complex[Array, "rows columns"]
    from_shape: tuple[int, int] = eqx.field(static=True)
    to_shape: tuple[int, int] = eqx.field(static=True)

    @classmethod
    def between(
        cls, start: Plane, end: Plane, model: InterlayerModel, *, wavelength_m: Number
    ) -> Self:
        """The hop from plane `start` to plane `end`.

        Raises:
            InputError: the grids differ in spacing or orientation; a model that does not follow
                geometry.
        """
        require(
            shares_lattice(start, end),
            "FourierHop needs two grids of equal spacing and orientation in parallel planes; "
            "use DenseHop for this pair of planes.",
        )
        require_symmetry(model, "FourierHop")
        spectrum = _spectrum(start, end, model, wavelength_m)
        return cls(spectrum, start.array.shape, end.array.shape)

    @property
    def from_size(self) -> int:
        """Number of elements that the wave leaves."""
        return math.prod(self.from_shape)

    def __call__(self, field: Complex[AnyArray, "*fields from"]) -> Complex[Array, "*fields to"]:
        """Field on the next plane."""
        on_grid = jnp.asarray(field).reshape(*field.shape[:-1], *self.from_shape)
        spectrum = self.spectrum * jnp.fft.fft2(on_grid, s=self.spectrum.shape)
        rows, columns = self.to_shape
        moved = jnp.fft.ifft2(spectrum)[..., :rows, :columns]
        return moved.reshape(*field.shape[:-1], -1)


@jax.jit
def _spectrum(
    start: Plane, end: Plane, model: InterlayerModel, wavelength_m: Number
) -> Complex[Array, "rows columns"]:
    kernel = _lattice_kernel(start, end, model, wavelength_m)
    padded_shape = [int(scipy.fft.next_fast_len(size) or size) for size in kernel.shape]
    padding = [(0, p - size) for p, size in zip(padded_shape, kernel.shape, strict=True)]
    # The first entry of the kernel is the largest negative offset: put offset 0 first.
    shift = [1 - size for size in start.array.shape]
    return jnp.fft.fft2(jnp.roll(jnp.pad(kernel, padding), shift, axis=(0, 1)))


def _lattice_kernel(
    start: Plane, end: Plane, model: InterlayerModel, wavelength_m: Number
) -> Complex[Array, "rows columns"]:
    """Field of the last atom of `start` on the lattice of `end`, extended to reach every pair."""
    rows, columns = (a + b - 1 for a, b in zip(start.array.shape, end.array.shape, strict=True))
    column, row = column_and_row(columns, rows)
    step_x, step_y = _lattice_steps(end)
    targets = end.positions_m[0] + column[:, None] * step_x + row[:, None] * step_y
    last = start.positions_m[-1:]
    field = model(last, targets, normal=start.normal, wavelength_m=wavelength_m)
    return field.reshape(rows, columns)


def _lattice_steps(plane: Plane) -> tuple[Float[Array, "3"], Float[Array, "3"]]:
    angle = plane.array.rotation_rad + plane.pose.rz_rad
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    spacing_x_m, spacing_y_m = map(jnp.asarray, (plane.array.spacing_x_m, plane.array.spacing_y_m))
    step_x = spacing_x_m * jnp.stack([cos, sin, jnp.zeros_like(cos)])
    return step_x, spacing_y_m * jnp.stack([-sin, cos, jnp.zeros_like(cos)])
