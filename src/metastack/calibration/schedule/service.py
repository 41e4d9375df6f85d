"""Stacks in service by the thousand: what monitors see, with pilots linearised about nominal.

Pilots of a block are a linear function of the poses' errors, by slopes that are drawn from a pool
of patterns. That is exact enough to count false alarms over hundreds of thousands of blocks, and
no more: schedules are simulated with the true pilots (`run_schedule`).

Source: ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from jaxtyping import Float

from .monitors import OF_GAIN, Innovation
from .patterns import Patterns, Shown
from .walk import Walk

Errors: TypeAlias = Float[np.ndarray, "stacks state"]


class Service(Protocol):
    """How states are kept while stacks are in service."""

    def innovations(
        self, stacks: int, generator: np.random.Generator, jumps: "Jump | None" = None
    ) -> Iterator[Innovation]:
        """What every block shows of many stacks, without end; all show the same patterns."""
        ...


@dataclass(frozen=True)
class Jump:
    """Every unknown jumps within ±`size`, in its units, before block `block`, counted from 0."""

    block: int
    size: float

    def added(
        self, block: int, errors: Errors, unknowns: int, generator: np.random.Generator
    ) -> Errors:
        """The errors of the state, with the jump if this is its block."""
        if block != self.block:
            return errors
        moved = errors.copy()
        moved[:, :unknowns] += self.size * generator.uniform(-1, 1, (len(errors), unknowns))
        return moved


@dataclass(frozen=True, eq=False)
class HeldState:
    """A state that was calibrated once, `covariance` telling how well, and is held.

    `slots`: pilots of every block that the monitor sees. Of `walk` only the gain's part counts:
    poses that move are what is looked for.
    """

    patterns: Patterns
    slots: int
    covariance: Float[np.ndarray, "state state"]
    walk: Walk = field(default_factory=Walk)

    def innovations(
        self, stacks: int, generator: np.random.Generator, jumps: Jump | None = None
    ) -> Iterator[Innovation]:
        """What every block shows of many stacks, without end; all show the same patterns."""
        errors, block = _drawn(self.covariance, stacks, generator), 0
        while True:
            if jumps is not None:
                errors = jumps.added(block, errors, self.patterns.state - OF_GAIN, generator)
            H = self.patterns.block(self.slots, self.covariance, generator)
            noise = generator.standard_normal((stacks, len(H)))
            yield self.walk.held(Innovation(errors @ H.T + noise, H, self.covariance))
            block += 1


@dataclass(frozen=True, eq=False)
class TrackedState:
    """A state that a Kalman filter tracks from `slots` pilots a block.

    It starts with `covariance`, and walks within the tolerances.
    """

    patterns: Shown
    slots: int
    covariance: Float[np.ndarray, "state state"]
    walk: Walk

    def innovations(
        self, stacks: int, generator: np.random.Generator, jumps: Jump | None = None
    ) -> Iterator[Innovation]:
        """What every block shows of many stacks, without end; all show the same patterns."""
        unknowns, block = self.patterns.state - OF_GAIN, 0
        P, errors = self.covariance, _drawn(self.covariance, stacks, generator)
        factor, added = self.walk.over(self.patterns.state)
        walk = np.diag(added)
        while True:
            P = factor[:, None] * P * factor + walk
            errors = factor * errors + _drawn(walk, stacks, generator)
            if jumps is not None:
                errors = jumps.added(block, errors, unknowns, generator)
            H = self.patterns.block(self.slots, P, generator)
            residual = errors @ H.T + generator.standard_normal((stacks, len(H)))
            seen = Innovation(residual, H, P)
            yield seen.whitened()
            K = P @ H.T @ np.linalg.inv(np.eye(len(H)) + H @ P @ H.T)
            errors = errors - residual @ K.T
            P = P - K @ H @ P
            P = (P + P.T) / 2
            block += 1


def _drawn(
    covariance: Float[np.ndarray, "state state"], stacks: int, generator: np.random.Generator
) -> Errors:
    """Errors of this covariance, which may be zero along some directions."""
    variances, vectors = np.linalg.eigh(covariance)
    drawn = generator.standard_normal((stacks, len(covariance)))
    return drawn * np.sqrt(np.maximum(variances, 0)) @ vectors.T
