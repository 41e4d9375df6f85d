"""What a design run hands back: phases, how good they are, and how the run ended."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Complex, Float

from ..stack import Stack


class Outcome(Enum):
    """How a run ended; the value is the sentence for the user."""

    GOAL_REACHED = "The error reached the goal."
    STALLED = (
        "No step made the error smaller: a local minimum. "
        "Try more starts, more layers, or a larger insertion loss."
    )
    BUDGET_SPENT = "All iterations were used before the error reached the goal."
    FINISHED = "All iterations were made."
    INTERRUPTED = "The run was stopped by the user; these are the best phases until then."


@dataclass(frozen=True)
class ResponseDesign:
    """Phases for a target, and everything that made them, whatever the response is of.

    `nmse_db` is at the best scale, eq. (17), whatever scale the run used; `history_db` is the
    error that the method minimised, before the first and after every iteration.
    """

    target: Complex[np.ndarray, "receivers inputs"]
    phases_rad: Float[np.ndarray, "layers atoms"]
    response: Complex[np.ndarray, "receivers inputs"]
    nmse_db: float
    insertion_loss_db: float
    history_db: Float[np.ndarray, " iterations"]
    outcome: Outcome
    seconds: float
    method: str
    seed: int
    start: int

    @property
    def error_db(self) -> float:
        """Least error that was reached, at the scale of the run."""
        return float(np.min(self.history_db))

    @property
    def iterations(self) -> int:
        """Iterations that were made."""
        return len(self.history_db) - 1


@dataclass(frozen=True)
class Design(ResponseDesign):
    """Phases for a stack and a target, and everything that made them."""

    stack: Stack
