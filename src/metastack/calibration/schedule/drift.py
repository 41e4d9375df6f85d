"""How a stack moves in service: random walk, heat, knocks, vibration, and several at once.

A drift is a displacement of every unknown, block after block, in units of its tolerance. A layer
starts anywhere within its tolerances and stays there: what would pass an end turns back, so that
what is expected of it beforehand stays true for as long as it is in service.

Source: ours.
"""

from dataclasses import dataclass
from typing import Protocol

import jax
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Key

from ...errors import require
from ...precision import in_float64

# A filter averages over about so many blocks: over these, what heat does in a row adds up.
_MEMORY_BLOCKS = 10
# Nepers by which the level of a set-up changes at most, either way.
_MOST_LEVEL = 0.5
_MOST_GAIN_STEP = 10.0


@dataclass(frozen=True, eq=False)
class DriftPath:
    """Where every unknown is in every block, in tolerances, and which blocks begin with a jump."""

    values: Float[np.ndarray, "blocks unknowns"]
    jumps: Bool[np.ndarray, " blocks"]


class Drift(Protocol):
    """How unknowns move from block to block."""

    @property
    def step_deviation(self) -> float:
        """Deviation of the steps, in tolerances, of the random walk that a filter takes it for."""
        ...

    def moved(self, key: Key[Array, ""], blocks: int, unknowns: int) -> DriftPath:
        """The way from the start, as if there were no ends."""
        ...


@dataclass(frozen=True)
class RandomWalk:
    """Steps of deviation `step` tolerances a block, each unknown by itself: creep, ageing."""

    step: float = 0.03

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _check("step", self.step)

    @property
    def step_deviation(self) -> float:
        """Deviation of the steps, in tolerances."""
        return self.step

    @in_float64
    def moved(self, key: Key[Array, ""], blocks: int, unknowns: int) -> DriftPath:
        """The way from the start, as if there were no ends."""
        steps = np.array(self.step * jax.random.normal(key, (blocks, unknowns), float))
        steps[0] = 0
        return _without_jumps(np.cumsum(steps, axis=0))


@dataclass(frozen=True)
class Thermal:
    """Temperature: a slow sinusoid of `amplitude` tolerances and a trend of `trend` a block.

    Every unknown answers to the one temperature by a factor of its own within ±1.
    """

    amplitude: float = 0.5
    period_blocks: float = 500.0
    trend: float = 5e-4

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _check("amplitude", self.amplitude)
        _check("trend", self.trend)
        require(
            np.isfinite(self.period_blocks) and self.period_blocks > 0,
            f"`period_blocks` must be positive, but is {self.period_blocks}.",
        )

    @property
    def step_deviation(self) -> float:
        """Deviation of the steps, in tolerances, of a walk that goes as far in ten blocks."""
        swing = self.amplitude * 2 * np.pi / self.period_blocks / np.sqrt(2)
        share = 3**-0.5
        return float(share * np.hypot(swing, self.trend) * np.sqrt(_MEMORY_BLOCKS))

    @in_float64
    def moved(self, key: Key[Array, ""], blocks: int, unknowns: int) -> DriftPath:
        """The way from the start, as if there were no ends."""
        for_share, for_phase = jax.random.split(key)
        share = np.asarray(jax.random.uniform(for_share, (unknowns,), float, -1, 1))
        phase = float(jax.random.uniform(for_phase, (), float, 0, 2 * np.pi))
        turn = 2 * np.pi * np.arange(blocks) / self.period_blocks
        swing = self.amplitude * (np.sin(turn + phase) - np.sin(phase))
        return _without_jumps((swing + self.trend * np.arange(blocks))[:, None] * share)


@dataclass(frozen=True)
class Jumps:
    """Knocks: in a block with probability `rate`, every unknown jumps within ±`size` tolerances."""

    rate: float = 1 / 150
    size: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _check("size", self.size)
        require(0 <= self.rate <= 1, f"`rate` must be a probability, but is {self.rate}.")

    @property
    def step_deviation(self) -> float:
        """Zero: between jumps nothing moves, and jumps are for a monitor."""
        return 0.0

    @in_float64
    def moved(self, key: Key[Array, ""], blocks: int, unknowns: int) -> DriftPath:
        """The way from the start, as if there were no ends."""
        for_time, for_size = jax.random.split(key)
        jumps = np.array(jax.random.uniform(for_time, (blocks,), float)) < self.rate
        jumps[0] = False
        size = np.asarray(jax.random.uniform(for_size, (blocks, unknowns), float, -1, 1))
        return DriftPath(np.cumsum(np.where(jumps[:, None], self.size * size, 0), axis=0), jumps)


