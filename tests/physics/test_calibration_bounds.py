"""Bounds of calibration, and what pilots cannot tell, against NumPy, Monte Carlo and symmetry."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pilots_in_numpy
import pytest
from calibration_case import (
    EXPECTED,
    ONE_USER,
    PUBLISHED,
    THREE_USERS,
    WAVELENGTH_M,
    built_stacks,
    case_study,
    everywhere,
    noisy,
)

from metastack import InputError, Pose
from metastack.calibration import (
    Expected,
    GainPerPort,
    KnownGain,
    OneGain,
    OntoFirstLayer,
    PilotPlan,
    PlaneWaves,
    Unknowns,
    bayesian_cramer_rao,
    bounds_from,
    calibrate,
    cramer_rao,
    delta_nmse,
    matrix_nmse,
    noiseless,
    prior_nmse,
    random_plan,
    reference_power,
    unseen_by,
    unseen_from,
)
from metastack.calibration.unseen import unseen

RNG = np.random.default_rng(0)
BROADSIDE = OntoFirstLayer(PlaneWaves(np.zeros((1, 2))))
OBLIQUE = OntoFirstLayer(PlaneWaves(np.array([[0.5, 0.3]])))
HEIGHTS = Expected(Pose(dy_m=np.inf))


def every_layer(shift_m, turn_rad):
    return Pose(*[shift_m] * 3, *[turn_rad] * 3)


SIX = Expected(every_layer(0.02 * WAVELENGTH_M, 0.02))


@pytest.fixture(scope="module")
def stack():
    return case_study()


@pytest.fixture(scope="module")
def plan(stack):
    return random_plan(stack, 100, ONE_USER, seed=0)


@pytest.fixture(scope="module")
def variance(stack):
    """20 dB."""
    return 0.01 * reference_power(stack, ONE_USER)


@pytest.fixture(scope="module")
def published(stack, plan, variance):
    return bayesian_cramer_rao(stack, plan, EXPECTED, noise_variance=variance)


def test_bounds_are_what_central_differences_make_of_them(plan, variance, published):
    """Information, covariance and errors of matrices from pilots in NumPy, their differences, and
    the gain taken out by orthogonal projection. 1e-8: differences leave out 1e-9 of slopes."""
    unknowns = published.unknowns
    information = pilots_in_numpy.information(unknowns, plan, variance, pilots_in_numpy.one_gain)
    scale = np.abs(information).max()
    np.testing.assert_allclose(published.information, information, atol=1e-8 * scale)
    inverse = np.linalg.inv(information + np.eye(12))
    np.testing.assert_allclose(published.covariance, inverse, atol=1e-8)
    np.testing.assert_allclose(published.deviation, np.sqrt(np.diag(inverse)), rtol=1e-7)
    grams = pilots_in_numpy.link_grams(unknowns)
    np.testing.assert_allclose(published.link_nmse, np.einsum("pq,lpq->l", inverse, grams), rtol=1e-7)
    np.testing.assert_allclose(published.prior_nmse, np.trace(grams, axis1=1, axis2=2), rtol=1e-7)
    after, before = (each[1:-1].mean() for each in (published.link_nmse, published.prior_nmse))
    np.testing.assert_allclose(published.improvement_db, 10 * np.log10(before / after), rtol=1e-9)
