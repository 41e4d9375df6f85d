"""Going down the misfit of one stage after the other, in compiled chunks.

Chunks are sized to come up for air several times a second, so that Ctrl-C keeps what was found.
"""

import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._types import Number
from .entry_methods import EntryMethod
from .entry_problem import EntryProblem
from .least_squares import Ending
from .links import Links

_SECONDS_A_CHUNK, _LARGEST_CHUNK = 0.2, 64
# Less than this share of the NMSE in as many iterations as a method has patience is no gain.
_SMALLEST_GAIN = 1e-2
# Below this NMSE everything is rounding.
_ROUNDING = 1e-28


@dataclass
class Trace:
    """What was found so far.

    `moved`: how far coefficients have, see `EntryProblem`. The others as in `PerEntryCalibration`.
    """

    moved: Links
    after_stage: list[Links]
    history: list[list[float]] = field(default_factory=list)
    ending: Ending = Ending.BUDGET_SPENT


def run_stage(method: EntryMethod, problem: EntryProblem, trace: Trace) -> None:
    """Iterate until the goal is reached, nothing is gained or all iterations are used.

    Whatever ends it, the user too, what was found by then is in the trace.
    """
    try:
        trace.ending = _descend(method, problem, trace)
    finally:
        trace.after_stage.append(problem.links(trace.moved))


def _descend(method: EntryMethod, problem: EntryProblem, trace: Trace) -> Ending:
    state = _begin(method, problem, trace.moved)
    history = [float(state.misfit / problem.power)]
    trace.history.append(history)
    goal = max(float(problem.goal), _ROUNDING)
    left, chunk = method.iterations, 1
    while left > 0:
        if history[-1] <= goal or _is_settled(history, method.patience):
            return Ending.CONVERGED
        began, most = time.perf_counter(), min(chunk, left)
        state, nmse, made = _advance(method, problem, state, goal, most)
        history += np.asarray(nmse)[: int(made)].tolist()
        trace.moved = state.moved
        left -= int(made)
        chunk = _next_chunk(int(made), time.perf_counter() - began)
    return Ending.BUDGET_SPENT


def _is_settled(history: list[float], patience: int | None) -> bool:
    """Whether the latest iterations gained nothing worth having."""
    if patience is None:
        return False
    before, latest = history[:-patience], history[-patience:]
    return bool(before) and min(latest) > (1 - _SMALLEST_GAIN) * min(before)


def _next_chunk(made: int, seconds: float) -> int:
    return int(np.clip(made * _SECONDS_A_CHUNK / seconds, 1, _LARGEST_CHUNK))


@partial(jax.jit, static_argnums=0)
def _begin(method: EntryMethod, problem: EntryProblem, moved: Links) -> Any:
    return method.begin(problem, moved)


@partial(jax.jit, static_argnums=0)
def _advance(
    method: EntryMethod, problem: EntryProblem, state: Any, goal: Number, most: Number
) -> tuple[Any, Float[Array, " chunk"], Int[Array, ""]]:
    """Up to `most` iterations, fewer if the goal is reached; the NMSE after each, their number."""

    def is_under_way(run: tuple[Any, Array, Array]) -> Array:
        now, _, made = run
        return (made < most) & ((made == 0) | (now.misfit > goal * problem.power))

    def iterate(run: tuple[Any, Array, Array]) -> tuple[Any, Array, Array]:
        now, nmse, made = run
        then = method.step(problem, now)
        return then, nmse.at[made].set(then.misfit / problem.power), made + 1

    begin = state, jnp.zeros(_LARGEST_CHUNK), jnp.array(0)
    return jax.lax.while_loop(is_under_way, iterate, begin)
