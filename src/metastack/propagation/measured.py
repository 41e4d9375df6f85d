"""Hops by matrices that were measured, or computed by another engine, instead of by a formula.

A matrix belongs to two planes as they stood and to one wavelength. Planes that stand in any other
way get NaN, since nothing is known of them, and positions, gaps and wavelength cannot be
differentiated: a stack of this model can be programmed, but not calibrated by its poses. A matrix
has all that passes between two planes, coupling too; not what runs back and forth between them.

Waves go as e^{+jkr}: conjugate what a network analyser or Touchstone says.
"""

from collections.abc import Sequence
from functools import partial
from itertools import combinations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Bool, Complex, Float

from .._types import AnyArray, Number
from ..errors import InputError, require
from ..geometry import Plane
from .model import Nearest

# In wavelengths: less than any measured place is known to, more than what rounding leaves.
_SAME_PLACE = 1e-5


class MeasuredHop(eqx.Module):
    """The matrix between two planes, with where their elements stood and the wavelength, metres."""

    from_m: Float[AnyArray, "from 3"]
    to_m: Float[AnyArray, "to 3"]
    wavelength_m: Number
    matrix: Complex[AnyArray, "to from"]

    @classmethod
    def between(
        cls,
        start: Plane,
        end: Plane,
        matrix: Complex[AnyArray, "to_rows from_columns"],
        *,
        wavelength_m: Number,
    ) -> "MeasuredHop":
        """What was measured from plane `start` to plane `end`.

        Raises:
            InputError: a matrix that is not elements of `end` x elements of `start`, or not finite.
        """
        shape = end.array.size, start.array.size
        require(
            np.shape(matrix) == shape,
            f"A measured matrix must be {shape[0]} x {shape[1]} here, elements that the wave "
            f"reaches x those that it leaves, but is {' x '.join(map(str, np.shape(matrix)))}.",
        )
        require(bool(np.isfinite(matrix).all()), "A measured matrix must be finite, but is not.")
        from_m, to_m = (np.asarray(plane.positions_m, float) for plane in (start, end))
        return cls(from_m, to_m, wavelength_m, matrix)

    def stood(
        self,
        from_m: Float[AnyArray, "from 3"],
        to_m: Float[AnyArray, "to 3"],
        wavelength_m: Number,
    ) -> Bool[Array, ""]:
        """Whether this pair stands as the measured one did, wherever both together are."""
        here, there = (
            jnp.concatenate([jnp.asarray(a), jnp.asarray(b)]) - jnp.asarray(a)[0]
            for a, b in ((from_m, to_m), (self.from_m, self.to_m))
        )
        off_m = jnp.abs(here - there).max()
        detuned = jnp.abs(jnp.asarray(wavelength_m) / jnp.asarray(self.wavelength_m) - 1)
        return (off_m < _SAME_PLACE * jnp.asarray(self.wavelength_m)) & (detuned < _SAME_PLACE)


class MeasuredHops(eqx.Module):
    """A matrix for each way in which two planes of a stack stand to each other."""

    hops: tuple[MeasuredHop, ...]

    @classmethod
    def of(cls, hops: Sequence[MeasuredHop]) -> "MeasuredHops":
        """A checked model.

        Raises:
            InputError: planes that stand alike with matrices that differ.
        """
        for one, other in combinations(hops, 2):
            is_alike = one.matrix.shape == other.matrix.shape and bool(
                one.stood(other.from_m, other.to_m, other.wavelength_m)
            )
            require(
                not is_alike or np.array_equal(one.matrix, other.matrix),
                "Measured matrices must be equal where two pairs of planes stand alike, but two "
                f"of {' x '.join(map(str, one.matrix.shape))} differ.",
            )
        return cls(tuple(hops))

    @property
    def follows_geometry(self) -> bool:
        """What was measured has no symmetry that could be relied on."""
        return False

    def nearest(self, wavelength_m: Number) -> Nearest:
        """No formula, no limit."""
        return Nearest(0.0, "it was measured")

    def knows(self, start: Plane, end: Plane, wavelength_m: Number) -> bool:
        """Whether two planes stand as one of the measured pairs did."""
        pair = start.positions_m, end.positions_m
        return any(
            hop.matrix.shape == (end.array.size, start.array.size)
            and bool(hop.stood(*pair, wavelength_m))
            for hop in self.hops
        )

    def __call__(
        self,
        from_m: Float[Array, "from 3"],
        to_m: Float[Array, "to 3"],
        *,
        normal: Float[Array, "3"],
        wavelength_m: Number,
    ) -> Complex[Array, "to from"]:
        """The matrix of this pair of planes, NaN where none was measured.

        Raises:
            InputError: no matrix of this shape, or a derivative with respect to where planes stand.
        """
        fitting = self._of_shape((len(to_m), len(from_m)))
        from_m, to_m, wavelength_m = map(_fixed, (from_m, to_m, jnp.asarray(wavelength_m)))
        stood = [hop.stood(from_m, to_m, wavelength_m) for hop in fitting]
        return jnp.select(stood, [jnp.asarray(hop.matrix) for hop in fitting], jnp.nan)

    def _of_shape(self, shape: tuple[int, int]) -> Sequence[MeasuredHop]:
        fitting = [hop for hop in self.hops if hop.matrix.shape == shape]
        known = ", ".join(" x ".join(map(str, hop.matrix.shape)) for hop in self.hops)
        require(
            len(fitting) > 0,
            f"A matrix of {shape[0]} x {shape[1]} must be among those measured, but they are "
            f"{known or 'none'}.",
        )
        return fitting


@jax.custom_jvp
def _fixed(value: Array) -> Array:
    """`value`, which cannot be differentiated."""
    return value


@partial(_fixed.defjvp, symbolic_zeros=True)
def _refuse(primals: tuple[Array], tangents: tuple[Array | SymbolicZero]) -> tuple[Array, Array]:
    if not isinstance(tangents[0], SymbolicZero):
        raise InputError(
            "Measured matrices cannot be differentiated by poses, gaps or frequency: nobody "
            "measured how they change; take a model by a formula."
        )
    return primals[0], jnp.zeros_like(primals[0])
