"""Calibration in few directions against the full fit: bounds over how many, and simulated stacks.

Along an eigenvector of the pilots' information λ, in units of the prior, a fit with the prior
leaves 1 / (1 + λ) of the variance, one without it 1 / λ, and a direction that is not looked for 1.

Source: calibration paper, section V-E, asks for compact models; the study is ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float

from ..calibration import (
    Bounds,
    Calibration,
    Expected,
    Links,
    PilotPlan,
    Pilots,
    bayesian_cramer_rao,
    between_layers,
    calibrate,
    calibrate_in_subspace,
    delta_nmse,
    matrix_nmse,
    reference_power,
    simulate_pilots,
    without_prior,
)
from ..imperfections import GaussianErrors, Imperfections
from ..precision import float64, in_float64
from ..stack import Stack
from .strategy_comparison import built_stacks


@dataclass(frozen=True, eq=False)
class FewStudy:
    """What the most telling directions leave, from one to all of them.

    `told`: information along each, in units of the prior, the largest first. NMSEs are means over
    the matrices between layers, linear: `prior` before any pilot; `with_prior` and `no_prior` the
    bounds of so many directions; `measured` a row a stack: the few with the prior, the few without,
    all with the prior.
    """

    few: int
    told: Float[np.ndarray, " directions"]
    prior: float
    with_prior: Float[np.ndarray, " directions"]
    no_prior: Float[np.ndarray, " directions"]
    measured: Float[np.ndarray, "stacks 3"]


def study_few(
    stack: Stack,
    plan: PilotPlan,
    directions: Float[np.ndarray, "unknowns few"],
    expected: Expected,
    *,
    noise_variance: float,
    stacks: int,
    seed: int = 0,
) -> Iterator[FewStudy]:
    """Calibrate simulated stacks in few directions and in all; after each, all that is known.

    Stacks are drawn from Gaussian errors of the deviations that are expected. `noise_variance`: of
    one pilot at unit gain.
    """
    bound = bayesian_cramer_rao(stack, plan, expected, noise_variance=noise_variance)
    told, with_prior, no_prior = _left(bound)
    snr_db = 10 * np.log10(reference_power(stack, plan.illumination) / noise_variance)
    rows = list[list[float]]()
    drawn = Imperfections(expected.deviation, GaussianErrors())
    for number, made in enumerate(built_stacks(stack, drawn, stacks, seed)):
        key = jax.random.fold_in(jax.random.key(seed + 1), number)
        pilots = simulate_pilots(made, plan, snr_db=float(snr_db), key=key)
        found = three_fits(stack, pilots, directions, expected)
        rows.append([_missed(each, made, plan) for each in found])
        prior = float(between_layers(bound.prior_nmse).mean())
        few = directions.shape[1]
        yield FewStudy(few, told, prior, with_prior, no_prior, np.array(rows))


def three_fits(
    stack: Stack,
    pilots: Pilots,
    directions: Float[np.ndarray, "unknowns few"],
    expected: Expected,
) -> tuple[Calibration, Calibration, Calibration]:
    """In the directions with the prior, in the same without it, and of everything with it."""
    free, along = without_prior(stack, pilots.plan.illumination, directions, expected)
    return (
        calibrate_in_subspace(stack, pilots, directions, expected=expected),
        calibrate_in_subspace(stack, pilots, along, expected=free),
        calibrate(stack, pilots, expected=expected, starts=1),
    )


@in_float64
def _left(
    bound: Bounds,
) -> tuple[
    Float[np.ndarray, " directions"],
    Float[np.ndarray, " directions"],
    Float[np.ndarray, " directions"],
]:
    """Information along the most telling directions, and NMSEs of so many of them."""
    told, vectors = np.linalg.eigh(bound.information)
    told, vectors = np.maximum(told[::-1], np.finfo(float).tiny), vectors[:, ::-1]
    nominal = np.zeros(len(told))

    def nmse(variances: Float[np.ndarray, " directions"]) -> float:
        spread = (vectors * variances) @ vectors.T
        return float(between_layers(delta_nmse(bound.unknowns, nominal, spread)).mean())

    many = range(1, len(told) + 1)
    looked_for = np.arange(len(told))
    with_prior = [nmse(np.where(looked_for < few, 1 / (1 + told), 1.0)) for few in many]
    no_prior = [nmse(np.where(looked_for < few, 1 / told, 1.0)) for few in many]
    return told, np.array(with_prior), np.array(no_prior)


def _missed(found: Calibration, made: Stack, plan: PilotPlan) -> float:
    with float64():
        truth = Links.of_stack(made, plan.illumination)
        nmse = matrix_nmse(list(found.links), list(truth))
    return float(between_layers(nmse).mean())
