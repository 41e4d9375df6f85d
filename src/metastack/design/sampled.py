"""The same fit on many built stacks at once: the expected error of one set of phases.

Stacks are drawn once and kept, so that the expected error is a smooth function of the phases,
which methods for smooth functions can follow down. With few stacks they fit these stacks rather
than all that could be built: see `design_robustly` for how many it takes.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Key

from ..imperfections import Imperfections, built
from ..stack import Stack, hops
from .levenberg_marquardt import Linearisation, linearise
from .problem import Problem, Scale, loss


class SampledProblem(eqx.Module):
    """One problem a built stack, all leaves side by side along a first axis."""

    problems: Problem

    def error(self, phases_rad: Float[Array, "layers atoms"]) -> Float[Array, ""]:
        """Mean over the stacks of the NMSE at each one's own scale, linear."""
        return jnp.mean(self._each(lambda problem: loss(problem, phases_rad)))

    def normal_equations(self, phases_rad: Float[Array, "layers atoms"]) -> "NormalEquations":
        """Those of the mean squared residual."""
        gradients, factors = jax.lax.map(
            lambda problem: _factored(linearise(problem, phases_rad)), self.problems
        )
        gram = _mean_gram(factors, len(phases_rad))
        return NormalEquations(jnp.mean(gradients, axis=0), gram.astype(phases_rad.dtype))

    def _each(self, function: Callable[[Problem], Array]) -> Array:
        """One stack after the other: batched products of small matrices are slower."""
        return jax.lax.map(function, self.problems)


class NormalEquations(eqx.Module):
    """J^T r and J^T J of a residual r, its derivative J without what the scale makes good."""

    gradient: Float[Array, " unknowns"]
    gram: Float[Array, "unknowns unknowns"]

    def predicted_change(self, move: Float[Array, " unknowns"]) -> Float[Array, ""]:
        """Of the squared residual, by the linear model."""
        return 2 * self.gradient @ move + move @ self.gram @ move


class _Factors(eqx.Module):
    """What J^T J of one stack is made of, in single precision: it only steers the step.

    A column of J is the outer product of what leaves an atom and what arrives there, so J^T J is
    the entrywise product of two small Gram matrices and J itself is never formed. Parts are real
    and imaginary ones, one above the other; turned ones are those of -j times the same.
    """

    outgoing: Float[Array, "*samples outgoing_parts unknowns"]
    turned_outgoing: Float[Array, "*samples outgoing_parts unknowns"]
    incoming: Float[Array, "*samples incoming_parts unknowns"]
    turned_incoming: Float[Array, "*samples incoming_parts unknowns"]
    scale: Float[Array, "*samples freedom unknowns"]

    def gram(self, columns: "_Factors") -> Float[Array, "columns unknowns"]:
        """The rows of J^T J for some of the columns of J."""
        real = (columns.outgoing.T @ self.outgoing) * (columns.incoming.T @ self.incoming)
        imaginary = columns.outgoing.T @ self.turned_outgoing
        imaginary *= columns.incoming.T @ self.turned_incoming
        return real - imaginary - columns.scale.T @ self.scale


def _factored(model: Linearisation) -> tuple[Float[Array, " unknowns"], _Factors]:
    """J^T r and the factors of J^T J of one stack."""
    directions = [each / jnp.linalg.norm(each) for each in model.scale_directions]
    factors = _Factors(
        _parts(model.outgoing),
        _parts(-1j * model.outgoing),
        _parts(model.incoming),
        _parts(-1j * model.incoming),
        jnp.stack([model.pull_back(each) for each in directions]),
    )
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), factors)
    return model.pull_back(model.residual), single


def _parts(columns: Complex[Array, "ports unknowns"]) -> Float[Array, "parts unknowns"]:
    return jnp.concatenate([columns.real, columns.imag])


def _mean_gram(factors: _Factors, blocks: int) -> Float[Array, "unknowns unknowns"]:
    """Mean of J^T J over the stacks, rows in blocks that stay in the cache: several times faster."""
    samples, _, unknowns = factors.scale.shape
    size = unknowns // blocks

    def rows(start: Array) -> Array:
        def add(sum_: Array, one: _Factors) -> tuple[Array, None]:
            some = jax.tree.map(lambda f: jax.lax.dynamic_slice_in_dim(f, start, size, 1), one)
            return sum_ + one.gram(some), None

        return jax.lax.scan(add, jnp.zeros((size, unknowns), jnp.float32), factors)[0]

    starts = size * jnp.arange(blocks)
    return jax.lax.map(rows, starts).reshape(unknowns, unknowns) / samples


@jax.jit
def sampled_problem(
    stack: Stack,
    target: Complex[Array, "to from"],
    scale: Scale,
    imperfections: Imperfections,
    keys: Key[Array, " samples"],
) -> SampledProblem:
    """The problem of the stacks that the keys build."""
    return SampledProblem(
        jax.lax.map(lambda key: _built_problem(stack, target, scale, imperfections, key), keys)
    )


@jax.jit
def sampled_errors(
    stack: Stack,
    target: Complex[Array, "to from"],
    scale: Scale,
    imperfections: Imperfections,
    keys: Key[Array, " samples"],
    phases_rad: Float[Array, "layers atoms"],
) -> Float[Array, " samples"]:
    """The error of each stack that the keys build, without keeping the stacks."""
    return jax.lax.map(
        lambda key: loss(_built_problem(stack, target, scale, imperfections, key), phases_rad), keys
    )


def _built_problem(
    stack: Stack,
    target: Complex[Array, "to from"],
    scale: Scale,
    imperfections: Imperfections,
    key: Key[Array, ""],
) -> Problem:
    made = built(stack, imperfections, key)
    return Problem(hops(made), made.atoms, target, scale)
