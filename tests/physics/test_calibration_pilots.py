"""Pilots: their noise is the stated one, their convention is told apart, foreign ones refused."""

import jax
import numpy as np
import pytest
from calibration_case import EXPECTED, ONE_USER, PUBLISHED, THREE_USERS, case_study

import metastack as ms
from metastack import InputError
from metastack.calibration import (
    OURS,
    Convention,
    Expected,
    FromInputPorts,
    PilotPlan,
    Pilots,
    PlaneWaves,
    SphericalWaves,
    calibrate,
    in_our_convention,
    likelier_convention,
    noiseless,
    random_plan,
    reference_power,
    simulate_pilots,
    with_negated_phases,
)


@pytest.fixture(scope="module")
def stack():
    return case_study(atoms_per_side=4, layers=3)


@pytest.fixture(scope="module")
def built(stack):
    return ms.built(stack, PUBLISHED, jax.random.key(0))


def test_noise_has_the_stated_variance(stack):
    """The SNR is per antenna and slot, of random phases: 4000 complex normal numbers have their
    variance within 4 deviations of 1/sqrt(4000); and the gain multiplies signal and noise alike."""
    plan = random_plan(stack, 1000, ONE_USER, seed=0)
    clean = noiseless(stack, plan)
    pilots = simulate_pilots(stack, plan, snr_db=13, key=jax.random.key(1), gain=0.5j)
    assert pilots.noise_variance == pytest.approx(
        0.25 * reference_power(stack, ONE_USER) * 10**-1.3, rel=1e-12
    )
    found = np.mean(np.abs(pilots.received - 0.5j * clean) ** 2) / pilots.noise_variance
    assert abs(found - 1) < 4 / np.sqrt(clean.size)


def test_the_reference_is_the_mean_power_of_random_pilots(stack):
    """Other random pilots: equal within 4 of their own standard errors, both counted."""
    power = np.abs(noiseless(stack, random_plan(stack, 2000, ONE_USER, seed=7))) ** 2
    error = power.mean(axis=(1, 2)).std() / np.sqrt(500)
    assert abs(power.mean() - reference_power(stack, ONE_USER)) < 4 * error


def test_discrete_random_phases_are_those_of_the_codes(stack):
    phases = random_plan(stack, 50, ONE_USER, seed=0, bits=2).phases_rad
    assert set(np.unique(phases)) == {0, np.pi / 2, np.pi, 3 * np.pi / 2}


def test_a_far_user_is_the_limit_of_a_near_one(stack):
    """A user a thousand metres away: the plane wave that comes from there, up to the curvature
    k a² / 2 r over an aperture of half-size a, here 3e-4."""
    azimuth, elevation = np.radians([30.0]), np.radians([20.0])
    near = SphericalWaves.from_directions(azimuth, elevation, np.array([1000.0]))
    x, y, _ = -near.coordinates[0] / 1000
    with ms.float64():
        points = stack.planes[1].positions_m
        spherical = np.asarray(near(points, stack.wavelength_m))
        plane = np.asarray(PlaneWaves(np.array([[x, y]]))(points, stack.wavelength_m))
    assert np.abs(spherical - plane).max() < 1e-3


@pytest.mark.parametrize("conjugated", [False, True])
@pytest.mark.parametrize("negated", [False, True])
def test_every_convention_is_told_apart(stack, built, conjugated, negated):
    """However the pilots were written down, reading them as told gives them back."""
    pilots = simulate_pilots(
        built, random_plan(stack, 80, ONE_USER, seed=0), snr_db=20, key=jax.random.key(1), gain=1j
    )
    written = in_our_convention(pilots) if conjugated else pilots
    written = with_negated_phases(written) if negated else written
    told = likelier_convention(stack, written)
    assert told == Convention(conjugated, negated)
    np.testing.assert_array_equal(told.read(written).received, pilots.received)
    np.testing.assert_array_equal(told.read(written).plan.phases_rad, pilots.plan.phases_rad)


