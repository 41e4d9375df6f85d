"""Bounds of calibration, and what pilots cannot tell, against NumPy, Monte Carlo and symmetry."""

import jax.numpy as jnp
import numpy as np
import pilots_in_numpy
import pytest
from calibration_case import EXPECTED, ONE_USER, WAVELENGTH_M, case_study, noisy

from metastack import Pose, float64
from metastack.calibration import (
    Expected,
    OntoFirstLayer,
    PilotPlan,
    PlaneWaves,
    Unknowns,
    bayesian_cramer_rao,
    calibrate,
    cramer_rao,
    delta_nmse,
    noiseless,
    random_plan,
    reference_power,
    unseen_by,
    unseen_from,
)

BROADSIDE = OntoFirstLayer(PlaneWaves(np.zeros((1, 2))))
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
    np.testing.assert_allclose(
        published.link_nmse, np.einsum("pq,lpq->l", inverse, grams), rtol=1e-7
    )
    np.testing.assert_allclose(published.prior_nmse, np.trace(grams, axis1=1, axis2=2), rtol=1e-7)
    after, before = (each[1:-1].mean() for each in (published.link_nmse, published.prior_nmse))
    np.testing.assert_allclose(published.improvement_db, 10 * np.log10(before / after), rtol=1e-9)


def test_more_pilots_never_raise_a_bound(stack, plan, variance, published):
    """Information adds up: with half of the slots every deviation is as large or larger."""
    half = PilotPlan(plan.phases_rad[:50], ONE_USER)
    fewer = bayesian_cramer_rao(stack, half, EXPECTED, noise_variance=variance)
    assert np.all(fewer.deviation >= published.deviation)
    assert np.all(fewer.link_nmse >= published.link_nmse)


def test_unbiased_estimates_attain_the_cramer_rao_bound(stack, plan, variance):
    """Heights without a prior, 300 runs of noise: their variance is the bound's within 4 standard
    errors of a variance, sqrt(2 / 300); and no mean is off by more than 4 of its own."""
    bound = cramer_rao(stack, plan, HEIGHTS, noise_variance=variance)
    clean, rng = noiseless(stack, plan), np.random.default_rng(1)
    found = np.array(
        [
            calibrate(stack, noisy(plan, clean, variance, rng), expected=HEIGHTS).values
            for _ in range(300)
        ]
    )
    ratio = found.var(axis=0) / bound.deviation**2
    assert np.abs(ratio - 1).max() < 4 * np.sqrt(2 / 300)
    assert np.abs(found.mean(axis=0) / bound.deviation).max() < 4 / np.sqrt(300)


def test_the_error_of_matrices_is_that_of_poses_drawn_from_the_covariance(published):
    """The delta method against 400 draws: each mean NMSE within 4 of its standard errors and 1 % of
    curvature, which is a hundredth of displacements of 1 % of a wavelength."""
    unknowns, rng = published.unknowns, np.random.default_rng(2)
    draws = rng.multivariate_normal(np.zeros(12), published.covariance, 400)
    nominal = pilots_in_numpy.links(*pilots_in_numpy.applied(unknowns, np.zeros(12)))
    errors = np.array(
        [
            [
                np.sum(np.abs(A - B) ** 2) / np.sum(np.abs(B) ** 2)
                for A, B in zip(
                    pilots_in_numpy.links(*pilots_in_numpy.applied(unknowns, draw)),
                    nominal,
                    strict=True,
                )
            ]
            for draw in draws
        ]
    )
    standard = errors.std(axis=0) / np.sqrt(400)
    allowed = 4 * standard + 0.01 * published.link_nmse
    assert np.all(np.abs(errors.mean(axis=0) - published.link_nmse) < allowed)
    assert np.all(delta_nmse(unknowns, np.zeros(12), published.covariance) > 0)


def sentences(stack, illumination, expected, slots=200):
    plan = random_plan(stack, slots, illumination, seed=0)
    noise = 1e-3 * reference_power(stack, illumination)
    bound = bayesian_cramer_rao(stack, plan, expected, noise_variance=noise)
    return bound, unseen_from(bound, antennas=stack.receiver_array.size)


