"""Calibration in few directions against the full fit, with a prior and without."""

import jax
import numpy as np
import pytest
from calibration_case import (
    ONE_USER,
    PUBLISHED,
    built_stacks,
    case_study,
    gaussian,
    layers_nmse,
)

from metastack import Pose
from metastack.calibration import (
    Expected,
    Unknowns,
    bayesian_cramer_rao,
    calibrate,
    calibrate_in_subspace,
    most_telling,
    of_freedoms,
    random_plan,
    reference_power,
    simulate_pilots,
)
from metastack.errors import InputError

GAUSSIAN = gaussian(PUBLISHED)
EXPECTED = Expected.within(GAUSSIAN)
FREE = Expected(Pose(dy_m=np.inf, dz_m=np.inf, rz_rad=np.inf))
SLOTS, FEW = 6, 3


@pytest.fixture(scope="module")
def stack():
    return case_study(atoms_per_side=3, layers=3)


@pytest.fixture(scope="module")
def plan(stack):
    return random_plan(stack, SLOTS, ONE_USER, seed=0)


@pytest.fixture(scope="module")
def bound(stack, plan):
    """20 dB."""
    noise = 0.01 * reference_power(stack, ONE_USER)
    return bayesian_cramer_rao(stack, plan, EXPECTED, noise_variance=noise)


@pytest.fixture(scope="module")
def directions(stack, plan):
    return most_telling(stack, plan, EXPECTED, FEW)


def test_the_most_telling_directions_tell_more_than_any_others(bound, directions):
    """Their variances after pilots are the least that orthonormal directions have: the sum of the
    largest eigenvalues (Ky Fan), against 200 random choices."""
    told = np.trace(directions.T @ bound.information @ directions)
    np.testing.assert_allclose(told, np.linalg.eigvalsh(bound.information)[-FEW:].sum(), rtol=1e-9)
    rng = np.random.default_rng(0)
    for _ in range(200):
        other, _ = np.linalg.qr(rng.normal(size=directions.shape))
        assert np.trace(other.T @ bound.information @ other) < told


def test_a_fit_in_few_directions_is_the_full_fit_cut_to_them(stack, plan, bound, directions):
    """To first order in errors, as eigenvectors share no information: along the directions both
    agree to a tenth of a deviation, at right angles one stays nominal and keeps its prior. The
    covariance says so."""
    (made,) = built_stacks(stack, GAUSSIAN, 1)
    pilots = simulate_pilots(made, plan, snr_db=20, key=jax.random.key(0))
    full = calibrate(stack, pilots, expected=EXPECTED)
    few = calibrate_in_subspace(stack, pilots, directions, expected=EXPECTED)
    deviation = np.sqrt(np.diag(directions.T @ bound.covariance @ directions))
    off = directions.T @ (few.values - full.values)
    assert np.all(np.abs(off) < 0.1 * np.maximum(deviation, 0.1))
    outside = np.eye(9) - directions @ directions.T
    np.testing.assert_allclose(outside @ few.values, 0, atol=1e-12)
    np.testing.assert_allclose(outside @ few.fit.covariance @ outside, outside, atol=1e-9)
    assert np.trace(few.fit.covariance) > np.trace(full.fit.covariance)


def test_degrees_of_freedom_are_directions_too(stack):
    """dy of three layers: three of nine unknowns, named so."""
    unknowns = Unknowns.of(stack, ONE_USER, EXPECTED)
    chosen = of_freedoms(unknowns, ["dy_m"])
    names = np.array(unknowns.names())[chosen.argmax(axis=0)]
    assert names.tolist() == [f"dy_m of layer {layer}" for layer in (1, 2, 3)]


def test_impossible_directions_are_refused_in_one_line(stack, plan, directions):
    """With what is wrong."""
    unknowns = Unknowns.of(stack, ONE_USER, EXPECTED)
    pilots = simulate_pilots(stack, plan, snr_db=20, key=jax.random.key(0))
    mixed = Expected(Pose(dy_m=1e-5, dz_m=np.inf, rz_rad=1e-4))
    for call, said in (
        (lambda: most_telling(stack, plan, EXPECTED, 10), "`count` must be from 1 to 9"),
        (lambda: of_freedoms(unknowns, ["dq"]), "one is dq"),
        (lambda: of_freedoms(unknowns, ["dx_m"]), "must be unknown"),
        (lambda: few(stack, pilots, 2 * directions), "must be orthonormal"),
        (lambda: few(stack, pilots, directions[:4]), "must be 9 unknowns x directions"),
        (lambda: few(stack, pilots, directions, mixed), "must not mix"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            call()
        assert len(str(caught.value).splitlines()) == 1


def few(stack, pilots, directions, expected=EXPECTED):
    return calibrate_in_subspace(stack, pilots, directions, expected=expected)


@pytest.mark.slow
@pytest.mark.parametrize("slots", [1, 4, 30])
def test_with_the_right_prior_few_directions_never_beat_the_full_fit(slots):
    """The paper's case study, 4 antennas at 20 dB, the 4 most telling of 12 directions, and dy
    alone; 150 stacks, compared one by one: the full fit's mean NMSE is not larger by more than 3
    standard errors of the difference. From 30 slots it is surely less. Without a prior it is the
    other way round: 4 directions beat all 12."""
    stack = case_study()
    plan = random_plan(stack, slots, ONE_USER, seed=0)
    known = Unknowns.of(stack, ONE_USER, EXPECTED)
    natural = Unknowns.of(stack, ONE_USER, FREE)
    telling = most_telling(stack, plan, EXPECTED, 4)
    # The same span in the units of a fit without a prior.
    free, _ = np.linalg.qr((known.unit / natural.unit)[:, None] * telling)
    nmse = []
    for number, made in enumerate(built_stacks(stack, GAUSSIAN, 150)):
        pilots = simulate_pilots(made, plan, snr_db=20, key=jax.random.key(number))
        found = [
            calibrate(stack, pilots, expected=EXPECTED),
            calibrate_in_subspace(stack, pilots, telling, expected=EXPECTED),
            calibrate_in_subspace(stack, pilots, of_freedoms(known, ["dy_m"]), expected=EXPECTED),
        ]
        if slots == 30:
            found.append(calibrate_in_subspace(stack, pilots, free, expected=FREE))
            found.append(calibrate(stack, pilots, expected=FREE))
        nmse.append([layers_nmse(each.stack, made) for each in found])
    full, *others = np.array(nmse).T
    for fewer in others[:2]:
        more = fewer - full
        error = more.std() / np.sqrt(len(more))
        assert more.mean() > -3 * error
        assert slots < 30 or more.mean() > 3 * error
    if slots == 30:
        assert others[2].mean() < others[3].mean()
