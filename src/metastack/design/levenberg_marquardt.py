"""Levenberg-Marquardt on all phases at once, solved in the dual space of the equations.

A stack has many more phases than its response has entries, so the damped step
-J^T (J J^T + mu I)^{-1} r is found through the small matrix J J^T, or through products with it
alone.
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .linearisation import Linearisation, Residual, linearise
from .method import State
from .problem import AnyProblem, loss


@dataclass(frozen=True)
class DualCholesky:
    """Form J J^T and factor it: the fastest up to about a thousand equations.

    `gram_dtype`: float32 forms J J^T in half the time. It only steers the step, so the error
    that is reached stays that of float64.
    """

    gram_dtype: type[np.floating] = np.float64

    def solve(self, model: Linearisation, damping: Float[Array, ""]) -> Residual:
        """The dual vector y of (J J^T + damping I) y = -r."""
        J = jnp.concatenate([model.jacobian(), _as_columns(model.scale_directions)], axis=1)
        J = J.astype(self.gram_dtype)
        gram = (J @ J.T).astype(float)
        # Below rounding, damping could not keep the factorisation positive.
        rounding = 10 * jnp.finfo(self.gram_dtype).eps
        damping = jnp.maximum(damping, rounding * jnp.max(jnp.diag(gram)))
        factor = jax.scipy.linalg.cho_factor(gram + damping * jnp.eye(len(gram)), lower=True)
        dual = jax.scipy.linalg.cho_solve(factor, -_as_real(model.residual))
        return jax.lax.complex(*jnp.split(dual, 2)).reshape(model.residual.shape)


@dataclass(frozen=True)
class DualConjugateGradient:
    """Products with J J^T alone, solved no further than the linear model is worth."""

    most_products: int = 200

    def solve(self, model: Linearisation, damping: Float[Array, ""]) -> Residual:
        """The dual vector y of (J J^T + damping I) y = -r, to a relative residual of ||r||."""
        tolerance = jnp.minimum(0.1, jnp.linalg.norm(model.residual))
        return jax.scipy.sparse.linalg.cg(
            lambda dual: model.gram(dual) + damping * dual,
            -model.residual,
            tol=cast("float", tolerance),  # typed too narrowly: a traced number is meant to work
            maxiter=self.most_products,
        )[0]


DualSolver: TypeAlias = DualCholesky | DualConjugateGradient

# More real equations than this and J J^T costs more than the products with it (6x6 ports: 2592).
_CHOLESKY_TO_EQUATIONS = 1500


class DampedState(State):
    """Phases, error and the damping mu; negative before the first step."""

    damping: Float[Array, ""]


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Damped Gauss-Newton steps, each accepted only if the error falls.

    `solver`: how the dual system is solved; None chooses by the number of equations.
    """

    iterations: int = 60
    solver: DualSolver | None = None
    monotone: ClassVar[bool] = True
    needs_smooth_atoms: ClassVar[bool] = True
    starts_together: ClassVar[int] = 1

    def begin(self, problem: AnyProblem, phases_rad: Float[Array, "layers atoms"]) -> DampedState:
        """The state at the given phases."""
        return DampedState(phases_rad, loss(problem, phases_rad), -jnp.ones(()))

    def step(self, problem: AnyProblem, state: DampedState) -> DampedState:
        """One accepted step, or the same state if no damping gave one."""
        model = linearise(problem, state.phases_rad)
        damping = jnp.where(state.damping < 0, 1e-2 * model.mean_square(), state.damping)
        first = _Trial(state.phases_rad, state.error, damping, jnp.array(4.0), jnp.array(0))
        solver = self.solver or solver_for(problem.target.size)
        last = jax.lax.while_loop(
            lambda trial: (trial.error >= state.error) & (trial.tries < _MOST_TRIES),
            lambda trial: _try(problem, state, model, solver, trial),
            first,
        )
        return DampedState(last.phases_rad, last.error, last.damping)


_MOST_TRIES = 15
# A phase that would move by more has left the region where the model means anything.
_LARGEST_MOVE_RAD = 3.0


class _Trial(State):
    damping: Float[Array, ""]
    growth: Float[Array, ""]
    tries: Array


def _try(
    problem: AnyProblem,
    state: DampedState,
    model: Linearisation,
    solver: DualSolver,
    trial: _Trial,
) -> _Trial:
    dual = solver.solve(model, trial.damping)
    phases = model.pull_back(dual)
    move_rad = phases.reshape(state.phases_rad.shape)
    error = loss(problem, state.phases_rad + move_rad)
    predicted = state.error - _energy(model.residual + model.change(phases, dual))
    accepted = (error < state.error) & (jnp.max(jnp.abs(move_rad)) < _LARGEST_MOVE_RAD)
    # Nielsen's rule: damping falls smoothly with the quality of the prediction.
    quality = (state.error - error) / predicted
    relaxed = trial.damping * jnp.maximum(0.05, 1 - (2 * quality - 1) ** 3)
    return _Trial(
        jnp.where(accepted, state.phases_rad + move_rad, state.phases_rad),
        jnp.where(accepted, error, state.error),
        jnp.where(accepted, relaxed, trial.damping * trial.growth),
        2 * trial.growth,
        trial.tries + 1,
    )


def solver_for(entries: int) -> DualSolver:
    """The faster dual solver for a response of so many complex entries."""
    return DualCholesky() if 2 * entries <= _CHOLESKY_TO_EQUATIONS else DualConjugateGradient()


def _as_columns(directions: Complex[Array, "freedom to from"]) -> Float[Array, "equations freedom"]:
    return jax.vmap(_as_real)(directions).T


def _as_real(residual: Residual) -> Float[Array, " equations"]:
    return jnp.concatenate([residual.real.ravel(), residual.imag.ravel()])


def _energy(residual: Residual) -> Float[Array, ""]:
    return jnp.sum(residual.real**2 + residual.imag**2)