def test_one_antenna_and_a_broadside_user_cannot_see_a_common_rotation():
    """Everything is symmetric about the axis; said in words, and no number is to be printed."""
    _, told = sentences(case_study(antennas_per_side=1), BROADSIDE, EXPECTED)
    assert any(
        "common rotation of all layers (rz) cannot be seen with 1 antenna" in each
        for each in told.sentences
    )


def test_one_antenna_cannot_see_a_turn_about_the_line_to_the_user():
    """Six degrees of freedom, one antenna, one user: the distances to both stay the same if the
    whole stack turns about the line through them. Exactly one direction, and the printed axis is
    that of the user to two digits."""
    bound, told = sentences(case_study(antennas_per_side=1), ONE_USER, SIX)
    values = np.linalg.eigvalsh(bound.information)
    assert values[0] < 1e-10 * values[-1] < 1e-6 * values[1]
    (sentence,) = [each for each in told.sentences if "cannot be seen" in each]
    assert "rigid rotation" in sentence
    axis = np.array([float(part) for part in sentence.split("(")[1].split(")")[0].split(",")])
    user = ONE_USER.waves.coordinates[0] / 30
    np.testing.assert_allclose(np.abs(axis @ user), 1, atol=0.01)


def test_what_cannot_be_seen_leaves_pilots_unchanged():
    """Along that direction pilots change by their gain alone: a second step of half the size leaves
    a quarter, and both far less than a step in any other direction."""
    stack = case_study(antennas_per_side=1)
    bound, _ = sentences(stack, ONE_USER, SIX)
    _, directions = np.linalg.eigh(bound.information)
    plan = random_plan(stack, 60, ONE_USER, seed=3)
    nominal = noiseless(stack, plan)

    def change(direction, size):
        with float64():
            moved, lit = bound.unknowns.applied(jnp.asarray(size * direction))
        y = noiseless(moved, PilotPlan(plan.phases_rad, lit))
        gain = np.vdot(nominal, y) / np.vdot(nominal, nominal)
        return np.linalg.norm(y - gain * nominal) / np.linalg.norm(nominal)

    whole, half = (change(directions[:, 0], size) for size in (0.1, 0.05))
    assert 3.5 < whole / half < 4.5
    assert whole < 0.05 * change(directions[:, 1], 0.1)


def test_four_antennas_and_oblique_waves_see_every_motion(stack):
    """Nothing structural is left: no sentence says that something cannot be seen at all."""
    waves = PlaneWaves(np.array([[0.5, 0.1], [-0.3, 0.4]]))
    _, told = sentences(stack, OntoFirstLayer(waves), SIX)
    assert not any("cannot be seen" in each for each in told.sentences)


def test_no_number_is_printed_for_what_the_prior_alone_tells(stack, plan, variance, published):
    """Unseen is what keeps more than half of its prior variance, from bounds and from a fit."""
    told = unseen_from(published, antennas=4)
    np.testing.assert_array_equal(told.is_unseen, np.diag(published.covariance) > 0.5)
    assert told.is_unseen.any()
    assert not told.is_unseen.all()
    pilots = noisy(plan, noiseless(stack, plan), variance, np.random.default_rng(4))
    found = unseen_by(calibrate(stack, pilots, expected=EXPECTED))
    np.testing.assert_array_equal(found.is_unseen, told.is_unseen)


def test_what_has_no_prior_and_no_pilots_is_unbounded():
    """One antenna, broadside, rotations alone and nothing known: all four together are not seen."""
    stack = case_study(antennas_per_side=1)
    free = Expected(Pose(rz_rad=np.inf))
    plan = random_plan(stack, 100, BROADSIDE, seed=0)
    bound = cramer_rao(stack, plan, free, noise_variance=1e-3)
    assert np.isinf(bound.deviation).all()
    assert Unknowns.of(stack, BROADSIDE, free).size == 4
