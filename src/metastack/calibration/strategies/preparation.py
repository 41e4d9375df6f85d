"""What a prepared strategy was made for: one stack, one plan of pilots, some tolerances.

Whether a stack and a plan are these is judged by what antennas should receive through the nominal
stack: whatever changes nothing of that changes nothing of the preparation either.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Key

from ..._types import AnyArray
from ...errors import require
from ...imperfections import ErrorLaw
from ...precision import in_float64
from ...stack import Stack
from ..pilot_model import PoseModel, predicted
from ..pilots import PilotPlan, check_plan
from ..unknowns import Expected, Unknowns

_SAME = 1e-9
_MOST_REDRAWS = 20


class Preparation(eqx.Module):
    """The unknowns that were prepared for, and the nominal response that tells stack and plan."""

    planes: tuple[int, ...] = eqx.field(static=True)
    freedoms: tuple[int, ...] = eqx.field(static=True)
    unit: Float[np.ndarray, " unknowns"]
    response: Complex[AnyArray, "slots antennas users"]

    @classmethod
    @in_float64
    def of(cls, stack: Stack, plan: PilotPlan, expected: Expected) -> Self:
        """Prepare for a stack, a plan and what is expected of the stack.

        Raises:
            InputError: a plan of another stack; nothing unknown, or without any tolerance.
        """
        check_plan(plan, stack)
        unknowns = Unknowns.of(stack, plan.illumination, expected)
        require(
            bool(unknowns.has_prior.all()),
            "Every unknown must have a tolerance to prepare for, but one has none.",
        )
        response = _nominal(unknowns, plan)
        require(bool(np.any(response)), "Something must pass the nominal stack, but nothing does.")
        return cls(unknowns.planes, unknowns.freedoms, unknowns.unit, response)

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return len(self.unit)

    @property
    def power(self) -> float:
        """Mean power of a nominal response."""
        return float(np.mean(np.abs(self.response) ** 2))

    @in_float64
    def unknowns(self, stack: Stack, plan: PilotPlan) -> Unknowns:
        """The unknowns, of the stack and the plan that were prepared for.

        Raises:
            InputError: another stack, or another plan.
        """
        check_plan(plan, stack)
        ports = stack.receiver_array.size, plan.illumination.users(stack)
        shape = (plan.slots, *ports)
        require(
            shape == self.response.shape and max(self.planes, default=0) <= stack.layers + 1,
            f"Pilots must be those that were prepared for, slots x antennas x users "
            f"{self.response.shape}, but are {shape}: prepare again for this stack and plan.",
        )
        waves = getattr(plan.illumination, "waves", None)
        of_users = self.size - len(self.planes)
        require(
            of_users == 0 or (waves is not None and of_users == waves.coordinates.size),
            f"Users must have the {of_users} coordinates that were prepared for, but have not: "
            "prepare again for this stack and plan.",
        )
        unknowns = Unknowns(
            stack, plan.illumination, self.planes, self.freedoms, self.unit, np.ones(self.size)
        )
        response = np.asarray(self.response)
        error = np.abs(_nominal(unknowns, plan) - response).max() / np.abs(response).max()
        require(
            bool(error < _SAME),
            "Stack and plan must be those that were prepared for, but the nominal responses "
            f"differ by {error:.2g} of their largest: prepare again for this stack and plan.",
        )
        return unknowns


def _nominal(unknowns: Unknowns, plan: PilotPlan) -> Complex[np.ndarray, "slots antennas users"]:
    """What antennas receive through the nominal stack."""
    return np.asarray(predicted(PoseModel.of(unknowns, plan), jnp.zeros(unknowns.size)))


def drawn(
    unknowns: Unknowns, law: ErrorLaw, key: Key[Array, ""], count: int
) -> Float[Array, "count unknowns"]:
    """Values of the unknowns, in their units, of stacks that can be built.

    A draw whose planes have passed through each other is drawn again.

    Raises:
        InputError: tolerances that nearly always let planes pass through each other.
    """
    values = jnp.zeros((0, unknowns.size))
    for again in jax.random.split(key, _MOST_REDRAWS):
        more = law.draw(again, (count, unknowns.size)) / law.deviation
        values = jnp.concatenate([values, more[_in_order(unknowns, more)]])
        if len(values) >= count:
            return values[:count]
    require(
        False,
        f"Layers must keep their order within tolerances, but of {_MOST_REDRAWS * count} draws "
        f"only {len(values)} do.",
    )
    return values


@eqx.filter_jit
def _in_order(unknowns: Unknowns, values: Float[Array, "count unknowns"]) -> Bool[Array, " count"]:
    return jax.vmap(unknowns.in_order)(values)
