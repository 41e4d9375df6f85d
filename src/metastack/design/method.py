"""What the driver expects of a design method: a state, a first state, the next state."""

from typing import Any, ClassVar, Protocol

import equinox as eqx
from jaxtyping import Array, Float


class State(eqx.Module):
    """Phases and their error; methods add what they carry from one iteration to the next."""

    phases_rad: Float[Array, "*starts layers atoms"]
    error: Float[Array, "*starts"]


class Method(Protocol):
    """One way to make the error of a problem of its kind smaller.

    A method is a frozen dataclass of its own settings. `begin` and `step` are pure and compiled
    by the driver. `monotone` methods never raise the error, so an iteration without gain is the
    end. `needs_smooth_atoms` methods follow a gradient and cannot use atoms that round.
    `starts_together` is the number of starts that are worth running as one batch.
    """

    monotone: ClassVar[bool]
    needs_smooth_atoms: ClassVar[bool]
    starts_together: ClassVar[int]

    @property
    def iterations(self) -> int:
        """Most iterations that are made."""
        ...

    def begin(self, problem: Any, phases_rad: Float[Array, "layers atoms"]) -> Any:
        """The state at the given phases."""
        ...

    def step(self, problem: Any, state: Any) -> Any:
        """The state after one more iteration."""
        ...
