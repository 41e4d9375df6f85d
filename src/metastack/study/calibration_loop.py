"""What calibration wins back: a design on the stack that was drawn, and on the one that was built.

Three ways out are compared where the built stack no longer does what its phases were designed for:
phases designed again on the calibrated stack; the same phases, but directions read with the
calibrated response; and phases that were made robust beforehand, without any pilot.

Source: the loop of DESIGN.md; calibration paper, section I, for the first way.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex

from ..calibration import Calibration
from ..design import Design, GivenPhases, design_phases
from ..doa import (
    KnownNoise,
    LikelihoodReader,
    MaximumLikelihood,
    NoiseLevel,
    Protocol,
    monte_carlo,
    stack_experiment,
)
from ..precision import float64
from ..stack import Stack, response
from ..targets import decibels, insertion_loss_db, nmse


@dataclass(frozen=True)
class DirectionTask:
    """What the stack is for: directions, read by maximum likelihood from energies."""

    protocol: Protocol
    noise: NoiseLevel
    trials: int = 2000
    seed: int = 0
    confidence: float = 0.99


@dataclass(frozen=True)
class WayOut:
    """One way of using a stack: how well it computes its target, how well it reads directions.

    `mse`, `low`, `high`: of ψ/π, mean of both angles, and its confidence interval.
    """

    name: str
    nmse_db: float
    insertion_loss_db: float
    mse: float
    low: float
    high: float
    trials: int


def redesigned(
    design: Design, calibrated: Stack, *, insertion_loss_db: float | None = None, seed: int = 0
) -> Design:
    """Phases for the calibrated stack, going on from those of the nominal one.

    `insertion_loss_db`: as prescribed before; else it is left free.
    """
    return design_phases(
        calibrated,
        design.target,
        insertion_loss_db=insertion_loss_db,
        start_phases=GivenPhases(design.phases_rad),
        seed=seed,
    )[0]


def ways_out(
    design: Design,
    built: Stack,
    calibration: Calibration,
    redesign: Design,
    task: DirectionTask,
    *,
    robust: Design | None = None,
) -> Iterator[WayOut]:
    """Every way of using the built stack, the perfect and the unwitting one first."""
    calibrated = calibration.stack
    yield _way("stack as designed", design, design.stack, design.response, task)
    yield _way("built, not calibrated", design, built, design.response, task)
    known = _responds(calibrated, design)
    yield _way("same phases, calibrated response", design, built, known, task)
    again = _responds(calibrated, redesign)
    yield _way("designed again", redesign, built, again, task)
    if robust is not None:
        yield _way("robust design, not calibrated", robust, built, robust.response, task)
        known = _responds(calibrated, robust)
        yield _way("robust design, calibrated response", robust, built, known, task)


def _responds(stack: Stack, design: Design) -> Complex[np.ndarray, "receivers inputs"]:
    return np.asarray(response(stack, design.phases_rad))


def _way(
    name: str,
    design: Design,
    stack: Stack,
    believed: Complex[np.ndarray, "receivers inputs"],
    task: DirectionTask,
) -> WayOut:
    """Phases on a stack, its directions read with a response that is believed to be its."""
    G = _responds(stack, design)
    experiment = stack_experiment(G, task.protocol, task.noise, target=design.target)
    model = stack_experiment(believed, task.protocol, task.noise, target=design.target).model
    with float64():
        reader = LikelihoodReader(
            MaximumLikelihood.of(model, noise=KnownNoise(experiment.noise_variance))
        )
    errors = monte_carlo(
        experiment, reader, trials=task.trials, seed=task.seed, confidence=task.confidence
    )
    return WayOut(
        name,
        float(decibels(nmse(G, design.target))),
        float(insertion_loss_db(G)),
        errors.both_rad2 / np.pi**2,
        errors.both_low_rad2 / np.pi**2,
        errors.both_high_rad2 / np.pi**2,
        errors.trials,
    )
