"""Pilots as a function of every coefficient of the links, with what a descent needs of it.

A coefficient is counted from where it starts and in a unit of its own. The units say which moves
are short, and with that in which gauge a fit ends, since pilots do not tell: with the norm of its
matrix for each, a descent moves across the gauges and ends in the one that is nearest to its
start, but for what is not linear in the way (early stages of few slots cost the raw figure 1 dB).
Slots lie in equal blocks, so that one program does it whatever number of them is in use.

Source: calibration paper, section III-C; units and blocks are ours.
"""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int

from .._types import Number
from .links import Links, received

_Sum = TypeVar("_Sum")

Scale: TypeAlias = Callable[[Links], Links]
"""The unit of every coefficient, or one a matrix, from the links at the start."""


def each_matrix(links: Links) -> Links:
    """Coefficients are counted in the norm of their matrix: ends in the nearest gauge, soon."""
    return jax.tree.map(lambda A: jnp.linalg.norm(A, axis=(-2, -1), keepdims=True), links)


def each_entry(links: Links) -> Links:
    """Coefficients are counted in their own modulus; what is zero stays so."""
    return jax.tree.map(jnp.abs, links)


def all_alike(links: Links) -> Links:
    """Coefficients are counted as they are, in no unit: gradient descent at its plainest."""
    return jax.tree.map(lambda A: jnp.ones((1,) * jnp.ndim(A)), links)


class EntryProblem(eqx.Module):
    """The misfit ‖y - f‖² of the pilots in some blocks of slots, a stage.

    `first_block` to `end_block` (not included) are in use, and ‖y‖² of these is `power`.
    `fineness`: 0 in the first stage, 1 in the last. `goal`: the NMSE that is small enough.
    """

    start: Links
    unit: Links
    transmission: Complex[Array, "blocks slots layers atoms"]
    measured: Complex[Array, "blocks slots antennas users"]
    first_block: Int[Array, ""]
    end_block: Int[Array, ""]
    power: Float[Array, ""]
    fineness: Float[Array, ""]
    goal: Float[Array, ""]

    def links(self, moved: Links) -> Links:
        """The links after these moves, in units, from the start."""
        return jax.tree.map(lambda A, s, q: A + s * q, self.start, self.unit, moved)

    def descent(self, moved: Links) -> tuple[Float[Array, ""], Links]:
        """‖y - f‖² and Jᴴ(y - f), along which it falls most steeply."""

        def of_block(block: Int[Array, ""]) -> tuple[Float[Array, ""], Links]:
            residual, pull = jax.vjp(lambda q: self._residual(q, block), moved)
            (uphill,) = pull(jnp.conj(residual))
            return energy(residual), jax.tree.map(lambda g: -jnp.conj(g), uphill)

        return self._over_blocks(of_block, (jnp.zeros(()), zeros(moved)))

    def curvature(self, moved: Links, along: Links) -> Links:
        """JᴴJ times a direction."""

        def of_block(block: Int[Array, ""]) -> Links:
            def residual(q: Links) -> Complex[Array, "slots antennas users"]:
                return self._residual(q, block)

            _, change = jax.jvp(residual, (moved,), (along,))
            _, pull = jax.vjp(residual, moved)
            return jax.tree.map(jnp.conj, *pull(jnp.conj(change)))

        return self._over_blocks(of_block, zeros(moved))

    def _residual(
        self, moved: Links, block: Int[Array, ""]
    ) -> Complex[Array, "slots antennas users"]:
        return self.measured[block] - received(self.links(moved), self.transmission[block])

    def _over_blocks(self, function: Callable[[Int[Array, ""]], _Sum], nothing: _Sum) -> _Sum:
        """The sum of a function over all blocks in use."""
        return jax.lax.fori_loop(
            self.first_block,
            self.end_block,
            lambda block, total: jax.tree.map(jnp.add, total, function(block)),
            nothing,
        )


def largest_curvature(problem: EntryProblem, moved: Links, rounds: int = 20) -> Float[Array, ""]:
    """The largest eigenvalue of JᴴJ, by power iteration: the gradient's Lipschitz constant."""
    keys = iter(jax.random.split(jax.random.key(0), 3))
    begin = jax.tree.map(lambda q: jax.random.normal(next(keys), q.shape, q.dtype), moved)

    def again(_: Int[Array, ""], along: Links) -> Links:
        length = jnp.sqrt(inner(along, along))
        return problem.curvature(moved, jax.tree.map(lambda q: q / length, along))

    last = jax.lax.fori_loop(0, rounds, again, begin)
    return jnp.sqrt(inner(last, last))


def energy(values: Complex[Array, "..."]) -> Float[Array, ""]:
    """The sum of squared moduli."""
    return jnp.sum(values.real**2 + values.imag**2)


def inner(one: Links, other: Links) -> Float[Array, ""]:
    """Real inner product of two sets of moves."""
    products = jax.tree.map(lambda a, b: jnp.vdot(a, b).real, one, other)
    return jax.tree.reduce(jnp.add, products)


def plus(moved: Links, share: Number, along: Links) -> Links:
    """Moves, and a share of others."""
    return jax.tree.map(lambda q, d: q + share * d, moved, along)


def zeros(links: Links) -> Links:
    """No move at all."""
    return jax.tree.map(jnp.zeros_like, links)
