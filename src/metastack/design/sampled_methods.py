"""Two ways down the expected error of many built stacks: with its curvature, and without.

Source: K. Levenberg (1944), D. W. Marquardt (1963), with H. B. Nielsen's rule for the damping;
J. Nocedal, S. Wright, Numerical Optimization, section 7.2 (L-BFGS).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from .first_order import OptaxState
from .levenberg_marquardt import DampedState
from .method import State
from .sampled import NormalEquations, SampledProblem


@dataclass(frozen=True)
class SampledLBFGS:
    """Limited-memory BFGS: cheap steps, for stacks of any size."""

    memory_size: int = 20
    iterations: int = 300
    monotone: ClassVar[bool] = True
    needs_smooth_atoms: ClassVar[bool] = True
    starts_together: ClassVar[int] = 1

    def begin(
        self, problem: SampledProblem, phases_rad: Float[Array, "layers atoms"]
    ) -> OptaxState:
        """The state at the given phases."""
        error, gradient = jax.value_and_grad(problem.error)(phases_rad)
        return OptaxState(phases_rad, error, gradient, self._optimiser.init(phases_rad))

    def step(self, problem: SampledProblem, state: OptaxState) -> OptaxState:
        """One quasi-Newton step with its line search, which hands on its last gradient."""
        updates: Any
        updates, memory = self._optimiser.update(
            state.gradient,
            state.memory,
            state.phases_rad,
            value=state.error,
            grad=state.gradient,
            value_fn=problem.error,
        )
        phases_rad = state.phases_rad + updates
        known = optax.value_and_grad_from_state(problem.error)
        error, gradient = known(phases_rad, state=memory)
        return OptaxState(phases_rad, error, gradient, memory)

    @property
    def _optimiser(self) -> Any:
        return optax.lbfgs(memory_size=self.memory_size)


_MOST_TRIES = 15


class _Trial(State):
    damping: Float[Array, ""]
    growth: Float[Array, ""]
    tries: Array


@dataclass(frozen=True)
class SampledLevenbergMarquardt:
    """Damped Gauss-Newton steps on the normal equations, for up to some thousand phases.

    Many stacks have more equations than phases, so the system of the phases is the smaller one.
    """

    iterations: int = 60
    largest_move_rad: float = 3.0
    monotone: ClassVar[bool] = True
    needs_smooth_atoms: ClassVar[bool] = True
    starts_together: ClassVar[int] = 1

    def begin(
        self, problem: SampledProblem, phases_rad: Float[Array, "layers atoms"]
    ) -> DampedState:
        """The state at the given phases."""
        return DampedState(phases_rad, problem.error(phases_rad), -jnp.ones(()))

    def step(self, problem: SampledProblem, state: DampedState) -> DampedState:
        """One accepted step, or the same state if no damping gave one."""
        equations = problem.normal_equations(state.phases_rad)
        damping = jnp.where(
            state.damping < 0, 0.1 * jnp.mean(jnp.diag(equations.gram)), state.damping
        )
        first = _Trial(state.phases_rad, state.error, damping, jnp.array(2.0), jnp.array(0))
        last = jax.lax.while_loop(
            lambda trial: (trial.error >= state.error) & (trial.tries < _MOST_TRIES),
            lambda trial: self._try(problem, state, equations, trial),
            first,
        )
        return DampedState(last.phases_rad, last.error, last.damping)

    def _try(
        self,
        problem: SampledProblem,
        state: DampedState,
        equations: NormalEquations,
        trial: _Trial,
    ) -> _Trial:
        move = _damped_step(equations, trial.damping)
        phases_rad = state.phases_rad + move.reshape(state.phases_rad.shape)
        error = problem.error(phases_rad)
        accepted = (error < state.error) & (jnp.max(jnp.abs(move)) < self.largest_move_rad)
        # Nielsen's rule: damping falls smoothly with the quality of the prediction.
        quality = (error - state.error) / equations.predicted_change(move)
        relaxed = trial.damping * jnp.maximum(0.1, 1 - (2 * quality - 1) ** 3)
        return _Trial(
            jnp.where(accepted, phases_rad, state.phases_rad),
            jnp.where(accepted, error, state.error),
            jnp.where(accepted, relaxed, trial.damping * trial.growth),
            2 * trial.growth,
            trial.tries + 1,
        )


def _damped_step(
    equations: NormalEquations, damping: Float[Array, ""]
) -> Float[Array, " unknowns"]:
    """-(J^T J + damping I)^{-1} J^T r."""
    # J^T J is rounded to single precision: below that, damping could not keep the factorisation positive.
    rounding = 10 * jnp.finfo(jnp.float32).eps * jnp.max(jnp.diag(equations.gram))
    damped = equations.gram + jnp.maximum(damping, rounding) * jnp.eye(len(equations.gram))
    return -jax.scipy.linalg.cho_solve(
        jax.scipy.linalg.cho_factor(damped, lower=True), equations.gradient
    )
