"""Bounds of calibration, and what pilots cannot tell, against NumPy, Monte Carlo and symmetry."""

import numpy as np
import pilots_in_numpy
import pytest
from calibration_case import EXPECTED, ONE_USER, THREE_USERS, WAVELENGTH_M, case_study, noisy

from metastack import Pose
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
from metastack.calibration.least_squares import covariance
from metastack.calibration.unseen import unseen

OBLIQUE = OntoFirstLayer(PlaneWaves(np.array([[0.5, 0.3]])))
BROADSIDE = OntoFirstLayer(PlaneWaves(np.zeros((1, 2))))
# The paper's three degrees of freedom, of which nothing is known.
UNKNOWN = Expected(Pose(dy_m=np.inf, dz_m=np.inf, rz_rad=np.inf))


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


def test_more_pilots_never_raise_a_bound(published, plan, variance):
    """Information adds up, and more: a gain that all slots share is better known from all. The rest
    of 100 slots' information less that of 50, and the fall of the covariance, has no negative
    eigenvalue but rounding. One size of plan a call: the last 50 slots are the first ones again."""
    half = PilotPlan(np.concatenate([plan.phases_rad[:50]] * 2), ONE_USER)
    fewer = bayesian_cramer_rao(
        published.unknowns.stack, half, EXPECTED, noise_variance=2 * variance
    )
    gained = np.linalg.eigvalsh(published.information - fewer.information)
    fallen = np.linalg.eigvalsh(fewer.covariance - published.covariance)
    assert min(gained[0] / gained[-1], fallen[0] / fallen[-1]) > -1e-10
    assert (fewer.link_nmse >= published.link_nmse).all()
    assert fewer.improvement_db < published.improvement_db


def test_unbiased_estimates_attain_the_cramer_rao_bound(stack, plan, variance):
    """Without a prior, at 60 dB where pilots are linear in all errors, 200 runs of noise: variances
    are those of the bound to 4 standard errors, (2 / 200)^½ each, means are 0 to 4 of theirs, and
    what is left in units of the covariance is chi-square of 12. Any matrix may have been anything
    before."""
    noise = 1e-4 * variance
    bound = cramer_rao(stack, plan, UNKNOWN, noise_variance=noise)
    clean, rng = noiseless(stack, plan), np.random.default_rng(1)
    runs = [noisy(plan, clean, noise, rng) for _ in range(200)]
    found = np.array([calibrate(stack, each, expected=UNKNOWN).values for each in runs])
    assert np.abs(found.var(axis=0) / bound.deviation**2 - 1).max() < 4 * np.sqrt(2 / 200)
    assert np.abs(found.mean(axis=0) / bound.deviation).max() < 4 / np.sqrt(200)
    squared = np.einsum("np,pq,nq->n", found, np.linalg.inv(bound.covariance), found)
    assert abs(squared.mean() - 12) < 4 * np.sqrt(24 / 200)
    assert np.isinf(bound.prior_nmse).all()
    assert np.isfinite(bound.link_nmse).all()


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


class Told:
    """What pilots at 30 dB tell and do not, by information from central differences in NumPy."""

    def __init__(self, stack, illumination, expected, slots=200):
        self.unknowns = Unknowns.of(stack, illumination, expected)
        plan = random_plan(stack, slots, illumination, seed=0)
        noise = 1e-3 * np.mean(np.abs(self.pilots(np.zeros(self.unknowns.size), plan)) ** 2)
        self.information = pilots_in_numpy.information(
            self.unknowns, plan, noise, pilots_in_numpy.one_gain
        )
        self.unseen = unseen(self.unknowns, self.information, antennas=stack.receiver_array.size)

    def pilots(self, values, plan):
        moved = pilots_in_numpy.applied(self.unknowns, values)
        return pilots_in_numpy.pilots(*moved, np.exp(1j * plan.phases_rad))


def test_one_antenna_and_a_broadside_user_cannot_see_a_common_rotation():
    """Everything is symmetric about the axis; said in words, and no number is to be printed."""
    told = Told(case_study(antennas_per_side=1), BROADSIDE, EXPECTED)
    (sentence,) = [each for each in told.unseen.sentences if "cannot be seen" in each]
    assert "a common rotation of all layers (rz) cannot be seen with 1 antenna" in sentence
    free = Told(case_study(antennas_per_side=1), BROADSIDE, Expected(Pose(rz_rad=np.inf)))
    assert len(free.unseen.sentences) == 1
    assert free.unseen.is_unseen.all()
    assert np.isinf(covariance(free.information, free.unknowns.precision, 2.0).diagonal()).all()


