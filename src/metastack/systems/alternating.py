"""One driver for every system: block after block, each never for the worse, round after round.

A block is what can be improved while all else is fixed: the phases, the precoder, the powers. Many
channels and many starts run as one batch; a run that gains nothing any more stays where it is.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..design import Outcome
from ..errors import require
from ..precision import in_float64
from .variables import Variables

OnRound: TypeAlias = Callable[[int, Float[np.ndarray, " runs"]], None]

_SECONDS_A_CHUNK = 0.5
_LARGEST_CHUNK = 100


class System(Protocol):
    """What is optimised, for one channel: larger merit is better."""

    def merit(self, variables: Variables) -> Float[Array, ""]:
        """The figure that the system is judged by."""
        ...


class Block(Protocol):
    """One improvement. `begin` says what it remembers from one round to the next."""

    def begin(self, system: Any, variables: Variables) -> Any:
        """The first memory."""
        ...

    def improve(self, system: Any, variables: Variables, memory: Any) -> tuple[Variables, Any]:
        """Variables of at least the same merit, and the next memory."""
        ...


@dataclass(frozen=True)
class Alternation:
    """Where every run ended; `history[k]` is the merit after k rounds, its last what was reached.

    `settled`: the last round gained less than the tolerance.
    """

    variables: Variables
    history: Float[np.ndarray, "rounds runs"]
    settled: Bool[np.ndarray, " runs"]
    outcome: Outcome
    seconds: float

    @property
    def merit(self) -> Float[np.ndarray, " runs"]:
        """What each run reached."""
        return self.history[-1]

    @property
    def best(self) -> int:
        """The run of largest merit."""
        return int(np.argmax(self.merit))


class _Run(eqx.Module):
    """Where a run stands, and its merits after the last `count` rounds; `*runs` if of a batch."""

    variables: Variables
    memories: tuple[Any, ...]
    merit: Float[Array, "*runs"]
    settled: Bool[Array, "*runs"]
    merits: Float[Array, "*runs chunk"]
    count: Int[Array, "*runs"]


@in_float64
def alternate(
    setting: Callable[[Any], System],
    channels: Any,
    blocks: Sequence[Block],
    start: Variables,
    *,
    rounds: int = 200,
    tolerance: float = 1e-6,
    goal: float = math.inf,
    on_round: OnRound | None = None,
) -> Alternation:
    """Improve block after block until a round gains less than a share `tolerance` of the merit.

    A run that reaches a merit of `goal` is done too.

    `setting`: the system of a channel; `channels`, an array or arrays in a module, and `start` have
    one entry a run. Ctrl-C ends the run and returns what there is.

    Raises:
        InputError: a merit that is not finite at the start; other numbers of channels than starts.
    """
    began = time.perf_counter()
    setting, blocks, channels = _traced(setting), tuple(blocks), jax.tree.map(jnp.asarray, channels)
    given = {len(each) for each in jax.tree.leaves(channels)}
    require(
        given == {len(start.phases_rad)},
        f"There must be a start for every channel, but there are {len(start.phases_rad)} for "
        f"{' or '.join(map(str, sorted(given)))}.",
    )
    batch = _begin(setting, channels, blocks, start)
    require(
        bool(jnp.isfinite(batch.merit).all()),
        "A system must have a finite merit at its start, but has not; check channels and stack.",
    )
    limits = jnp.asarray(tolerance), jnp.asarray(goal)
    history = [np.asarray(batch.merit)]
    outcome, chunk = Outcome.BUDGET_SPENT, 1
    try:
        while len(history) <= rounds and not bool(batch.settled.all()):
            tick = time.perf_counter()
            most = min(chunk, rounds + 1 - len(history))
            batch = _advance(setting, channels, blocks, batch, limits, jnp.asarray(most))
            made = int(batch.count.max())
            history += list(np.asarray(batch.merits).T[:made])
            if on_round:
                on_round(len(history) - 1, history[-1])
            chunk = _next_chunk(made, time.perf_counter() - tick)
        if bool(batch.settled.all()):
            outcome = Outcome.STALLED
    except KeyboardInterrupt:
        outcome = Outcome.INTERRUPTED
    return Alternation(
        jax.tree.map(np.asarray, batch.variables),
        np.array(history),
        np.asarray(batch.settled),
        outcome,
        time.perf_counter() - began,
    )


def _traced(setting: Callable[[Any], System]) -> Callable[[Any], System]:
    """The setting with its numbers as arrays: another power needs no new program."""
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf) if isinstance(leaf, float) else leaf, setting
    )


def _next_chunk(made: int, seconds: float) -> int:
    return int(np.clip(max(made, 1) * _SECONDS_A_CHUNK / seconds, 1, _LARGEST_CHUNK))


@eqx.filter_jit
def _begin(
    setting: Callable[[Any], System], channels: Any, blocks: tuple[Block, ...], start: Variables
) -> _Run:
    def one(channel: Any, variables: Variables) -> _Run:
        system = setting(channel)
        memories = tuple(block.begin(system, variables) for block in blocks)
        none, merit = jnp.zeros(_LARGEST_CHUNK), system.merit(variables)
        return _Run(variables, memories, merit, jnp.array(False), none, jnp.array(0))

    return jax.vmap(one)(channels, jax.tree.map(jnp.asarray, start))


@eqx.filter_jit
def _advance(
    setting: Callable[[Any], System],
    channels: Any,
    blocks: tuple[Block, ...],
    batch: _Run,
    limits: tuple[Float[Array, ""], Float[Array, ""]],
    most: Int[Array, ""],
) -> _Run:
    """Up to `most` rounds; fewer if every run has settled."""
    tolerance, goal = limits

    def one(channel: Any, start: _Run) -> _Run:
        # Before the loop: what a system works out of its channel, it works out once.
        system = setting(channel)

        def round_(run: _Run) -> _Run:
            variables, memories = run.variables, list[Any]()
            for block, memory in zip(blocks, run.memories, strict=True):
                variables, memory = block.improve(system, variables, memory)
                memories.append(memory)
            merit = system.merit(variables)
            # What rounding takes away is not taken.
            better = merit >= run.merit
            gained = merit - run.merit > tolerance * jnp.abs(run.merit)
            merit = jnp.where(better, merit, run.merit)
            return _Run(
                _where(better, variables, run.variables),
                _where(better, tuple(memories), run.memories),
                merit,
                ~gained | (merit >= goal),
                run.merits.at[run.count].set(merit),
                run.count + 1,
            )

        def under_way(run: _Run) -> Bool[Array, ""]:
            return (run.count < most) & ~run.settled

        first = eqx.tree_at(lambda run: run.count, start, jnp.array(0))
        last = jax.lax.while_loop(under_way, round_, first)
        merits = jnp.where(jnp.arange(_LARGEST_CHUNK) < last.count, last.merits, last.merit)
        return eqx.tree_at(lambda run: run.merits, last, merits)

    return jax.vmap(one)(channels, batch)


def _where(better: Bool[Array, ""], these: Any, those: Any) -> Any:
    return jax.tree.map(lambda this, that: jnp.where(better, this, that), these, those)
