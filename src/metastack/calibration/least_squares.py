"""Levenberg-Marquardt with a prior, unknown gains projected out.

Minimised is ||y - g f(v)||² / σ² + vᵀ Λ v / 2, with g the best gains for every v. The noise
variance σ² is given or found along the way as that of the residual.

Source: the steps are those of `damped_step`; variable projection in L. Kaufman's form, BIT 15
(1975) 49.
"""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array, Complex, Float

from .damped_step import FIRST_DAMPING, SETTLED_DEVIATIONS, TINY, Point, damped_step
from .gains import LinearGains
from .pilot_model import PilotModel


class Ending(Enum):
    """How a fit ended; the value is the sentence for the user."""

    CONVERGED = "The fit converged: a further step would change nothing that the noise can show."
    BUDGET_SPENT = "All iterations were used before the fit converged."
    INTERRUPTED = "The fit was stopped by the user; this is how far it came."
    SEARCHED = "The candidates of the codebook were searched as deep as the noise lets pilots tell."
    CUT_SHORT = (
        "The codebook's candidates were used up before the search was as deep as the noise lets; "
        "deviations include how far the answer is from the best one."
    )
    PROJECTED = (
        "The fit of every coefficient converged, and poses were fitted to the coefficients; "
        "deviations include how far these poses are from those that explain the pilots best."
    )
    MAPPED = "The answer was computed by what was learned beforehand; nothing was iterated."


@dataclass(frozen=True, eq=False)
class Fit:
    """Values that fit pilots best, given what was known beforehand.

    `matrix`: H of the last values, so that their covariance is (2 H / σ² + Λ)^{-1}. `history`:
    residual energy over that of what was measured, before the first and after every step.
    """

    values: Float[np.ndarray, " unknowns"]
    matrix: Float[np.ndarray, "unknowns unknowns"]
    precision: Float[np.ndarray, " unknowns"]
    noise_variance: float
    residual: Complex[np.ndarray, "slots antennas users *frequencies"]
    gain: Complex[np.ndarray, "_ _ _ ..."]
    history: Float[np.ndarray, " iterations"]
    ending: Ending

    @property
    def objective(self) -> float:
        """What was minimised, times σ²; comparable between starts of one noise variance."""
        energy = float(np.sum(np.abs(self.residual) ** 2))
        return energy + self.noise_variance / 2 * float(self.precision @ self.values**2)

    @cached_property
    def covariance(self) -> Float[np.ndarray, "unknowns unknowns"]:
        """Posterior covariance; infinite along what neither pilots nor prior tell."""
        return covariance(self.matrix, self.precision, self.noise_variance)


def covariance(
    matrix: Float[np.ndarray, "unknowns unknowns"],
    precision: Float[np.ndarray, " unknowns"],
    noise_variance: float,
) -> Float[np.ndarray, "unknowns unknowns"]:
    """(2 H / σ² + Λ)^{-1}, also without noise; infinite variance where nothing is told."""
    weight = noise_variance / 2
    scale = np.sqrt(np.diag(matrix) + weight * precision + TINY)
    table = (matrix + weight * np.diag(precision)) / np.outer(scale, scale)
    eigenvalues, vectors = np.linalg.eigh(table)
    told = eigenvalues > _UNTOLD * max(eigenvalues[-1], TINY)
    vectors = vectors / scale[:, None]
    result = weight * (vectors[:, told] / eigenvalues[told]) @ vectors[:, told].T
    untold = (vectors[:, ~told] ** 2).sum(axis=1) > _UNTOLD * (vectors**2).sum(axis=1)
    result[untold, untold] = np.inf
    return result


# Eigenvalues of the scaled information below this share of the largest are rounding.
_UNTOLD = 1e-12
# Noise below this share of the pilots is rounding, in which no fit settles.
_ROUNDING_NMSE = 1e-20
# However many unknowns there are, this share of the responses is taken to be noise.
_LEAST_FREEDOM = 0.05


