"""One hop in complex128 in its three forms, over sizes: where the automatic choice should switch.

`metastack.propagation.operators` takes its thresholds from this table.
"""

from collections.abc import Iterator
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np

import metastack

from .rows import Row, speed_row
from .timing import Clocked, alternate, clocked

SIZES = (8, 12, 16, 24, 32, 48, 64)
FIELDS = (16, 64)
# Its matrix alone would take a quarter of a gigabyte, and it lost long before.
LARGEST_DENSE = 48


def rows() -> Iterator[Row]:
    with metastack.float64():
        for size, fields in product(SIZES, FIELDS):
            mirror = application(metastack.MirrorHop, size, fields)
            fourier = application(metastack.FourierHop, size, fields)
            where = f"hop of {size}x{size} atoms, {fields} fields"
            if size <= LARGEST_DENSE:
                dense = application(metastack.DenseHop, size, fields)
                yield speed_row(f"{where}: mirror / dense", alternate(mirror, dense, rounds=9))
            yield speed_row(f"{where}: FFT / mirror", alternate(fourier, mirror, rounds=9))


def application(kind: type, atoms_per_side: int, fields: int) -> Clocked:
    """One compiled hop between layers, applied often enough to be timed."""
    stack = metastack.make_uniform_stack(
        ports=1,
        atoms_per_side=atoms_per_side,
        layers=2,
        thickness_wavelengths=2.0,
        spacing_wavelengths=0.5,
    )
    hop = metastack.hops(stack, kind)[1]
    parts = np.random.default_rng(0).standard_normal((2, fields, stack.layer_array.size))
    field = jnp.asarray(parts[0] + 1j * parts[1])
    compiled = jax.jit(lambda hop, field: hop(field))
    repeats = max(1, 256 // atoms_per_side)
    clock = clocked(lambda _: [compiled(hop, field) for _ in range(repeats)])
    return lambda run: clock(run) / repeats
