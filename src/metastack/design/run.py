"""Running design methods: many starts, a goal, progress, Ctrl-C."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .method import Method
from .problem import Problem
from .solution import Outcome

# Called after every iteration with the start, the iteration and its error in dB.
OnIteration: TypeAlias = Callable[[int, int, float], None]

# A monotone method that gains less than this has arrived.
_SMALLEST_GAIN = 1e-6


@dataclass(frozen=True)
class Stage:
    """One method on one problem until its error is at most `goal` (linear)."""

    problem: Problem
    method: Method
    goal: float


@dataclass
class Trace:
    """Errors of every iteration and the best phases of a batch of starts."""

    phases_rad: Float[np.ndarray, "starts layers atoms"]
    errors: list[Float[np.ndarray, " starts"]] = field(default_factory=list)
    outcome: Outcome = Outcome.BUDGET_SPENT
    best: Float[np.ndarray, " starts"] | None = None

    def start_again(self) -> None:
        """Forget which phases were best: a new problem measures them differently."""
        self.best = None

    def note(self, phases_rad: Array, error: Array, *, new: bool) -> None:
        """Take in one iteration; `new` if it belongs in the history."""
        errors = np.asarray(error)
        if new:
            self.errors.append(errors)
        better = errors < (np.inf if self.best is None else self.best)
        if better.any():
            self.phases_rad = np.where(better[:, None, None], phases_rad, self.phases_rad)
            self.best = errors if self.best is None else np.minimum(self.best, errors)


def run_stages(
    stages: Sequence[Stage],
    phases_rad: Float[np.ndarray, "starts layers atoms"],
    *,
    first_start: int = 0,
    on_iteration: OnIteration | None = None,
) -> Trace:
    """Run the stages one after the other, each from the best phases of the one before.

    On Ctrl-C the trace so far is returned, with `Outcome.INTERRUPTED`.
    """
    trace = Trace(phases_rad)
    try:
        for stage in stages:
            _run_stage(stage, trace, first_start, on_iteration)
    except KeyboardInterrupt:
        trace.outcome = Outcome.INTERRUPTED
    return trace


def _run_stage(
    stage: Stage, trace: Trace, first_start: int, on_iteration: OnIteration | None
) -> None:
    trace.start_again()
    begin, step = (_one_start if len(trace.phases_rad) == 1 else _all_starts)(stage.method)
    state = begin(stage.problem, jnp.asarray(trace.phases_rad))
    trace.note(state.phases_rad, state.error, new=not trace.errors)
    trace.outcome = Outcome.BUDGET_SPENT
    for _ in range(stage.method.iterations):
        if (np.asarray(state.error) <= stage.goal).all():
            break
        previous = np.asarray(state.error)
        state = step(stage.problem, state)
        trace.note(state.phases_rad, state.error, new=True)
        _tell(on_iteration, first_start, trace)
        if stage.method.monotone and (state.error > (1 - _SMALLEST_GAIN) * previous).all():
            trace.outcome = Outcome.STALLED
            break
    if trace.best is not None and (trace.best <= stage.goal).all():
        trace.outcome = Outcome.GOAL_REACHED


def _tell(on_iteration: OnIteration | None, first_start: int, trace: Trace) -> None:
    if on_iteration is None:
        return
    for index, error in enumerate(trace.errors[-1]):
        on_iteration(first_start + index, len(trace.errors) - 1, float(10 * np.log10(error)))


_BeginAndStep: TypeAlias = tuple[Callable[[Problem, Array], Any], Callable[[Problem, Any], Any]]


def _one_start(method: Method) -> _BeginAndStep:
    """Begin and step for a batch of one, without the cost of batching."""
    return partial(_begin_one, method), partial(_step_one, method)


def _all_starts(method: Method) -> _BeginAndStep:
    return partial(_begin_all, method), partial(_step_all, method)


@partial(jax.jit, static_argnums=0)
def _begin_one(method: Method, problem: Problem, phases_rad: Array) -> Any:
    return _with_batch(method.begin(problem, phases_rad[0]))


@partial(jax.jit, static_argnums=0)
def _step_one(method: Method, problem: Problem, state: Any) -> Any:
    return _with_batch(method.step(problem, jax.tree.map(lambda leaf: leaf[0], state)))


@partial(jax.jit, static_argnums=0)
def _begin_all(method: Method, problem: Problem, phases_rad: Array) -> Any:
    return jax.vmap(method.begin, in_axes=(None, 0))(problem, phases_rad)


@partial(jax.jit, static_argnums=0)
def _step_all(method: Method, problem: Problem, state: Any) -> Any:
    return jax.vmap(method.step, in_axes=(None, 0))(problem, state)


def _with_batch(state: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], state)
