"""Many stacks at once: the same answers as one by one, as far as the expansion holds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration_case import EXPECTED, ONE_USER, PUBLISHED, case_study

import metastack as ms
from metastack import InputError
from metastack.calibration import (
    BatchCalibrator,
    Expected,
    Pilots,
    Unknowns,
    calibrate,
    delta_nmse,
    noiseless,
    random_plan,
    reference_power,
)

SLOTS, STACKS = 32, 24


@pytest.fixture(scope="module")
def stack():
    return case_study()


@pytest.fixture(scope="module")
def plan(stack):
    return random_plan(stack, SLOTS, ONE_USER, seed=0)


@pytest.fixture(scope="module")
def clean(stack, plan):
    """Pilots of some built stacks without noise, and their displacements in units."""
    unknowns = Unknowns.of(stack, ONE_USER, EXPECTED)
    built = [ms.built(stack, PUBLISHED, key) for key in jax.random.split(jax.random.key(0), STACKS)]
    places = np.array(unknowns.freedoms), np.array(unknowns.planes)
    tables = [np.stack(jax.tree.leaves(jax.tree.map(np.asarray, s.poses))) for s in built]
    truth = np.array([table[places] / unknowns.unit for table in tables])
    return truth, np.array([noiseless(s, plan) for s in built])


def with_noise(stack, clean, snr_db):
    variance = reference_power(stack, ONE_USER) * 10 ** (-snr_db / 10)
    parts = np.random.default_rng(1).normal(scale=np.sqrt(variance / 2), size=(2, *clean.shape))
    return clean + parts[0] + 1j * parts[1], variance


def layers_nmse(stack, left):
    unknowns = Unknowns.of(stack, ONE_USER, EXPECTED)
    spread = left.T @ left / len(left)
    return delta_nmse(unknowns, np.zeros(unknowns.size), spread)[1:-1].mean()


@pytest.mark.parametrize(
    "snr_db",
    [pytest.param(10, marks=pytest.mark.slow), 20, pytest.param(30, marks=pytest.mark.slow)],
)
def test_a_batch_is_as_near_to_the_truth_as_one_by_one(stack, plan, clean, snr_db):
    """Within .3 dB of NMSE, with an unknown gain of each stack's own."""
    truth, pilots = clean
    received, variance = with_noise(stack, pilots, snr_db)
    gains = np.exp(1j * np.arange(STACKS))[:, None, None, None]
    batch = BatchCalibrator.of(stack, plan, EXPECTED, noise_to_signal=10 ** (-snr_db / 10))
    together = batch(0.4 * gains * received)
    each = np.array(
        [calibrate(stack, Pilots(plan, y, variance), expected=EXPECTED).values for y in received]
    )
    ratio = layers_nmse(stack, together - truth) / layers_nmse(stack, each - truth)
    assert abs(10 * np.log10(ratio)) < 0.3


def test_what_the_expansion_leaves_out_is_of_third_order(stack, plan):
    """Half the displacements: an eighth of what the quadratic misses, within a factor of two."""
    batch = BatchCalibrator.of(stack, plan, EXPECTED, noise_to_signal=1e-2)
    unknowns = batch.unknowns
    direction = np.random.default_rng(3).normal(size=unknowns.size)
    first, second = np.triu_indices(unknowns.size)
    missed = []
    for size in (2.0, 1.0):
        values = size * direction
        with ms.float64():
            stack_there, _ = unknowns.applied(jnp.asarray(values))
        exact = noiseless(stack_there, plan).ravel()
        curved = batch.curvature @ (values[first] * values[second])
        missed.append(np.linalg.norm(exact - batch.response - batch.slopes @ values - curved))
    assert 4 < missed[0] / missed[1] < 16


def test_responses_of_another_plan_are_refused(stack, plan, clean):
    batch = BatchCalibrator.of(stack, plan, EXPECTED, noise_to_signal=1e-2)
    with pytest.raises(InputError, match="must hold 128 responses"):
        batch(clean[1][:, :-1])


@pytest.mark.parametrize("share", [0.0, -1.0, float("nan")])
def test_noise_must_be_some(stack, plan, share):
    with pytest.raises(InputError, match="must be positive"):
        BatchCalibrator.of(stack, plan, EXPECTED, noise_to_signal=share)


def test_something_must_be_unknown(stack, plan):
    with pytest.raises(InputError, match="every deviation is 0"):
        BatchCalibrator.of(stack, plan, Expected(ms.Pose()), noise_to_signal=0.1)
