"""Strategies of calibration side by side: the same stacks, pilots and noise for all of them.

Source: calibration paper, section III-C, which describes strategies but compares none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
from jaxtyping import Float

from ..calibration import Links, PilotPlan, Pilots, ThreeFigures, between_layers, simulate_pilots
from ..calibration.strategies import Strategy
from ..imperfections import Imperfections, built
from ..precision import float64
from ..stack import Stack
from .measuring import peak_bytes, timed

_MOST_REDRAWS = 100


@dataclass(frozen=True, eq=False)
class StrategyScore:
    """How near a strategy comes to the truth, a number for each stack, and what it takes.

    NMSEs are linear: `raw` and `aligned` means over the matrices between layers, `held_out` of
    responses in slots that were not in the pilots. `seconds` without the first stack, in which
    programs are compiled; `peak_bytes`: the most memory that calibrating the first one took in a
    process of its own, on top of Python and its libraries, `None` where that cannot be told.
    """

    name: str
    slots: int
    raw: Float[np.ndarray, " stacks"]
    aligned: Float[np.ndarray, " stacks"]
    held_out: Float[np.ndarray, " stacks"]
    seconds: float
    peak_bytes: int | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """What every strategy made of the same stacks; `nominal`: of the stack as designed."""

    nominal: StrategyScore
    strategies: tuple[StrategyScore, ...]

    @property
    def best(self) -> StrategyScore:
        """The cheapest of those that are not worse than the nearest by more than chance.

        The stack as designed is one of them, and costs nothing. Judged by the responses held out,
        which is what calibration is for, stack by stack.
        """
        everything = (self.nominal, *self.strategies)
        nearest = min(everything, key=lambda each: each.held_out.mean())
        near = [each for each in everything if _is_as_near(each, nearest)]
        return min(near, key=lambda each: each.seconds)


def compare_strategies(
    stack: Stack,
    plan: PilotPlan,
    strategies: Sequence[Strategy],
    imperfections: Imperfections,
    *,
    snr_db: float,
    stacks: int,
    seed: int = 0,
) -> Iterator[Comparison]:
    """Build stacks within tolerances, calibrate each with every strategy, and compare.

    After each stack all that is known so far. Every stack has an overall gain of its own, which
    no strategy is told.

    Raises:
        InputError: a plan of another stack; pilots that a strategy is not for.
    """
    rows, nominal = list[list[_Row]](), Links.of_stack(stack, plan.illumination)
    names, peaks = ["as designed", *(each.name for each in strategies)], list[int | None]()
    for number, made in enumerate(built_stacks(stack, imperfections, stacks, seed)):
        key = jax.random.fold_in(jax.random.key(seed + 1), number)
        gain = 0.5 * np.exp(1j * number)
        pilots = simulate_pilots(made, plan, snr_db=snr_db, key=key, gain=gain)
        truth = Links.of_stack(made, plan.illumination)
        row = [_Row.of(nominal, truth, 0.0)]
        rows.append(row + [_calibrated(each, stack, pilots, truth) for each in strategies])
        peaks = peaks or [0, *(_peak(each, stack, pilots) for each in strategies)]
        columns = zip(*rows, strict=True)
        told = zip(names, columns, peaks, strict=True)
        scores = [_score(name, plan, column, peak) for name, column, peak in told]
        yield Comparison(scores[0], tuple(scores[1:]))


@dataclass(frozen=True)
class _Row:
    """What one strategy made of one stack."""

    raw: float
    aligned: float
    held_out: float
    seconds: float

    @classmethod
    def of(cls, found: Links, truth: Links, seconds: float) -> "_Row":
        with float64():
            figures = ThreeFigures.of(found, truth)
        inner = between_layers(figures.raw).mean(), between_layers(figures.aligned).mean()
        return cls(float(inner[0]), float(inner[1]), figures.held_out, seconds)


def _calibrated(strategy: Strategy, stack: Stack, pilots: Pilots, truth: Links) -> _Row:
    estimate, seconds = timed(partial(strategy.calibrate, stack, pilots))
    return _Row.of(estimate.links, truth, seconds)


def _peak(strategy: Strategy, stack: Stack, pilots: Pilots) -> int | None:
    return peak_bytes(partial(strategy.calibrate, stack, pilots))


def _score(name: str, plan: PilotPlan, rows: Sequence[_Row], peak: int | None) -> StrategyScore:
    later = rows[1:] or rows
    return StrategyScore(
        name,
        plan.slots,
        np.array([row.raw for row in rows]),
        np.array([row.aligned for row in rows]),
        np.array([row.held_out for row in rows]),
        float(np.median([row.seconds for row in later])),
        peak,
    )


def built_stacks(
    stack: Stack, imperfections: Imperfections, count: int, seed: int
) -> Iterator[Stack]:
    """Stacks that can be built: no plane has passed through another."""
    key, found = jax.random.key(seed), 0
    for number in range(count * _MOST_REDRAWS):
        made = built(stack, imperfections, jax.random.fold_in(key, number))
        if np.all(np.asarray(made.gaps_m) + np.diff(np.asarray(made.poses.dz_m)) > 0):
            yield made
            found += 1
        if found == count:
            return


def _is_as_near(one: StrategyScore, other: StrategyScore) -> bool:
    """Whether the mean excess over the same stacks is within two of its standard errors, or 1 %."""
    excess = one.held_out - other.held_out
    error = excess.std(ddof=1) / np.sqrt(len(excess)) if len(excess) > 1 else 0.0
    return bool(excess.mean() <= max(2 * error, 0.01 * other.held_out.mean()))
