"""The phases' turn in the alternation: uphill on the merit itself, or by a fit that stands for it.

Source: J. Nocedal and S. Wright, Numerical Optimization, 2006, section 7.2, for the first; Q. Shi
et al., An iteratively weighted MMSE approach, 2011, for merits that a weighted error stands for.
"""

from typing import Any, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from ..design.method import Method, State
from ..design.problem import AnyProblem, loss
from .alternating import System
from .variables import Variables

_LEAST_UNIT = 1e-200


class PhaseAscent(eqx.Module):
    """So many steps of L-BFGS on the merit, which must follow the phases smoothly."""

    steps: int = eqx.field(static=True, default=20)
    memory_size: int = eqx.field(static=True, default=10)

    def begin(self, system: System, variables: Variables) -> None:
        """Nothing: the merit changes between rounds, and what was learned of it with it."""

    def improve(self, system: System, variables: Variables, memory: None) -> tuple[Variables, None]:
        """Phases of larger merit."""
        # In its own unit, so that first steps are no shorter where little gets through.
        unit = jnp.maximum(jnp.abs(system.merit(variables)), _LEAST_UNIT)

        def cost(phases_rad: Float[Array, "layers atoms"]) -> Float[Array, ""]:
            return -system.merit(Variables(phases_rad, variables.precoder)) / unit

        optimiser = optax.lbfgs(memory_size=self.memory_size)
        value_and_gradient = optax.value_and_grad_from_state(cost)

        def step(carry: tuple[Array, Any], _: None) -> tuple[tuple[Array, Any], None]:
            phases_rad, state = carry
            value, gradient = value_and_gradient(phases_rad, state=state)
            updates, state = optimiser.update(
                gradient, state, phases_rad, value=value, grad=gradient, value_fn=cost
            )
            return (jnp.asarray(optax.apply_updates(phases_rad, updates)), state), None

        start = jnp.asarray(variables.phases_rad)
        first = start, optimiser.init(start)
        (phases_rad, _), _ = jax.lax.scan(step, first, length=self.steps)
        return Variables(phases_rad, variables.precoder), memory


class Fitted(Protocol):
    """A system whose merit rises whenever a certain fit gets better."""

    def fit(self, variables: Variables) -> AnyProblem:
        """The fit that stands for the merit at these variables."""
        ...


class PhaseFit(eqx.Module):
    """One step of a design method on the fit that stands for the merit.

    Coordinate descent sets every atom to its exact best, whatever settings it has, rounded and
    stuck ones too; Levenberg-Marquardt moves all atoms at once, where they are smooth.
    """

    method: Method = eqx.field(static=True)

    def begin(self, system: Fitted, variables: Variables) -> State:
        """What the method remembers: how far it dares to go."""
        return self.method.begin(system.fit(variables), jnp.asarray(variables.phases_rad))

    def improve(
        self, system: Fitted, variables: Variables, memory: State
    ) -> tuple[Variables, State]:
        """Phases of a smaller weighted error."""
        problem, phases_rad = system.fit(variables), jnp.asarray(variables.phases_rad)
        present = eqx.tree_at(
            lambda state: (state.phases_rad, state.error),
            memory,
            (phases_rad, loss(problem, phases_rad)),
        )
        after: State = self.method.step(problem, present)
        return Variables(after.phases_rad, variables.precoder), after
