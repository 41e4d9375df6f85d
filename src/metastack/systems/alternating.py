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
from jaxtyping import Array, Bool, Complex, Float, Int

from .._types import AnyArray
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


class _Batch(eqx.Module):
    variables: Variables
    memories: tuple[Any, ...]
    merit: Float[Array, " runs"]
    settled: Bool[Array, " runs"]
    merits: Float[Array, "chunk runs"]
    count: Int[Array, ""]


@in_float64
def alternate(
    setting: Callable[[Any], System],
    channels: Complex[AnyArray, "runs *channel"],
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

    `setting`: the system of a channel; `channels` and `start` have one entry a run. Ctrl-C ends
    the run and returns what there is.

    Raises:
        InputError: a merit that is not finite at the start; other numbers of channels than starts.
    """
    require(
        len(channels) == len(start.phases_rad),
        f"There must be a start for every channel, but there are {len(start.phases_rad)} for "
        f"{len(channels)}.",
    )
    began = time.perf_counter()
    setting, blocks, channels = _traced(setting), tuple(blocks), jnp.asarray(channels)
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
            made = int(batch.count)
            history += list(np.asarray(batch.merits)[:made])
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
    setting: Callable[[Any], System], channels: Array, blocks: tuple[Block, ...], start: Variables
) -> _Batch:
    def one(channel: Array, variables: Variables) -> tuple[tuple[Any, ...], Array]:
        system = setting(channel)
        return tuple(block.begin(system, variables) for block in blocks), system.merit(variables)

    start = jax.tree.map(jnp.asarray, start)
    memories, merit = jax.vmap(one)(channels, start)
    runs = len(channels)
    merits = jnp.zeros((_LARGEST_CHUNK, runs))
    return _Batch(start, memories, merit, jnp.zeros(runs, bool), merits, jnp.array(0))


@eqx.filter_jit
def _advance(
    setting: Callable[[Any], System],
    channels: Array,
    blocks: tuple[Block, ...],
    batch: _Batch,
    limits: tuple[Float[Array, ""], Float[Array, ""]],
    most: Int[Array, ""],
) -> _Batch:
    """Up to `most` rounds; fewer if every run has settled."""
    tolerance, goal = limits

    def one(channel: Array, variables: Variables, memories: tuple[Any, ...]) -> tuple[Any, ...]:
        system, after = setting(channel), list[Any]()
        for block, memory in zip(blocks, memories, strict=True):
            variables, memory = block.improve(system, variables, memory)
            after.append(memory)
        return variables, tuple(after), system.merit(variables)

    def round_(batch: _Batch) -> _Batch:
        variables, memories, merit = jax.vmap(one)(channels, batch.variables, batch.memories)
        # What rounding takes away is not taken; what has settled stays.
        better = (merit >= batch.merit) & ~batch.settled
        gained = merit - batch.merit > tolerance * jnp.abs(batch.merit)
        merit = jnp.where(better, merit, batch.merit)
        return _Batch(
            _where(better, variables, batch.variables),
            _where(better, memories, batch.memories),
            merit,
            batch.settled | ~gained | (merit >= goal),
            batch.merits.at[batch.count].set(merit),
            batch.count + 1,
        )

    def under_way(batch: _Batch) -> Bool[Array, ""]:
        return (batch.count < most) & ~batch.settled.all()

    first = eqx.tree_at(lambda each: each.count, batch, jnp.array(0))
    return jax.lax.while_loop(under_way, round_, first)


def _where(chosen: Bool[Array, " runs"], these: Any, those: Any) -> Any:
    def pick(this: Array, that: Array) -> Array:
        return jnp.where(chosen.reshape(-1, *[1] * (this.ndim - 1)), this, that)

    return jax.tree.map(pick, these, those)
