"""Choosing among the three ways to carry a field across a hop, and going back.

Dense, by mirror symmetry, by FFT: they give the same numbers (1e-10 relative in double
precision) at different costs.
"""

from typing import TypeAlias

import jax
from jaxtyping import Array, Complex

from .._types import Number
from ..geometry import Plane
from .dense import DenseHop
from .fourier import FourierHop
from .mirror import MirrorHop
from .model import InterlayerModel
from .symmetry import is_mirror_symmetric, shares_lattice

Hop: TypeAlias = DenseHop | MirrorHop | FourierHop

# From this many atoms in each plane on the FFT is faster than the mirror blocks, and these than
# the whole matrix (two cores, benchmarks/operators.py).
_FOURIER_FROM_ATOMS = 2000
_MIRROR_FROM_ATOMS = 200


def automatic_hop(start: Plane, end: Plane, model: InterlayerModel, *, wavelength_m: Number) -> Hop:
    """The fastest exact hop for this pair of planes, by symmetry and size.

    Positions that are being differentiated (JAX tracers) get a `DenseHop`.
    """
    kind = fastest_kind(start, end, model)
    return kind.between(start, end, model, wavelength_m=wavelength_m)


def fastest_kind(start: Plane, end: Plane, model: InterlayerModel) -> type[Hop]:
    """The kind of hop that is exact for this pair of planes and fastest."""
    if not model.follows_geometry:
        return DenseHop
    atoms = min(start.array.size, end.array.size)
    if atoms >= _FOURIER_FROM_ATOMS and shares_lattice(start, end):
        return FourierHop
    if atoms >= _MIRROR_FROM_ATOMS and is_mirror_symmetric(start, end):
        return MirrorHop
    return DenseHop


def transposed(hop: Hop, field: Complex[Array, "*fields to"]) -> Complex[Array, "*fields from"]:
    """Carry a row of receiving weights back across the hop: `field @ W`, without conjugation."""
    incoming = jax.ShapeDtypeStruct((*field.shape[:-1], hop.from_size), field.dtype)
    return jax.linear_transpose(hop, incoming)(field)[0]
