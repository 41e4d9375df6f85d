"""The DOA paper's gradient descent, step for step: the baseline to be checked against.

Source: DOA paper, eq. (19)-(24), with the update as the authors coded it.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Number
from .method import State
from .problem import AnyProblem, loss


class GradientState(State):
    """Phases, error, gradient and the current learning rate."""

    gradient: Float[Array, "layers atoms"]
    rate: Float[Array, ""]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GradientDescent:
    """xi <- xi - eta pi grad / max(grad), eta <- `decay` eta, eq. (22), (23).

    The maximum is signed and over all layers, and the rate decays before the first step. The
    published decays are .8 (2x2) and .95 (4x4).
    """

    decay: Number = 0.8
    iterations: int = field(default=100, metadata={"static": True})
    monotone: ClassVar[bool] = False
    needs_smooth_atoms: ClassVar[bool] = True
    starts_together: ClassVar[int] = 32

    def begin(self, problem: AnyProblem, phases_rad: Float[Array, "layers atoms"]) -> GradientState:
        """The state at the given phases, with a learning rate of 1."""
        return _state(problem, phases_rad, jnp.ones(()))

    def step(self, problem: AnyProblem, state: GradientState) -> GradientState:
        """One update of every phase."""
        rate = jnp.asarray(self.decay) * state.rate
        direction = state.gradient / jnp.max(state.gradient)
        return _state(problem, state.phases_rad - rate * jnp.pi * direction, rate)


def _state(
    problem: AnyProblem, phases_rad: Float[Array, "layers atoms"], rate: Float[Array, ""]
) -> GradientState:
    error, gradient = jax.value_and_grad(loss, argnums=1)(problem, phases_rad)
    return GradientState(phases_rad, error, gradient, rate)
