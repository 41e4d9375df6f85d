"""Optimisers around a loss and gradient: the paper's descent, and SciPy's L-BFGS-B."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.optimize

from .panels import Panels

LossAndGradient = Callable[[Panels, np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Run:
    """The phases of a run, their error, and whether the goal was reached."""

    phases_rad: np.ndarray
    error: float
    reached: bool


def random_phases(panels: Panels, seed: int) -> np.ndarray:
    """Uniform over the turn, as in the paper."""
    return np.random.default_rng(seed).uniform(0, 2 * np.pi, panels.shape)


def gradient_descent(
    panels: Panels,
    phases_rad: np.ndarray,
    *,
    loss_and_gradient: LossAndGradient,
    decay: float,
    goal: float,
    iterations: int,
) -> Run:
    """eta <- zeta eta, xi <- xi - eta pi grad / max(grad), eq. (22), (23); signed maximum."""
    rate = 1.0
    error, gradient = loss_and_gradient(panels, phases_rad)
    for _ in range(iterations):
        if error <= goal:
            break
        rate *= decay
        phases_rad = phases_rad - rate * np.pi * gradient / gradient.max()
        error, gradient = loss_and_gradient(panels, phases_rad)
    return Run(phases_rad, error, error <= goal)


class _ReachedError(Exception):
    """Ends SciPy's loop at the goal."""


def lbfgs(
    panels: Panels,
    phases_rad: np.ndarray,
    *,
    loss_and_gradient: LossAndGradient,
    goal: float,
    evaluations: int,
) -> Run:
    """SciPy's L-BFGS-B with its stopping rules off, so that only the goal or the cap ends it."""
    best = Run(phases_rad, np.inf, reached=False)

    def evaluate(flat: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal best
        error, gradient = loss_and_gradient(panels, flat.reshape(panels.shape))
        if error < best.error:
            best = Run(flat.reshape(panels.shape), error, error <= goal)
        if best.reached:
            raise _ReachedError
        return error, gradient.ravel()

    options = {"maxfun": evaluations, "maxiter": evaluations, "ftol": 0.0, "gtol": 0.0}
    with contextlib.suppress(_ReachedError):
        scipy.optimize.minimize(
            evaluate, phases_rad.ravel(), jac=True, method="L-BFGS-B", options=options
        )
    return best
