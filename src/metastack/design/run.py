"""Running design methods: many starts, a goal, progress, Ctrl-C.

Iterations run in compiled chunks, sized to come up for air several times a second: often enough
to show progress and to be stopped, and rarely enough that small stacks pay nothing for it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._types import Number
from ..errors import require
from .method import Method, State
from .solution import Outcome


@dataclass(frozen=True)
class SearchProgress:
    """What a batch of starts has done since progress was told last, several times a second.

    `errors_db`: of iterations `first_iteration`, `first_iteration` + 1, ... of starts
    `first_start`, `first_start` + 1, ... `phases_rad`: the best of each start so far.
    """

    first_start: int
    first_iteration: int
    errors_db: Float[np.ndarray, "iterations starts"]
    phases_rad: Float[np.ndarray, "starts layers atoms"]


OnProgress: TypeAlias = Callable[[SearchProgress], None]

# A monotone method that gains less than this has arrived.
_SMALLEST_GAIN = 1e-6
_SECONDS_A_CHUNK = 0.2
_LARGEST_CHUNK = 64


@dataclass(frozen=True)
class Stage:
    """One method on the problem that it knows until its error is at most `goal` (linear)."""

    problem: Any
    method: Method
    goal: float


@dataclass
class Trace:
    """Errors of every iteration and the best phases of a batch of starts."""

    phases_rad: Float[np.ndarray, "starts layers atoms"]
    errors: list[Float[np.ndarray, " starts"]] = field(default_factory=list)
    outcome: Outcome = Outcome.BUDGET_SPENT
    best: Float[np.ndarray, " starts"] | None = None


class _Run(eqx.Module):
    """A batch of starts under way: where it is, the best so far, the errors of this chunk."""

    state: Any
    best: State
    errors: Float[Array, "chunk starts"]
    count: Int[Array, ""]
    stalled: Bool[Array, ""]


def run_stages(
    stages: Sequence[Stage],
    phases_rad: Float[np.ndarray, "starts layers atoms"],
    *,
    first_start: int = 0,
    on_progress: OnProgress | None = None,
) -> Trace:
    """Run the stages one after the other, each from the best phases of the one before.

    On Ctrl-C the trace so far is returned, with `Outcome.INTERRUPTED`; before the first error is
    known there is nothing to return, and the interrupt goes on.
    """
    trace = Trace(phases_rad)
    try:
        for stage in stages:
            _run_stage(stage, trace, first_start, on_progress)
    except KeyboardInterrupt:
        if not trace.errors:
            raise
        trace.outcome = Outcome.INTERRUPTED
    return trace


def _run_stage(
    stage: Stage, trace: Trace, first_start: int, on_progress: OnProgress | None
) -> None:
    method = _with_settings_traced(stage.method)
    run = _begin(method, stage.problem, jnp.asarray(trace.phases_rad))
    trace.best = np.asarray(run.best.error)
    require(
        np.isfinite(trace.best).all(),
        "The response must be finite and not zero, but at the first phases it is not; "
        "check gaps and atoms.",
    )
    if not trace.errors:
        trace.errors.append(trace.best)
    left, chunk, goal = stage.method.iterations, 1, jnp.asarray(stage.goal)
    trace.outcome = Outcome.BUDGET_SPENT
    while left > 0 and bool((run.state.error > stage.goal).any()):
        began = time.perf_counter()
        run = _advance(method, stage.problem, run, goal, jnp.asarray(min(chunk, left)))
        made = int(run.count)
        left -= made
        _take_in(trace, run, made)
        if on_progress is not None:
            on_progress(_told(first_start, trace, made))
        if run.stalled:
            trace.outcome = Outcome.STALLED
            return
        chunk = _next_chunk(made, time.perf_counter() - began)
    if (trace.best <= stage.goal).all():
        trace.outcome = Outcome.GOAL_REACHED


def _with_settings_traced(method: Method) -> Method:
    """The method with the numbers that it leaves to JAX as arrays: others need no new program."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf) if isinstance(leaf, float) else leaf, method)


def _take_in(trace: Trace, run: _Run, made: int) -> None:
    trace.errors += list(np.asarray(run.errors)[:made])
    trace.phases_rad = np.asarray(run.best.phases_rad)
    trace.best = np.asarray(run.best.error)


def _next_chunk(made: int, seconds: float) -> int:
    return int(np.clip(made * _SECONDS_A_CHUNK / seconds, 1, _LARGEST_CHUNK))


def _told(first_start: int, trace: Trace, made: int) -> SearchProgress:
    errors_db = 10 * np.log10(np.stack(trace.errors[-made:]))
    return SearchProgress(first_start, len(trace.errors) - made, errors_db, trace.phases_rad)


@eqx.filter_jit
def _begin(method: Method, problem: Any, phases_rad: Array) -> _Run:
    begin = _over_starts(partial(method.begin, problem), len(phases_rad))
    state = begin(phases_rad)
    errors = jnp.zeros((_LARGEST_CHUNK, len(phases_rad)))
    best = State(state.phases_rad, state.error)
    return _Run(state, best, errors, jnp.array(0), jnp.array(False))


@eqx.filter_jit
def _advance(method: Method, problem: Any, run: _Run, goal: Number, most: Number) -> _Run:
    """Up to `most` iterations; fewer if the goal is reached or nothing is gained."""
    step = _over_starts(partial(method.step, problem), len(run.best.error))

    def under_way(run: _Run) -> Array:
        return (run.count < most) & ~run.stalled & jnp.any(run.state.error > goal)

    def iterate(run: _Run) -> _Run:
        state = step(run.state)
        gained = jnp.any(state.error <= (1 - _SMALLEST_GAIN) * run.state.error)
        return _Run(
            state,
            _better(run.best, state),
            run.errors.at[run.count].set(state.error),
            run.count + 1,
            ~gained & method.monotone,
        )

    first = eqx.tree_at(lambda run: run.count, run, jnp.array(0))
    return jax.lax.while_loop(under_way, iterate, first)


def _better(best: State, state: State) -> State:
    better = state.error < best.error
    phases_rad = jnp.where(better[:, None, None], state.phases_rad, best.phases_rad)
    return State(phases_rad, jnp.where(better, state.error, best.error))


def _over_starts(function: Callable[[Any], Any], starts: int) -> Callable[[Any], Any]:
    """`function` for a batch; a batch of one is spared the cost of batching."""
    if starts > 1:
        return jax.vmap(function)

    def one(batch: Any) -> Any:
        result = function(jax.tree.map(lambda leaf: leaf[0], batch))
        return jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], result)

    return one
