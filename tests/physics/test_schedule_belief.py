"""Beliefs of a stack in service: an extended Kalman filter against calibrations and Bayes' rule.

9 atoms, 2 layers, 4 antennas, 20 dB.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration_case import EXPECTED, ONE_USER, case_study

from metastack import InputError, float64
from metastack.calibration import (
    Expected,
    Unknowns,
    calibrate,
    random_plan,
    simulate_pilots,
)
from metastack.calibration.schedule import Belief, Walk, calibrated_belief


@pytest.fixture(scope="module")
def stack():
    return case_study(2, 3, 2)


@pytest.fixture(scope="module")
def unknowns(stack):
    return Unknowns.of(stack, ONE_USER, EXPECTED)


def pilots_of(stack, unknowns, truth, slots, seed=0, gain=0.3 + 0.2j):
    with float64():
        built, _ = unknowns.applied(jnp.asarray(truth))
    plan = random_plan(stack, slots, ONE_USER, seed=seed)
    return simulate_pilots(built, plan, snr_db=20, key=jax.random.key(seed), gain=gain)


def test_a_belief_from_many_pilots_is_the_calibration(stack, unknowns):
    """Gauss-Newton with the gain in the state, and Levenberg-Marquardt with the gain projected
    out, minimise the same function but for the weak prior on the gain. Both stop a tenth of a
    posterior deviation from it or nearer; their covariances agree to a percent."""
    truth = np.random.default_rng(0).uniform(-1.7, 1.7, unknowns.size)
    pilots = pilots_of(stack, unknowns, truth, 32)
    found = calibrated_belief(unknowns, pilots, pilots.noise_variance)
    fitted = calibrate(stack, pilots, expected=EXPECTED)
    deviation = np.sqrt(np.diag(found.covariance))[:-2]
    assert np.all(np.abs(found.values - fitted.values) < 0.1 * deviation)
    np.testing.assert_allclose(deviation, fitted.deviation, rtol=0.01)
    assert abs(found.gain - fitted.fit.gain.item()) < 0.01 * abs(found.gain)
    assert found.holds(truth)


@pytest.mark.slow
def test_the_order_in_which_pilots_are_taken_in_does_not_matter(stack, unknowns):
    """Bayes, where little is left to linearise."""
    truth = np.random.default_rng(1).uniform(-1.7, 1.7, unknowns.size)
    first, second, third = (pilots_of(stack, unknowns, truth, 32, seed) for seed in (1, 2, 3))
    variance = first.noise_variance
    belief = calibrated_belief(unknowns, first, variance)
    one = belief.updated(second, variance).updated(third, variance)
    other = belief.updated(third, variance).updated(second, variance)
    deviation = np.sqrt(np.diag(one.covariance))[:-2]
    assert np.all(np.abs(one.values - other.values) < 0.1 * deviation)


def test_what_is_believed_before_pilots_does_not_age(unknowns):
    """A walk within tolerances is stationary: variances stay 1, those of an unknown gain too, and
    the mean is drawn to 0. Exact but for rounding."""
    before = Belief.before_pilots(unknowns)
    for walk, blocks in ((Walk(0.05), 50), (Walk(0.5, 0.1), 1), (Walk(1.5, 2.0), 3)):
        after = replace(before, values=np.ones(unknowns.size)).older(walk, blocks)
        np.testing.assert_allclose(after.covariance, before.covariance, rtol=1e-12)
        kept = max(1 - walk.pose_step**2, 0) ** (blocks / 2)
        np.testing.assert_allclose(after.values, kept)


def test_ageing_by_blocks_is_ageing_block_by_block(stack, unknowns):
    """And for little time it is the variance of a walk, to second order in time."""
    truth = np.random.default_rng(4).uniform(-1.7, 1.7, unknowns.size)
    pilots = pilots_of(stack, unknowns, truth, 32)
    belief = calibrated_belief(unknowns, pilots, pilots.noise_variance)
    walk, little = Walk(0.1, 0.03), Walk(1e-3)
    at_once, one_by_one = belief.older(walk, 3), belief.older(walk).older(walk).older(walk)
    np.testing.assert_allclose(at_once.covariance, one_by_one.covariance, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(at_once.values, one_by_one.values, rtol=1e-12)
    added = np.diag(belief.older(little).covariance - belief.covariance)[:-2]
    known = 1 - np.diag(belief.covariance)[:-2]
    np.testing.assert_allclose(added, 1e-6 * known, rtol=1e-6)


def test_a_gain_of_its_own_for_every_block_costs_what_an_unknown_gain_costs(stack, unknowns):
    """Blocks whose gains have other phases and levels each, noise and all, against the same blocks
    with one gain that is taken for another every time: the same poses, to a tenth of their
    deviation, and the same covariance to 2 %. A belief that takes the gain for constant is far
    off."""
    truth = np.random.default_rng(5).uniform(-1.7, 1.7, unknowns.size)
    gains = np.exp(np.array([0.0, 0.3, -0.2, 0.1]) + 1j * np.array([0.0, 3.0, -1.4, 2.2]))
    same = [pilots_of(stack, unknowns, truth, 16, seed, 0.3) for seed in range(4)]
    fresh = [replace(each, received=g * each.received) for each, g in zip(same, gains, strict=True)]
    variance = same[0].noise_variance
    variances = variance * np.abs(gains) ** 2

    def followed(blocks, walk, variances):
        belief = calibrated_belief(unknowns, blocks[0], variances[0])
        for pilots, variance in zip(blocks[1:], variances[1:], strict=True):
            belief = belief.older(walk).updated(pilots, variance)
        return belief

    wandering = followed(fresh, Walk(gain_step=1.0), variances)
    known = followed(same, Walk(gain_step=1.0), [variance] * 4)
    deviation = np.sqrt(np.diag(known.covariance))[:-2]
    np.testing.assert_allclose(np.sqrt(np.diag(wandering.covariance))[:-2], deviation, rtol=0.02)
    assert np.all(np.abs(wandering.values - known.values) < 0.1 * deviation)
    missed = abs(wandering.gain / (0.3 * gains[-1]) - 1)
    assert missed < 4 * np.sqrt(np.trace(wandering.covariance[-2:, -2:]))
    assert wandering.holds(truth)
    assert not followed(fresh, Walk(), variances).holds(truth)


def test_what_cannot_be_followed_is_refused(stack):
    free = Expected(jax.tree.map(lambda each: np.where(each > 0, np.inf, 0.0), EXPECTED.deviation))
    with pytest.raises(InputError, match="must have a tolerance to be followed"):
        Belief.before_pilots(Unknowns.of(stack, ONE_USER, free))
    wide = Expected(jax.tree.map(lambda each: 100 * each, EXPECTED.deviation))
    with pytest.raises(InputError, match="must be small beside a wavelength"):
        Belief.before_pilots(Unknowns.of(stack, ONE_USER, wide))
