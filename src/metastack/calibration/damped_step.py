"""One step of Levenberg-Marquardt with a prior: lower than before, as little damped as may be.

Minimised is E(v) + w vᵀ Λ v, of which E has the gradient -2 b(v) and, near its minimum, the Hessian
2 H(v). Least squares are one such problem: E the energy of the residual and w = σ²/2; Fisher
scoring is another: E = -2 log p, H the Fisher information, b the score and w = 1.

Source: K. Levenberg 1944; D. Marquardt 1963; damping by H. B. Nielsen, IMM-REP-1999-05.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.linalg
from jaxtyping import Float

TINY = np.finfo(float).tiny
FIRST_DAMPING = 1e-3
_LEAST_DAMPING, _MOST_DAMPING = 1e-12, 1e10
# A step shorter than this many posterior deviations, all unknowns together, shows nothing.
SETTLED_DEVIATIONS = 1e-3


@dataclass(frozen=True, eq=False)
class Point:
    """The problem about some values: E, H and b."""

    values: Float[np.ndarray, " unknowns"]
    energy: float
    matrix: Float[np.ndarray, "unknowns unknowns"]
    right: Float[np.ndarray, " unknowns"]


@dataclass(frozen=True, eq=False)
class Step:
    """Where a step leads, how many posterior deviations it is long, and how damped the next is."""

    values: Float[np.ndarray, " unknowns"]
    deviations: float
    damping: float


class Problem(Protocol):
    """What is minimised: `precision` is the diagonal of Λ, `rounding` the least variance 2 w."""

    precision: Float[np.ndarray, " unknowns"]
    rounding: float

    def energy(self, values: Float[np.ndarray, " unknowns"]) -> float:
        """E, which is not a number where values cannot be."""
        ...


def damped_step(problem: Problem, point: Point, variance: float, damping: float) -> Step | None:
    """A step that lowers the objective, as little damped as may be; none where none does.

    `variance`: 2 w, in least squares that of the noise.
    """
    weight = variance / 2 * problem.precision
    matrix, right = point.matrix + np.diag(weight), point.right - weight * point.values
    objective = point.energy + weight @ point.values**2
    growth = 2.0
    while damping < _MOST_DAMPING:
        move = _solved(matrix, right, damping)
        if move is not None:
            values = point.values + move
            drop = objective - problem.energy(values) - weight @ values**2
            if drop > 0:
                # Nielsen's rule: damping falls smoothly with the quality of the prediction.
                quality = drop / (2 * right @ move - move @ matrix @ move)
                relaxed = damping * max(1 / 10, 1 - float(2 * quality - 1) ** 3)
                length = 2 * float(move @ matrix @ move)
                deviations = float(np.sqrt(length / max(variance, problem.rounding)))
                return Step(values, deviations, max(relaxed, _LEAST_DAMPING))
        damping, growth = damping * growth, 2 * growth
    return None


def _solved(
    matrix: Float[np.ndarray, "n n"], right: Float[np.ndarray, " n"], damping: float
) -> Float[np.ndarray, " n"] | None:
    """Marquardt's damped step, every unknown in its own scale; none where rounding forbids one."""
    scale = np.sqrt(np.diag(matrix) + TINY)
    damped = matrix / np.outer(scale, scale)
    damped[np.diag_indices_from(damped)] += damping
    try:
        factor = scipy.linalg.cho_factor(damped, check_finite=False)
    except scipy.linalg.LinAlgError:
        return None
    return scipy.linalg.cho_solve(factor, right / scale, check_finite=False) / scale
