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
        unknowns = phases_rad.size
        none = NormalEquations(jnp.zeros(unknowns), jnp.zeros((unknowns, unknowns)))

        def add(sum_: NormalEquations, problem: Problem) -> tuple[NormalEquations, None]:
            one = normal_equations(linearise(problem, phases_rad))
            return jax.tree.map(jnp.add, sum_, one), None

        total, _ = jax.lax.scan(add, none, self.problems)
        return jax.tree.map(lambda leaf: leaf / len(self.problems.target), total)

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


def normal_equations(model: Linearisation) -> NormalEquations:
    """The normal equations of one stack.

    A column of J is the outer product of what leaves an atom and what arrives there, so J^T J is
    the entrywise product of two small Gram matrices and J itself is never formed.
    """
    (a, b), (c, d) = _gram(model.outgoing), _gram(model.incoming)
    gram = a * c - b * d
    for direction in model.scale_directions:
        along = model.pull_back(direction) / jnp.linalg.norm(direction)
        gram -= jnp.outer(along, along)
    return NormalEquations(model.pull_back(model.residual), gram)


def _gram(
    columns: Complex[Array, "ports unknowns"],
) -> tuple[Float[Array, "unknowns unknowns"], Float[Array, "unknowns unknowns"]]:
    """Real and imaginary part of columns^H columns: real products beat a complex one."""
    parts = jnp.concatenate([columns.real, columns.imag])
    crossed = columns.real.T @ columns.imag
    return parts.T @ parts, crossed - crossed.T


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
