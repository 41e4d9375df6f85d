"""A design for directions: what it is for, and what came out of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from ..design.solution import Outcome
from ..errors import require
from ..stack import Stack
from .direction_problem import Mean, Patterns, Summary, SwitchedPatterns
from .model import DirectionModel
from .noise import PhysicalSnr
from .protocol import Protocol
from .several import most_sources

_MEAN = Mean()


@dataclass(frozen=True)
class DirectionGoal:
    """What a design for directions is for.

    `field_of_view_rad`: ψ_x and ψ_y within ± this. `sources`: steady ones of equal power at half
    a main lobe or more from each other. `free_patterns`: design the patterns of the input layer
    as well. The peak of bare detectors means nothing behind such a design.
    """

    protocol: Protocol
    snr: PhysicalSnr
    field_of_view_rad: float = 0.7 * np.pi
    sources: int = 1
    summary: Summary = _MEAN
    patterns: type[Patterns] = SwitchedPatterns

    def __post_init__(self) -> None:
        require(
            0 < self.field_of_view_rad <= np.pi,
            f"`field_of_view_rad` must be in (0, π], but is {self.field_of_view_rad}.",
        )
        largest = most_sources(self.protocol)
        require(
            1 <= self.sources <= largest,
            f"`sources` must be from 1 to {largest} for energies of {self.protocol.columns} x "
            f"{self.protocol.rows} elements, but is {self.sources}.",
        )


@dataclass(frozen=True)
class DirectionDesign:
    """Phases of the layers and patterns of the input layer, and how well they read directions.

    `bound_rad2`: mean over the field of view of the Cramér-Rao bound of one angle from energies,
    the source's power unknown; `worst_bound_rad2` the largest. `history_db`: ten times the
    logarithm of the error that was minimised, in (ψ/π)².
    """

    stack: Stack
    goal: DirectionGoal
    phases_rad: Float[np.ndarray, "layers atoms"]
    input_phases_rad: Float[np.ndarray, "snapshots elements"]
    response: Complex[np.ndarray, "receivers inputs"]
    insertion_loss_db: float
    bound_rad2: float
    worst_bound_rad2: float
    history_db: Float[np.ndarray, " iterations"]
    outcome: Outcome
    seconds: float
    method: str
    seed: int
    start: int

    @property
    def model(self) -> DirectionModel:
        """What the detectors see of a direction."""
        protocol = self.goal.protocol
        return DirectionModel.of_patterns(
            self.response, self.input_phases_rad, columns=protocol.columns, rows=protocol.rows
        )

    @property
    def error_db(self) -> float:
        """Least error that was reached."""
        return float(np.min(self.history_db))

    @property
    def iterations(self) -> int:
        """Iterations that were made."""
        return len(self.history_db) - 1


def best_direction_design(designs: Sequence[DirectionDesign]) -> DirectionDesign:
    """The design of lowest error."""
    return min(designs, key=lambda one: one.error_db)
