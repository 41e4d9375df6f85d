"""Stacks in service by the thousand: what monitors see, with pilots linearised about nominal.

Pilots of a block are a linear function of the poses' errors, by slopes that are drawn from a pool
of patterns. That is exact enough to count false alarms over hundreds of thousands of blocks, and
no more: schedules are simulated with the true pilots (`run_schedule`).

Source: ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ...errors import require
from ...precision import in_float64
from ..pilot_model import PoseModel, linearised
from ..pilots import PilotPlan
from ..unknowns import Unknowns
from .belief import real_rows
from .monitors import Innovation

Errors: TypeAlias = Float[np.ndarray, "stacks state"]


@dataclass(frozen=True, eq=False)
class Patterns:
    """Derivatives of every pattern's pilots with respect to the state, in noise deviations."""

    slopes: Float[np.ndarray, "patterns numbers state"]

    @classmethod
    @in_float64
    def of(cls, unknowns: Unknowns, plan: PilotPlan, noise_variance: float) -> "Patterns":
        """Those of a plan, about the nominal stack; the noise is that of unit gain.

        Raises:
            InputError: a noise variance that is not positive.
        """
        require(
            bool(np.isfinite(noise_variance) and noise_variance > 0),
            f"`noise_variance` must be positive, but is {noise_variance}.",
        )
        model = PoseModel.of(unknowns, plan)
        y, J = map(np.asarray, linearised(model, jnp.zeros(unknowns.size)))
        J = np.concatenate([J, y[..., None], 1j * y[..., None]], axis=-1)
        J = np.sqrt(2 / noise_variance) * J.reshape(plan.slots, -1, J.shape[-1])
        return cls(np.stack([real_rows(slot) for slot in J]))

    @property
    def state(self) -> int:
        """Size of the state: unknowns, and two numbers of the gain."""
        return self.slopes.shape[-1]

    def drawn(
        self, slots: int, generator: np.random.Generator
    ) -> Float[np.ndarray, "numbers state"]:
        """Slopes of a block of so many slots."""
        return self.slopes[generator.integers(0, len(self.slopes), slots)].reshape(-1, self.state)

    def calibrated(self, slots: int) -> Float[np.ndarray, "state state"]:
        """Covariance that is expected of a calibration with so many slots, from the prior on."""
        each = np.einsum("tnp,tnq->pq", self.slopes, self.slopes) / len(self.slopes)
        return np.linalg.inv(np.eye(self.state) + slots * each)


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

    `slots`: pilots of every block that the monitor sees.
    """

    patterns: Patterns
    slots: int
    covariance: Float[np.ndarray, "state state"]

    def innovations(
        self, stacks: int, generator: np.random.Generator, jumps: Jump | None = None
    ) -> Iterator[Innovation]:
        """What every block shows of many stacks, without end; all show the same patterns."""
        errors, block = _drawn(self.covariance, stacks, generator), 0
        while True:
            if jumps is not None:
                errors = jumps.added(block, errors, self.patterns.state - 2, generator)
            H = self.patterns.drawn(self.slots, generator)
            noise = generator.standard_normal((stacks, len(H)))
            yield Innovation(errors @ H.T + noise, H, self.covariance)
            block += 1


@dataclass(frozen=True, eq=False)
class TrackedState:
    """A state that a Kalman filter tracks from `slots` pilots a block.

    It starts with `covariance`; unknowns walk by `step_variance` a block.
    """

    patterns: Patterns
    slots: int
    covariance: Float[np.ndarray, "state state"]
    step_variance: float

    def innovations(
        self, stacks: int, generator: np.random.Generator, jumps: Jump | None = None
    ) -> Iterator[Innovation]:
        """What every block shows of many stacks, without end; all show the same patterns."""
        unknowns, block = self.patterns.state - 2, 0
        P, errors = self.covariance, _drawn(self.covariance, stacks, generator)
        walk = np.diag(np.repeat([self.step_variance, 0.0], [unknowns, 2]))
        while True:
            P = P + walk
            errors = errors + _drawn(walk, stacks, generator)
            if jumps is not None:
                errors = jumps.added(block, errors, unknowns, generator)
            H = self.patterns.drawn(self.slots, generator)
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