@dataclass(frozen=True)
class Vibration:
    """A sinusoid of `amplitude` tolerances, some blocks long, each unknown with its own phase."""

    amplitude: float = 0.1
    period_blocks: float = 7.3

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _check("amplitude", self.amplitude)
        require(
            np.isfinite(self.period_blocks) and self.period_blocks > 0,
            f"`period_blocks` must be positive, but is {self.period_blocks}.",
        )

    @property
    def step_deviation(self) -> float:
        """Deviation from one block to the next, in tolerances."""
        return float(self.amplitude * np.sqrt(2) * abs(np.sin(np.pi / self.period_blocks)))

    @in_float64
    def moved(self, key: Key[Array, ""], blocks: int, unknowns: int) -> DriftPath:
        """The way from the start, as if there were no ends."""
        phase = np.asarray(jax.random.uniform(key, (unknowns,), float, 0, 2 * np.pi))
        turn = 2 * np.pi * np.arange(blocks)[:, None] / self.period_blocks
        return _without_jumps(self.amplitude * (np.sin(turn + phase) - np.sin(phase)))


@dataclass(frozen=True)
class Together:
    """Several drifts at once; their displacements add."""

    drifts: tuple[Drift, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        require(self.drifts, "`drifts` must be at least one, but are none.")

    @property
    def step_deviation(self) -> float:
        """Of all together, which are independent."""
        return float(np.hypot.reduce([drift.step_deviation for drift in self.drifts]))

    def moved(self, key: Key[Array, ""], blocks: int, unknowns: int) -> DriftPath:
        """The way from the start, as if there were no ends."""
        parts = [
            drift.moved(jax.random.fold_in(key, number), blocks, unknowns)
            for number, drift in enumerate(self.drifts)
        ]
        return DriftPath(
            np.sum([part.values for part in parts], axis=0),
            np.any([part.jumps for part in parts], axis=0),
        )


@in_float64
def drift_path(drift: Drift, key: Key[Array, ""], blocks: int, unknowns: int) -> DriftPath:
    """A path that starts anywhere within the tolerances and turns back at their ends.

    Raises:
        InputError: fewer than one block.
    """
    require(blocks >= 1, f"`blocks` must be at least 1, but is {blocks}.")
    for_start, for_drift = jax.random.split(key)
    start = np.asarray(jax.random.uniform(for_start, (unknowns,), float, -1, 1))
    moved = drift.moved(for_drift, blocks, unknowns)
    return DriftPath(_turned_back(start + moved.values), moved.jumps)


@in_float64
def gain_path(step: float, key: Key[Array, ""], blocks: int) -> Complex[np.ndarray, " blocks"]:
    """Gain of a set-up in every block, 1 in the first: phase and level walk.

    `step`: deviation of the phase's steps in radians, and of the level's in nepers. The level
    turns back where it would be more than half a neper (4.3 dB) off.

    Raises:
        InputError: a step that is negative or not finite.
    """
    _check("gain_step", step)
    require(
        step <= _MOST_GAIN_STEP,
        f"`gain_step` must be at most {_MOST_GAIN_STEP:g}, from where phases are anywhere, but is "
        f"{step}.",
    )
    steps = np.array(step * jax.random.normal(key, (2, blocks), float))
    steps[:, 0] = 0
    level, phase = np.cumsum(steps, axis=1)
    return np.exp(_MOST_LEVEL * _turned_back(level / _MOST_LEVEL) + 1j * phase)


def _without_jumps(values: Float[np.ndarray, "blocks unknowns"]) -> DriftPath:
    return DriftPath(values, np.zeros(len(values), bool))


def _turned_back(values: Float[np.ndarray, "blocks *_"]) -> Float[np.ndarray, "blocks *_"]:
    """What lies beyond ±1 mirrored at the ends, as often as it takes."""
    return 1 - np.abs(np.mod(values + 1, 4) - 2)


def _check(name: str, value: float) -> None:
    require(
        bool(np.isfinite(value) and value >= 0),
        f"`{name}` must be finite and not negative, but is {value}.",
    )