def fit(
    model: PilotModel,
    measured: Complex[np.ndarray, "slots antennas users *frequencies"],
    gains: LinearGains,
    precision: Float[np.ndarray, " unknowns"],
    *,
    noise_variance: float | None,
    start: Float[np.ndarray, " unknowns"] | None = None,
    iterations: int = 50,
) -> Fit:
    """The values of a model's unknowns that fit pilots best. Ctrl-C ends it with what it has.

    `precision`: inverse prior variance of every unknown about 0, Λ; 0 without a prior.
    """
    problem = _Problem(model, measured, gains, precision, noise_variance)
    point = problem.at(np.zeros(len(precision)) if start is None else start)
    history, damping, ending = [point.energy], FIRST_DAMPING, Ending.BUDGET_SPENT
    variance = problem.variance(point, point.energy / measured.size)
    try:
        for _ in range(iterations):
            step = damped_step(problem, point, variance, damping)
            if step is None:
                ending = Ending.CONVERGED
                break
            is_short = step.deviations < SETTLED_DEVIATIONS
            point, damping = problem.at(step.values), step.damping
            history.append(point.energy)
            before, variance = variance, problem.variance(point, variance)
            if is_short and abs(variance - before) <= 0.01 * max(before, problem.rounding):
                ending = Ending.CONVERGED
                break
    except KeyboardInterrupt:
        ending = Ending.INTERRUPTED
    residual, gain = problem.residual(point.values)
    return Fit(
        point.values,
        point.matrix,
        precision,
        variance,
        residual,
        gain,
        np.array(history) / np.sum(np.abs(measured) ** 2),
        ending,
    )


class _Problem:
    """The model, the pilots and the prior of one fit."""

    def __init__(
        self,
        model: PilotModel,
        measured: Complex[np.ndarray, "slots antennas users *frequencies"],
        gains: LinearGains,
        precision: Float[np.ndarray, " unknowns"],
        noise_variance: float | None,
    ) -> None:
        self.model, self.gains, self.precision = model, gains, precision
        self.measured = jnp.asarray(measured)
        self.free = measured.size - gains.count(measured.shape)
        self.rounding = _ROUNDING_NMSE * float(np.mean(np.abs(measured) ** 2))
        self._known_variance = noise_variance

    def at(self, values: Float[np.ndarray, " unknowns"]) -> Point:
        """The equations about some values."""
        J, r = linear_problem(self.model, self.gains, jnp.asarray(values), self.measured)
        return Point(values, float(r @ r), J.T @ J, J.T @ r)

    def residual(
        self, values: Float[np.ndarray, " unknowns"]
    ) -> tuple[
        Complex[np.ndarray, "slots antennas users *frequencies"], Complex[np.ndarray, "_ _ _ ..."]
    ]:
        """What is left of the pilots, and the gains."""
        at = jnp.asarray(values)
        residual, gain = _residual(self.model, self.gains, at, self.measured)
        return np.asarray(residual), np.asarray(gain)

    def energy(self, values: Float[np.ndarray, " unknowns"]) -> float:
        """Of the residual."""
        residual, _ = self.residual(values)
        return float(np.sum(np.abs(residual) ** 2))

    def variance(self, point: Point, latest: float) -> float:
        """Of the noise: as known, or what is left once gains and unknowns have had their share."""
        if self._known_variance is not None:
            return self._known_variance
        matrix, weight = point.matrix, latest / 2 * self.precision
        lifted = matrix + np.diag(weight + TINY + 1e-14 * np.diag(matrix).max())
        fitted = float(np.trace(scipy.linalg.solve(lifted, matrix, assume_a="pos")))
        return point.energy / max(self.free - fitted / 2, _LEAST_FREEDOM * self.measured.size)


@eqx.filter_jit
def _residual(
    model: PilotModel,
    gains: LinearGains,
    values: Float[Array, " unknowns"],
    measured: Complex[Array, "slots antennas users *frequencies"],
) -> tuple[Complex[Array, "slots antennas users *frequencies"], Complex[Array, "_ _ _ ..."]]:
    predicted = model.predict(values)
    gain = gains.fitted(predicted, measured)
    return measured - gain * predicted, gain


def linear_problem(
    model: PilotModel,
    gains: LinearGains,
    values: Float[Array, " unknowns"],
    measured: Complex[Array, "slots antennas users *frequencies"],
) -> tuple[Float[np.ndarray, "numbers unknowns"], Float[np.ndarray, " numbers"]]:
    """Jacobian J, gains projected out, and residual r, their real parts above the imaginary."""
    J, r = _linear_problem(model, gains, values, measured)
    return np.asarray(J), np.asarray(r)


@eqx.filter_jit
def _linear_problem(
    model: PilotModel,
    gains: LinearGains,
    values: Float[Array, " unknowns"],
    measured: Complex[Array, "slots antennas users *frequencies"],
) -> tuple[Float[Array, "numbers unknowns"], Float[Array, " numbers"]]:
    predicted, slopes = model.linearise(values)
    gain = gains.fitted(predicted, measured)
    residual = measured - gain * predicted
    J = (gain[..., None] * gains.projected(predicted, slopes)).reshape(measured.size, -1)
    r = jnp.concatenate([residual.real.ravel(), residual.imag.ravel()])
    return jnp.concatenate([J.real, J.imag]), r
