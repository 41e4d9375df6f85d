"""Monitors: numbers that grow when a stack is no longer what it was calibrated to be.

A monitor is a value that remembers what it has seen: `after` a block it is another one, beside the
statistic of that block, and the one without memory starts anew. Residuals may be those of many
stacks that show the same phases, so that thousands are watched at once.

Source: E. Page, Biometrika 41 (1954) 100 (cumulative sums); A. Willsky and H. Jones, IEEE Trans.
Autom. Control 21 (1976) 108 (likelihood ratio of a jump of the state).
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from jaxtyping import Float

from ...errors import require

# The gain stands behind the poses in the state, as two numbers.
OF_GAIN = 2


@dataclass(frozen=True, eq=False)
class Innovation:
    """What a block shows beyond what was believed, in deviations of the noise.

    `residual` is `slopes` times an error of the state, plus noise of unit variance. `covariance`:
    of that error, which is the same in every block for as long as the state is held.
    """

    residual: Float[np.ndarray, "*stacks numbers"]
    slopes: Float[np.ndarray, "numbers state"]
    covariance: Float[np.ndarray, "state state"]

    def whitened(self) -> "Innovation":
        """The same for a state that is not held but tracked, whose error is another every block.

        The error joins the noise, and all is counted in deviations of both.
        """
        H = self.slopes
        variances, vectors = np.linalg.eigh(self.covariance)
        along = H @ (vectors * np.sqrt(np.maximum(variances, 0)))
        U, spread, _ = np.linalg.svd(along)
        deviation = np.ones(len(H))
        deviation[: len(spread)] = np.hypot(1, spread)
        whitener = U / deviation @ U.T
        nothing = np.zeros_like(self.covariance)
        return Innovation(self.residual @ whitener.T, whitener @ H, nothing)

    def without_gain(self) -> "Innovation":
        """The part of the same that no error of the gain explains.

        Raises:
            InputError: a block of a single response, all of which a gain explains.
        """
        H = self.slopes
        many = len(H) - OF_GAIN
        require(
            many > 0,
            "A block must have at least 2 responses when its gain is another each time, but has 1.",
        )
        across = np.linalg.qr(H[:, -OF_GAIN:], mode="complete").Q[:, OF_GAIN:]
        slopes = across.T @ H
        slopes[:, -OF_GAIN:] = 0
        return Innovation(self.residual @ across, slopes, self.covariance)


class Monitor(Protocol):
    """A statistic of a stack in service, with what it remembers."""

    def after(self, innovation: Innovation) -> tuple["Monitor", Float[np.ndarray, "*stacks"]]:
        """The monitor after a block, and the statistic that the block gave."""
        ...

    def idle(self, blocks: int) -> "Monitor":
        """The monitor after so many blocks of which nothing was seen."""
        ...


@dataclass(frozen=True, eq=False)
class ResidualEnergy:
    """Energy of a block's residual above what is expected, in its standard deviations."""

    def after(
        self, innovation: Innovation
    ) -> tuple["ResidualEnergy", Float[np.ndarray, "*stacks"]]:
        """The monitor after a block, and the statistic that the block gave."""
        return self, _excess_energy(innovation)

    def idle(self, blocks: int) -> "ResidualEnergy":
        """The same: it remembers nothing."""
        return self


@dataclass(frozen=True, eq=False)
class Cusum:
    """Sum of the residual's excess energy beyond `allowance` a block, never below zero."""

    allowance: float = 0.4
    total: Float[np.ndarray, "*stacks"] | float = 0.0

    def after(self, innovation: Innovation) -> tuple["Cusum", Float[np.ndarray, "*stacks"]]:
        """The monitor after a block, and the statistic that the block gave."""
        total = np.asarray(self.total + _excess_energy(innovation) - self.allowance)
        total = np.maximum(total, 0)
        return replace(self, total=total), total

    def idle(self, blocks: int) -> "Cusum":
        """The same: what was not seen speaks neither for a change nor against it."""
        return self


@dataclass(frozen=True, eq=False)
class SubspaceDetector:
    """Likelihood ratio of a jump against none, in the directions in which poses move pilots.

    `jump`: the jump looked for, as a standard deviation in units of the unknowns. Blocks are
    forgotten by a factor of `forgetting` each. An error that the state had from the start counts
    in both hypotheses. The statistic is the ratio's logarithm above what is expected without a
    jump, in its standard deviations, so that one threshold is good from the first block on.

    `matrix`, `score`, `spread`: of the residuals so far, HᵀH, Hᵀr, and the latter's covariance by
    noise alone.
    """

    jump: float = 0.5
    forgetting: float = 0.9
    matrix: Float[np.ndarray, "state state"] | float = 0.0
    score: Float[np.ndarray, "*stacks state"] | float = 0.0
    spread: Float[np.ndarray, "state state"] | float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        require(
            bool(np.isfinite(self.jump) and self.jump > 0),
            f"`jump` must be positive, but is {self.jump}.",
        )
        require(
            0 < self.forgetting <= 1,
            f"`forgetting` must be above 0 and at most 1, but is {self.forgetting}.",
        )

    def after(
        self, innovation: Innovation
    ) -> tuple["SubspaceDetector", Float[np.ndarray, "*stacks"]]:
        """The monitor after a block, and the statistic that the block gave."""
        H, C = innovation.slopes, innovation.covariance
        F = np.asarray(self.forgetting * self.matrix + H.T @ H)
        spread = np.asarray(self.forgetting**2 * self.spread + H.T @ H)
        score = np.asarray(self.forgetting * self.score + innovation.residual @ H)
        form = _evidence(F, C + _jump_covariance(self.jump, len(F))) - _evidence(F, C)
        by_chance = form @ (spread + F @ C @ F)
        excess = np.einsum("...p,pq,...q->...", score, form, score) - np.trace(by_chance)
        deviation = np.sqrt(2 * np.sum(by_chance * by_chance.T))
        return replace(self, matrix=F, score=score, spread=spread), excess / deviation

    def idle(self, blocks: int) -> "SubspaceDetector":
        """What was seen before is forgotten as it would be, had these blocks shown nothing."""
        kept = self.forgetting**blocks
        matrix, score, spread = kept * self.matrix, kept * self.score, kept**2 * self.spread
        return replace(self, matrix=matrix, score=score, spread=spread)


def _evidence(
    matrix: Float[np.ndarray, "state state"], covariance: Float[np.ndarray, "state state"]
) -> Float[np.ndarray, "state state"]:
    """Quadratic form of the score that an error of this covariance adds to the log-likelihood.

    (F + C⁻¹)⁻¹, twice; good for a covariance of zero too.
    """
    return covariance @ np.linalg.inv(np.eye(len(matrix)) + matrix @ covariance)


def _jump_covariance(jump: float, size: int) -> Float[np.ndarray, "state state"]:
    """Poses jump, the gain does not."""
    return np.diag(np.repeat([jump**2, 0.0], [size - OF_GAIN, OF_GAIN]))


def _excess_energy(innovation: Innovation) -> Float[np.ndarray, "*stacks"]:
    """(|r|² - E|r|²) over its standard deviation, both with the state's uncertainty."""
    H = innovation.slopes
    spread = np.eye(len(H)) + H @ innovation.covariance @ H.T
    energy = np.sum(innovation.residual**2, axis=-1)
    return (energy - np.trace(spread)) / np.sqrt(2 * np.sum(spread**2))
