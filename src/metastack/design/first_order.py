"""Adam and L-BFGS on the phases, by automatic differentiation and optax."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import optax
from jaxtyping import Array, Float

from .method import State
from .problem import AnyProblem, loss


class OptaxState(State):
    """Phases, error, gradient and what the optimiser remembers."""

    gradient: Float[Array, "layers atoms"]
    memory: Any


@dataclass(frozen=True)
class Adam:
    """Adam with a constant learning rate in radians."""

    learning_rate_rad: float = 0.05
    iterations: int = 1000
    monotone: ClassVar[bool] = False
    needs_smooth_atoms: ClassVar[bool] = True
    starts_together: ClassVar[int] = 32

    def begin(self, problem: AnyProblem, phases_rad: Float[Array, "layers atoms"]) -> OptaxState:
        """The state at the given phases."""
        return _begin(optax.adam(self.learning_rate_rad), problem, phases_rad)

    def step(self, problem: AnyProblem, state: OptaxState) -> OptaxState:
        """One update of every phase."""
        optimiser = optax.adam(self.learning_rate_rad)
        updates, memory = optimiser.update(state.gradient, state.memory)
        return _moved(problem, state, updates, memory)


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS with a zoom line search."""

    memory_size: int = 10
    iterations: int = 500
    monotone: ClassVar[bool] = True
    needs_smooth_atoms: ClassVar[bool] = True
    starts_together: ClassVar[int] = 1

    def begin(self, problem: AnyProblem, phases_rad: Float[Array, "layers atoms"]) -> OptaxState:
        """The state at the given phases."""
        return _begin(optax.lbfgs(memory_size=self.memory_size), problem, phases_rad)

    def step(self, problem: AnyProblem, state: OptaxState) -> OptaxState:
        """One quasi-Newton step with its line search."""
        updates, memory = optax.lbfgs(memory_size=self.memory_size).update(
            state.gradient,
            state.memory,
            state.phases_rad,
            value=state.error,
            grad=state.gradient,
            value_fn=lambda phases_rad: loss(problem, phases_rad),
        )
        return _moved(problem, state, updates, memory)


def _begin(
    optimiser: Any, problem: AnyProblem, phases_rad: Float[Array, "layers atoms"]
) -> OptaxState:
    error, gradient = jax.value_and_grad(loss, argnums=1)(problem, phases_rad)
    return OptaxState(phases_rad, error, gradient, optimiser.init(phases_rad))


def _moved(problem: AnyProblem, state: OptaxState, updates: Any, memory: Any) -> OptaxState:
    phases_rad = state.phases_rad + updates
    error, gradient = jax.value_and_grad(loss, argnums=1)(problem, phases_rad)
    return OptaxState(phases_rad, error, gradient, memory)