def test_noise_alone_has_no_convention(stack):
    rng = np.random.default_rng(0)
    y = rng.normal(size=(40, 4)) + 1j * rng.normal(size=(40, 4))
    assert (
        likelier_convention(stack, Pilots.measured(random_plan(stack, 40, ONE_USER, seed=0), y))
        == OURS
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y[:-1], "a row for each of the 5 slots"),
        (lambda y: y[..., None], "slots x antennas x users"),
        (lambda y: y * np.nan, "20 values that are not; the first is of slot 0"),
        (lambda y: 0 * y, "is all zero"),
    ],
)
def test_responses_that_cannot_be_are_refused(stack, change, message):
    plan = random_plan(stack, 5, ONE_USER, seed=0)
    with pytest.raises(InputError, match=message):
        Pilots.measured(plan, change(noiseless(stack, plan)))


@pytest.mark.parametrize("variance", [-1.0, float("nan"), float("inf")])
def test_noise_that_cannot_be_is_refused(stack, variance):
    plan = random_plan(stack, 5, ONE_USER, seed=0)
    with pytest.raises(InputError, match="`noise_variance`"):
        Pilots.measured(plan, noiseless(stack, plan), variance)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (case_study(atoms_per_side=4, layers=2), "as the stack"),
        (case_study(atoms_per_side=5, layers=3), "as the stack"),
        (case_study(antennas_per_side=1, atoms_per_side=4, layers=3), "of 1 antennas"),
    ],
)
def test_pilots_of_another_stack_are_refused(stack, other, message):
    plan = random_plan(stack, 5, ONE_USER, seed=0)
    with pytest.raises(InputError, match=message):
        calibrate(other, Pilots.measured(plan, noiseless(stack, plan)), expected=EXPECTED)


def test_responses_to_other_users_are_refused(stack):
    plan = random_plan(stack, 5, ONE_USER, seed=0)
    theirs = PilotPlan(plan.phases_rad, THREE_USERS)
    with pytest.raises(InputError, match="3 users"):
        calibrate(stack, Pilots.measured(theirs, noiseless(stack, plan)), expected=EXPECTED)


def test_fewer_pilots_than_free_unknowns_are_refused(stack):
    """One slot of four antennas is eight real numbers; nine shifts of which nothing is known."""
    plan = random_plan(stack, 1, ONE_USER, seed=0)
    free = Expected(ms.Pose(dx_m=np.inf, dy_m=np.inf, dz_m=np.inf))
    with pytest.raises(InputError, match="more pilots than unknowns"):
        calibrate(stack, Pilots.measured(plan, noiseless(stack, plan)), expected=free)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (Expected(ms.Pose()), "every deviation is 0"),
        (Expected(ms.Pose(dy_m=-1.0)), "`deviation.dy_m` must not be negative"),
        (Expected(ms.Pose(dy_m=np.nan)), "`deviation.dy_m`"),
        (Expected(ms.Pose(dy_m=np.ones(3))), "one number or one a plane"),
        (Expected(ms.Pose(dy_m=1e-3), users=-1.0), "`users` must not be negative"),
    ],
)
def test_expectations_that_cannot_be_are_refused(stack, expected, message):
    plan = random_plan(stack, 9, ONE_USER, seed=0)
    with pytest.raises(InputError, match=message):
        calibrate(stack, Pilots.measured(plan, noiseless(stack, plan)), expected=expected)


def test_ports_have_no_direction_to_be_unknown(stack):
    plan = random_plan(stack, 9, FromInputPorts(), seed=0)
    expected = Expected(ms.Pose(dy_m=1e-4), users=0.1)
    with pytest.raises(InputError, match="ports, which have no direction"):
        calibrate(stack, Pilots.measured(plan, noiseless(stack, plan)), expected=expected)


@pytest.mark.parametrize(("slots", "bits"), [(0, None), (3, 0), (3, 17)])
def test_plans_that_cannot_be_are_refused(stack, slots, bits):
    with pytest.raises(InputError):
        random_plan(stack, slots, ONE_USER, seed=0, bits=bits)
