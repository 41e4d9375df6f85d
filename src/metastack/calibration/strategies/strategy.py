"""A strategy: pilots in, a calibrated stack with its uncertainty out.

Gradient-based ones search anew for every device: over poses, or over every coefficient as the
paper does. Prepared ones (codebook, linear map, unrolled network) have done most of their work
beforehand, for one stack and one plan of pilots.

How far off an answer is, it says itself. Given pilots and prior, the mean square error about an
answer v is C + δδᵀ: the covariance C about the best estimate v + δ, and the way δ that an answer
is short of it, which one Gauss-Newton step from the answer tells to first order. An answer that is
the best estimate has no δ; one of free coefficients, or of a search cut short, may have a large
one. The linear map knows its covariance from the stacks that it was learned from.

Source: calibration paper, section III-C; the uncertainty of answers is ours.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ...errors import require
from ...precision import in_float64
from ...stack import Stack
from ..entry_methods import EntryMethod
from ..gains import Gains, OneGain
from ..gauge_orbit import poses_on_gauge_orbit
from ..geometric import Calibration, calibrate, calibration_of
from ..least_squares import Ending, Fit, covariance, linear_problem
from ..links import Links
from ..per_entry import Stages, calibrate_entries
from ..pilot_model import PoseModel, predicted
from ..pilots import Pilots
from ..unknowns import Expected, Unknowns

# Directions with less than this share of the information are not told at all.
_UNTOLD = 1e-13


class Strategy(Protocol):
    """One way to calibrate."""

    @property
    def name(self) -> str:
        """What tables and figures call it."""
        ...

    def calibrate(self, stack: Stack, pilots: Pilots) -> "Estimate":
        """The built stack, from the nominal one and pilots.

        Raises:
            InputError: pilots that the strategy is not for.
        """
        ...


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a strategy says: a calibration in poses, and the links that it believes in.

    `links` are those of the calibrated stack, save for free coefficients, whose own ones they are.
    """

    calibration: Calibration
    links: Links


@dataclass(frozen=True, eq=False)
class Geometric:
    """The default: the poses that explain pilots, by Levenberg-Marquardt with a prior."""

    expected: Expected
    gains: Gains | None = None
    iterations: int = 50
    seed: int = 0

    @property
    def name(self) -> str:
        """What tables and figures call it."""
        return "geometric"

    def calibrate(self, stack: Stack, pilots: Pilots) -> Estimate:
        """See `metastack.calibration.calibrate`."""
        found = calibrate(
            stack,
            pilots,
            expected=self.expected,
            gains=self.gains,
            iterations=self.iterations,
            seed=self.seed,
        )
        return Estimate(found, found.links)


@dataclass(frozen=True, eq=False)
class FreeEntries:
    """The paper's: every coefficient by gradient; its poses by a fit on the gauge orbit."""

    expected: Expected
    method: EntryMethod | None = None
    stages: Stages | None = None

    @property
    def name(self) -> str:
        """What tables and figures call it."""
        return "free entries"

    def calibrate(self, stack: Stack, pilots: Pilots) -> Estimate:
        """See `metastack.calibration.calibrate_entries`."""
        found = calibrate_entries(stack, pilots, method=self.method, stages=self.stages)
        unknowns = Unknowns.of(stack, pilots.plan.illumination, self.expected)
        values = poses_on_gauge_orbit(found.links, unknowns)
        ending = Ending.PROJECTED if found.ending is Ending.CONVERGED else found.ending
        return Estimate(calibration_at(values, unknowns, pilots, ending), found.links)


@dataclass(frozen=True, eq=False)
class ShortFit(Fit):
    """Values that may be short of the best: `short` is the step that would lead there."""

    short: Float[np.ndarray, " unknowns"]

    @cached_property
    def covariance(self) -> Float[np.ndarray, "unknowns unknowns"]:
        """Mean square errors about the values, given pilots and prior."""
        about_best = covariance(self.matrix, self.precision, self.noise_variance)
        return about_best + np.outer(self.short, self.short)


@in_float64
def calibration_at(
    values: Float[np.ndarray, " unknowns"],
    unknowns: Unknowns,
    pilots: Pilots,
    ending: Ending,
) -> Calibration:
    """The calibration that says these values, one overall gain being unknown.

    Its uncertainty is that of the best estimate and how far the values are from it.
    """
    model, found, short = _fit_at(values, unknowns, pilots, ending)
    found = ShortFit(**vars(found), short=short)
    return calibration_of(unknowns.stack, pilots, unknowns, model, found, OneGain())


@in_float64
def calibration_within(
    values: Float[np.ndarray, " unknowns"],
    unknowns: Unknowns,
    pilots: Pilots,
    ending: Ending,
    spread: Float[np.ndarray, "unknowns unknowns"],
) -> Calibration:
    """As `calibration_at`, with a covariance of the values, in units of the unknowns."""
    model, found, _ = _fit_at(values, unknowns, pilots, ending)
    told = _matrix(spread, unknowns.precision, found.noise_variance)
    found = replace(found, matrix=told)
    return calibration_of(unknowns.stack, pilots, unknowns, model, found, OneGain())


def _fit_at(
    values: Float[np.ndarray, " unknowns"], unknowns: Unknowns, pilots: Pilots, ending: Ending
) -> tuple[PoseModel, Fit, Float[np.ndarray, " unknowns"]]:
    """Model and fit at these values, and the Gauss-Newton step from there."""
    model, gains = PoseModel.of(unknowns, pilots.plan), OneGain()
    measured, at = jnp.asarray(pilots.received), jnp.asarray(values, float)
    energy = float(np.sum(np.abs(pilots.received) ** 2))
    _, before = linear_problem(model, gains, jnp.zeros(unknowns.size), measured)
    J, r = linear_problem(model, gains, at, measured)
    shape = predicted(model, at)
    gain = gains.fitted(shape, measured)
    left = float(r @ r)
    free = max(2 * measured.size - 2 - unknowns.size, 1)
    variance = 2 * left / free if pilots.noise_variance is None else pilots.noise_variance
    found = Fit(
        np.asarray(values),
        J.T @ J,
        unknowns.precision,
        variance,
        np.asarray(measured - gain * shape),
        np.asarray(gain),
        np.array([float(before @ before), left]) / energy,
        ending,
    )
    pull = variance / 2 * unknowns.precision
    short = np.linalg.lstsq(J.T @ J + np.diag(pull), J.T @ r - pull * found.values, rcond=_UNTOLD)
    return model, found, short[0]


def known_noise(pilots: Pilots, who: str) -> float:
    """The noise variance of pilots.

    Raises:
        InputError: it is not known, or zero.
    """
    variance = pilots.noise_variance
    require(
        variance is not None and variance > 0,
        f"`noise_variance` of the pilots must be known and positive for {who}, but is {variance}.",
    )
    assert variance is not None
    return variance


def _matrix(
    spread: Float[np.ndarray, "n n"], precision: Float[np.ndarray, " n"], variance: float
) -> Float[np.ndarray, "n n"]:
    """H with which (2 H / σ² + Λ)^{-1} is this covariance."""
    return variance / 2 * (np.linalg.inv(spread) - np.diag(precision))
