"""Loss and gradient of a large stack in complex64 against the dense products alone.

64 ports, 10 layers of 32x32. The baseline is what the nine hops between layers would take as
dense complex products, forward and backward, at the best rate that this machine's BLAS reaches.
"""

from collections.abc import Callable, Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import metastack

from .rows import Row, speed_row
from .timing import Clocked, alternate, clocked, median_s

PORTS, ATOMS, LAYERS = 64, 1024, 10
FLOPS = 2 * (LAYERS - 1) * 8 * PORTS * ATOMS**2
KINDS = (metastack.MirrorHop, metastack.FourierHop)
BATCHES = (1, 2, 4)


def single_precision(tree):
    """The same pytree with complex64 and float32 leaves."""
    return jax.tree.map(
        lambda leaf: leaf.astype(jnp.complex64 if jnp.iscomplexobj(leaf) else jnp.float32), tree
    )


def gradient_of(kind: type) -> Callable:
    """Compiled losses and gradients of a batch of phases, in single precision."""
    stack = metastack.make_uniform_stack(
        ports=8,
        atoms_per_side=32,
        layers=LAYERS,
        thickness_wavelengths=10.0,
        spacing_wavelengths=0.5,
    )
    with metastack.float64():
        hops = single_precision(metastack.hops(stack, kind))
    target = jnp.asarray(metastack.dft_2d(8, 8), jnp.complex64)

    def loss(phases_rad, hops):
        return jnp.sum(metastack.nmse(metastack.propagate(hops, stack.atoms(phases_rad)), target))

    compiled = eqx.filter_jit(jax.value_and_grad(loss))
    return lambda phases_rad: compiled(phases_rad, hops)


def dense_products() -> Clocked:
    """Time of FLOPS at the rate of the faster of two square products."""
    clocks = {size: _product(size) for size in (1024, 2048)}
    per_flop = {size: median_s(clock, rounds=5) / (8 * size**3) for size, clock in clocks.items()}
    size = min(per_flop, key=per_flop.__getitem__)
    clock = clocked(clocks[size])
    return lambda run: clock(run) * FLOPS / (8 * size**3)


def _product(size: int) -> Callable[[int], np.ndarray]:
    generator = np.random.default_rng(0)
    left, right = generator.standard_normal((2, size, 2 * size), np.float32).view(np.complex64)
    return lambda _: left @ right


def rows() -> Iterator[Row]:
    baseline = dense_products()
    for kind in KINDS:
        gradient = gradient_of(kind)
        for batch in BATCHES:
            phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (batch, LAYERS, ATOMS))
            clock = _per_start(gradient, jnp.asarray(phases, jnp.float32))
            what = f"gradient, 64 ports, 10 x 32x32, complex64: {kind.__name__}, {batch} a call"
            yield speed_row(what, alternate(clock, baseline, rounds=7), 1.5)


def _per_start(gradient: Callable, phases_rad: jax.Array) -> Clocked:
    clock = clocked(lambda _: gradient(phases_rad))
    return lambda run: clock(run) / len(phases_rad)
