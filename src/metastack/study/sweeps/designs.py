"""Sweeps of designs: points that differ in their seed alone run as one batch of starts.

Each seed begins where `metastack design --seed` does. Stacks of one shape share a compiled program,
so that a grid over thickness, spacing or decay compiles once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...design import METHODS, Design, RandomPhases, best_design, design_seeds
from ...files.stack_file import StackDescription, description_text, parse_description
from ..units import Unit

# Starts in a batch; larger ones compute no faster.
_STARTS_TOGETHER = 32


@dataclass(frozen=True)
class DesignSettings:
    """What a design is told besides the stack and the seed, as `metastack design` is.

    `method`: a name in `design.METHODS`, the best for the stack if not told.
    """

    method: str | None = None
    iterations: int | None = None
    decay: float | None = None
    insertion_loss_db: float | None = None
    starts: int = 1
    goal_db: float = -100.0
    random_start: bool = False


def design_units(
    description: StackDescription, settings: DesignSettings, seeds: Sequence[int]
) -> list[Unit]:
    """Units that design one stack from every seed; see `design_points` for what they find."""
    together = max(1, _STARTS_TOGETHER // settings.starts)
    common = {"stack": description_text(description), "settings": asdict(settings)}
    chunks = [list(seeds[k : k + together]) for k in range(0, len(seeds), together)]
    return [Unit(design_points, {**common, "seeds": chunk}, len(chunk)) for chunk in chunks]


def design_points(
    *, stack: str, settings: Mapping[str, Any], seeds: Sequence[int]
) -> dict[str, np.ndarray]:
    """The best design from every seed: how good it is, a number each.

    `nmse_db` is at the best scale, `error_at_scale_db` at that of the run; `iterations` are those
    that were made, `iterations_to_goal` -1 where the goal was not reached. `thickness_wavelengths`
    is from the input layer to the last programmable one, as the papers count it.
    """
    told, described = DesignSettings(**settings), parse_description(stack)
    found = design_seeds(
        described.stack,
        described.target,
        seeds,
        methods=_methods(told),
        insertion_loss_db=told.insertion_loss_db,
        starts=told.starts,
        start_phases=RandomPhases() if told.random_start else None,
        goal_db=told.goal_db,
    )
    best = [best_design(found[k : k + told.starts]) for k in range(0, len(found), told.starts)]
    made = described.stack
    thickness = float(np.sum(made.gaps_m[:-1]) / made.wavelength_m)
    return {
        "nmse_db": np.array([design.nmse_db for design in best]),
        "insertion_loss_db": np.array([design.insertion_loss_db for design in best]),
        "error_at_scale_db": np.array([design.error_db for design in best]),
        "iterations": np.array([design.iterations for design in best]),
        "iterations_to_goal": np.array([_iterations_to(design, told.goal_db) for design in best]),
        "thickness_wavelengths": np.full(len(best), thickness),
    }


def _methods(settings: DesignSettings) -> Any:
    if settings.method is None:
        return None
    given = {"iterations": settings.iterations, "decay": settings.decay}
    return [METHODS[settings.method](**{k: v for k, v in given.items() if v is not None})]


def _iterations_to(design: Design, goal_db: float) -> int:
    reached = np.flatnonzero(design.history_db <= goal_db)
    return int(reached[0]) if reached.size else -1
