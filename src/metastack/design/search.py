"""From a problem to designs: many starts, methods one after the other, what each start came to."""

import time
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import Complex

from .. import targets
from ..errors import require
from .method import Method
from .problem import AnyProblem, FreeScale, PrescribedScale, Scale, respond
from .run import OnProgress, Stage, Trace, run_stages
from .solution import Outcome, ResponseDesign
from .starts import StartPhases

DEFAULT_GOAL_DB = -100.0

_Found = TypeVar("_Found", bound=ResponseDesign)


def search(
    problem: AnyProblem,
    phases_shape: tuple[int, int],
    *,
    methods: Sequence[Method],
    start_phases: StartPhases,
    insertion_loss_db: float | None,
    starts: int,
    seeds: Sequence[int],
    goal_db: float,
    on_progress: OnProgress | None,
) -> list[ResponseDesign]:
    """What every start of every seed comes to; see `design_phases`.

    Raises:
        InputError: no start, or a goal that is no number.
    """
    require(starts >= 1, f"`starts` must be at least 1, but is {starts}.")
    require(np.isfinite(goal_db), f"`goal_db` must be a finite number, but is {goal_db}.")
    stages = [Stage(problem, method, 10 ** (goal_db / 10)) for method in methods]
    draws = [(seed, k) for seed in seeds for k in range(starts)]
    recipe = _recipe(methods, start_phases, goal_db, insertion_loss_db)
    together = min(method.starts_together for method in methods)
    found = list[ResponseDesign]()
    for first in range(0, len(draws), together):
        began, batch = time.perf_counter(), draws[first : first + together]
        begin = [start_phases(np.random.default_rng(list(draw)), phases_shape) for draw in batch]
        trace = run_stages(stages, np.stack(begin), first_start=first, on_progress=on_progress)
        found += _designs(stages[-1], trace, time.perf_counter() - began, recipe, batch)
        if trace.outcome is Outcome.INTERRUPTED:
            break
    return found


def best_design(designs: Sequence[_Found]) -> _Found:
    """The design of lowest error, at the prescribed scale if there is one."""
    return min(designs, key=lambda one: one.error_db)


def check_matrix(target: Complex[np.ndarray, "receivers inputs"], shape: tuple[int, int]) -> None:
    """Refuse a target that is none for this device.

    Raises:
        InputError: wrong shape, NaN, all zero.
    """
    require(
        target.shape == shape,
        f"`target` must be receivers x inputs, {shape}, but is {target.shape}.",
    )
    require(bool(np.isfinite(target).all()), "`target` must be finite, but has NaN or infinity.")
    require(bool(np.any(target)), "`target` must not be all zero.")


def scale_of(
    target: Complex[np.ndarray, "receivers inputs"], insertion_loss_db: float | None
) -> Scale:
    """Free, or that of a prescribed loss.

    Raises:
        InputError: a loss that is not a finite number.
    """
    return FreeScale() if insertion_loss_db is None else prescribed_scale(target, insertion_loss_db)


def prescribed_scale(
    target: Complex[np.ndarray, "receivers inputs"], insertion_loss_db: float
) -> PrescribedScale:
    """The modulus of beta at which a response equal to target / beta has the given loss.

    Raises:
        InputError: a loss that is not a finite number.
    """
    require(
        np.isfinite(insertion_loss_db) and insertion_loss_db >= 0,
        f"`insertion_loss_db` must be finite and at least 0, but is {insertion_loss_db}.",
    )
    energy = min(target.shape) * 10 ** (-insertion_loss_db / 10)
    return PrescribedScale(float(np.linalg.norm(target) / np.sqrt(energy)))


def _recipe(
    methods: Sequence[Method], start_phases: StartPhases, goal_db: float, loss_db: float | None
) -> str:
    """Everything that made a design, but its seed and start."""
    prescribed = "" if loss_db is None else f", insertion loss of {loss_db:g} dB prescribed"
    searched = ", then ".join(map(repr, methods))
    return f"{searched}; from {start_phases!r} to {goal_db:g} dB{prescribed}"


def _designs(
    stage: Stage, trace: Trace, seconds: float, recipe: str, draws: Sequence[tuple[int, int]]
) -> list[ResponseDesign]:
    target = np.asarray(stage.problem.target)
    responses = np.asarray(respond(stage.problem, trace.phases_rad))
    errors_db = 10 * np.log10(np.stack(trace.errors))
    reached = np.asarray(trace.best) <= stage.goal
    return [
        ResponseDesign(
            target=target,
            phases_rad=np.mod(trace.phases_rad[index], 2 * np.pi),
            response=responses[index],
            nmse_db=float(targets.decibels(targets.nmse(responses[index], target))),
            insertion_loss_db=float(targets.insertion_loss_db(responses[index])),
            history_db=errors_db[:, index],
            outcome=Outcome.GOAL_REACHED if reached[index] else trace.outcome,
            seconds=seconds / len(reached),
            method=recipe,
            seed=seed,
            start=start,
        )
        for index, (seed, start) in enumerate(draws)
    ]