def test_a_second_antenna_sees_a_common_rotation():
    """Beside the axis: it is not said any more. (At 90° the square of antennas is another one.)"""
    told = Told(case_study(antennas_per_side=2), BROADSIDE, EXPECTED)
    assert not any("cannot be seen" in each for each in told.unseen.sentences)


@pytest.mark.parametrize("lit", [ONE_USER, OBLIQUE], ids=["near", "far"])
def test_one_antenna_cannot_see_a_turn_about_the_line_to_the_user(lit):
    """Six degrees of freedom, one antenna, one user: the distances to both stay the same if the
    whole stack turns about the line through them. Exactly one direction, and the printed axis is
    that of the user, to two digits."""
    told = Told(case_study(antennas_per_side=1), lit, SIX)
    values = np.linalg.eigvalsh(told.information)
    assert abs(values[0]) < 1e-10 * values[-1] < 1e-5 * values[1]
    (sentence,) = told.unseen.sentences
    assert "a rigid rotation of the stack about an axis along" in sentence
    assert "cannot be seen with 1 antenna" in sentence
    axis = np.array([float(part) for part in sentence.split("(")[1].split(")")[0].split(",")])
    at = lit.waves.coordinates[0]
    user = at / 30 if len(at) == 3 else np.append(at, np.sqrt(1 - at @ at))
    np.testing.assert_allclose(np.abs(axis @ user), 1, atol=0.01)


def test_what_cannot_be_seen_leaves_pilots_unchanged():
    """Along that direction pilots change by their gain alone, to second order: half the step leaves
    a quarter; a step that is seen leaves in proportion, and of 1e-4 of a unit a hundred times as
    much in the direction that is seen least."""
    stack = case_study(antennas_per_side=1)
    told = Told(stack, ONE_USER, SIX)
    _, directions = np.linalg.eigh(told.information)
    plan = random_plan(stack, 60, ONE_USER, seed=3)
    nominal = told.pilots(np.zeros(24), plan)

    def change(direction, size):
        y = told.pilots(size * direction, plan)
        gain = np.vdot(nominal, y) / np.vdot(nominal, nominal)
        return np.linalg.norm(y - gain * nominal) / np.linalg.norm(nominal)

    unseen_changes = [change(directions[:, 0], size) for size in (0.2, 0.1, 1e-4)]
    seen_changes = [change(directions[:, 1], size) for size in (0.2, 0.1, 1e-4)]
    assert 3.8 < unseen_changes[0] / unseen_changes[1] < 4.2
    assert 1.9 < seen_changes[0] / seen_changes[1] < 2.1
    assert unseen_changes[2] < 0.01 * seen_changes[2]


def test_four_antennas_and_oblique_users_see_every_motion(stack):
    """Three of them: nothing is left unseen, and nothing is said."""
    told = Told(stack, THREE_USERS, SIX, slots=400)
    assert told.unseen.sentences == ()
    assert not told.unseen.is_unseen.any()


def test_a_common_shift_is_named():
    """Plane waves through one antenna of a stack whose receivers move along: only the phase of the
    whole changes with a lateral shift, and that is the gain's."""
    stack = case_study(antennas_per_side=1)
    everywhere = Pose(dx_m=1e-4 * np.array([0, 1, 1, 1, 1, 1]), dy_m=1e-4)
    told = Told(stack, OBLIQUE, Expected(everywhere))
    (sentence,) = told.unseen.sentences
    assert sentence.startswith("a common lateral shift (dx) cannot be seen with 1 antenna")


def test_no_number_is_printed_for_what_the_prior_alone_tells(stack, plan, variance, published):
    """Unseen is what keeps more than half of its prior variance, from bounds and from a fit."""
    told = unseen_from(published, antennas=4)
    assert told.sentences == unseen(published.unknowns, published.information, antennas=4).sentences
    np.testing.assert_array_equal(told.is_unseen, np.diag(published.covariance) > 0.5)
    assert told.is_unseen.any()
    assert not told.is_unseen.all()
    pilots = noisy(plan, noiseless(stack, plan), variance, np.random.default_rng(4))
    found = unseen_by(calibrate(stack, pilots, expected=EXPECTED))
    np.testing.assert_array_equal(found.is_unseen, told.is_unseen)
