"""Levenberg-Marquardt on the expected error of many built stacks.

Together the stacks have more equations than there are phases, so the damped step
-(J^T J + mu I)^{-1} J^T r is found in the space of the phases; for one stack the dual space is the
smaller one, see `levenberg_marquardt`. Memory grows with the square of the number of phases, time
with its square and the number of stacks.
"""

from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .levenberg_marquardt import DampedState
from .linearisation import ProductLinearisation, linearise_product
from .method import State
from .sampled_problem import SampledProblem


class NormalEquations(eqx.Module):
    """J^T r and J^T J of a residual r, its derivative J without what the scale makes good."""

    gradient: Float[Array, " unknowns"]
    gram: Float[Array, "unknowns unknowns"]

    def step(self, damping: Float[Array, ""]) -> Float[Array, " unknowns"]:
        """-(J^T J + damping I)^{-1} J^T r."""
        # The rounding of J^T J must not outweigh the damping that keeps the system positive.
        rounding = 10 * jnp.finfo(jnp.float32).eps * jnp.max(jnp.diag(self.gram))
        damped = self.gram + jnp.maximum(damping, rounding) * jnp.eye(len(self.gram))
        factor = jax.scipy.linalg.cho_factor(damped, lower=True)
        return -jax.scipy.linalg.cho_solve(factor, self.gradient)

    def predicted_change(self, move: Float[Array, " unknowns"]) -> Float[Array, ""]:
        """Change of the squared residual by the linear model."""
        return move @ (2 * self.gradient + self.gram @ move)


def normal_equations(
    problem: SampledProblem, phases_rad: Float[Array, "layers atoms"]
) -> NormalEquations:
    """Those of the mean over the stacks; J^T J in single precision: it only steers the step."""
    gradients, factors = jax.lax.map(
        lambda one: _gradient_and_factors(linearise_product(one, phases_rad)), problem.problems
    )
    gram = _mean_gram(factors, len(phases_rad))
    return NormalEquations(jnp.mean(gradients, axis=0), gram.astype(phases_rad.dtype))


class _Factors(eqx.Module):
    """What J^T J of one stack is made of.

    A column of J is the outer product of what leaves an atom and what arrives there, so J^T J is
    the entrywise product of two small Gram matrices, and J itself is never formed. Products of
    real and imaginary parts, one above the other, beat complex ones; `turned` is by -90 degrees.
    """

    outgoing: Float[Array, "*samples outgoing_parts unknowns"]
    turned_outgoing: Float[Array, "*samples outgoing_parts unknowns"]
    incoming: Float[Array, "*samples incoming_parts unknowns"]
    turned_incoming: Float[Array, "*samples incoming_parts unknowns"]
    along_scale: Float[Array, "*samples freedom unknowns"]

    def gram(self, rows: "_Factors") -> Float[Array, "rows unknowns"]:
        """Some rows of J^T J."""
        real = (rows.outgoing.T @ self.outgoing) * (rows.incoming.T @ self.incoming)
        left = rows.outgoing.T @ self.turned_outgoing
        right = rows.incoming.T @ self.turned_incoming
        return real - left * right - rows.along_scale.T @ self.along_scale


def _gradient_and_factors(
    model: ProductLinearisation,
) -> tuple[Float[Array, " unknowns"], _Factors]:
    # The directions of the scale are at right angles to each other, and to the residual.
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
    """Block by block of rows, each over all stacks: a block stays in the cache, J^T J would not."""
    samples, _, unknowns = factors.along_scale.shape
    size = unknowns // blocks

    def block(start: Array) -> Float[Array, "rows unknowns"]:
        def add(total: Array, one: _Factors) -> tuple[Array, None]:
            rows = jax.tree.map(lambda f: jax.lax.dynamic_slice_in_dim(f, start, size, 1), one)
            return total + one.gram(rows), None

        return jax.lax.scan(add, jnp.zeros((size, unknowns), jnp.float32), factors)[0]

    return jax.lax.map(block, size * jnp.arange(blocks)).reshape(unknowns, unknowns) / samples


_MOST_TRIES = 15
# In units of the mean diagonal entry of J^T J.
_FIRST_DAMPING = 0.1
# A phase that would move by more has left the region where the linear model means anything.
_LARGEST_MOVE_RAD = 0.5


class _Trial(State):
    damping: Float[Array, ""]
    growth: Float[Array, ""]
    tries: Array


@dataclass(frozen=True)
class SampledLevenbergMarquardt:
    """Damped Gauss-Newton steps on all phases at once, each kept only if the error falls."""

    iterations: int = 60
    monotone: ClassVar[bool] = True
    needs_smooth_atoms: ClassVar[bool] = True
    starts_together: ClassVar[int] = 1

    def begin(
        self, problem: SampledProblem, phases_rad: Float[Array, "layers atoms"]
    ) -> DampedState:
        """The state at the given phases, its damping yet unknown."""
        return DampedState(phases_rad, problem.error(phases_rad), -jnp.ones(()))

    def step(self, problem: SampledProblem, state: DampedState) -> DampedState:
        """One accepted step, or the same state if no damping gave one."""
        equations = normal_equations(problem, state.phases_rad)
        natural = _FIRST_DAMPING * jnp.mean(jnp.diag(equations.gram))
        damping = jnp.where(state.damping < 0, natural, state.damping)
        first = _Trial(state.phases_rad, state.error, damping, jnp.array(2.0), jnp.array(0))
        last = jax.lax.while_loop(
            lambda trial: (trial.error >= state.error) & (trial.tries < _MOST_TRIES),
            lambda trial: _try(problem, state, equations, trial),
            first,
        )
        return DampedState(last.phases_rad, last.error, last.damping)


def _try(
    problem: SampledProblem, state: DampedState, equations: NormalEquations, trial: _Trial
) -> _Trial:
    move_rad = equations.step(trial.damping)
    phases_rad = state.phases_rad + move_rad.reshape(state.phases_rad.shape)
    error = problem.error(phases_rad)
    accepted = (error < state.error) & (jnp.max(jnp.abs(move_rad)) < _LARGEST_MOVE_RAD)
    # Nielsen's rule: damping falls smoothly with the quality of the prediction.
    quality = (error - state.error) / equations.predicted_change(move_rad)
    relaxed = trial.damping * jnp.maximum(0.1, 1 - (2 * quality - 1) ** 3)
    return _Trial(
        jnp.where(accepted, phases_rad, state.phases_rad),
        jnp.where(accepted, error, state.error),
        jnp.where(accepted, relaxed, trial.damping * trial.growth),
        2 * trial.growth,
        trial.tries + 1,
    )
