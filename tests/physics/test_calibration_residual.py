"""The residual test: it is silent where the model is right, and names what is missing."""

import jax
import numpy as np
import pytest
from calibration_case import ONE_USER, WAVELENGTH_M, case_study, noisy
from scipy.stats import binom

import metastack as ms
from metastack import Imperfections, Pose
from metastack.calibration import (
    Expected,
    GainPerPort,
    GainPerSlot,
    Pilots,
    calibrate,
    noiseless,
    random_plan,
    reference_power,
    residual_test,
    simulate_pilots,
    with_unequal_atoms,
)

VERTICAL = Imperfections(Pose(dy_m=0.01 * WAVELENGTH_M))
EXPECTED = Expected.within(VERTICAL)
SLOTS = 60


@pytest.fixture(scope="module")
def stack():
    return case_study(atoms_per_side=3, layers=3)


@pytest.fixture(scope="module")
def plan(stack):
    return random_plan(stack, SLOTS, ONE_USER, seed=0)


@pytest.fixture(scope="module")
def sound(stack, plan):
    """Tests of forty stacks whose model is right, at 20 dB."""
    variance = reference_power(stack, ONE_USER) * 1e-2
    rng, tests = np.random.default_rng(0), []
    for key in jax.random.split(jax.random.key(0), 40):
        pilots = noisy(plan, noiseless(ms.built(stack, VERTICAL, key), plan), variance, rng)
        tests.append(residual_test(calibrate(stack, pilots, expected=EXPECTED)))
    return tests


def measured(stack, plan, imperfections, *, gain=1.0, known=True, snr_db=30):
    built = ms.built(stack, imperfections, jax.random.key(3))
    pilots = simulate_pilots(built, plan, snr_db=snr_db, key=jax.random.key(1), gain=gain)
    return pilots if known else Pilots(plan, pilots.received)


@pytest.mark.slow
def test_chances_are_uniform_where_the_model_is_right(sound):
    """Of 40, those below .5 are as many as of 40 coins, at a chance of 1e-3; and none is called
    wrong, which has a chance of .05 at .001 each."""
    below = sum(test.p_value < 0.5 for test in sound)
    assert binom.cdf(below, 40, 0.5) > 5e-4
    assert binom.sf(below - 1, 40, 0.5) > 5e-4
    assert all(test.explained for test in sound)


def test_energy_left_is_that_of_the_noise(sound):
    """On average of 40 x 480 real numbers within 4 deviations."""
    ratio = np.mean([test.noise_ratio for test in sound])
    assert abs(ratio - 1) < 4 * np.sqrt(2 / (40 * 480))


def test_held_out_errors_are_those_of_really_held_out_slots(stack, plan):
    """Left out one by one and predicted by a fit to all others, ten of the slots: their NMSE within
    4 standard errors of what leverages say of all; a slot more or less hardly matters."""
    pilots = measured(stack, plan, VERTICAL, snr_db=20)
    calibration = calibrate(stack, pilots, expected=EXPECTED)
    energy = np.mean(np.abs(pilots.received) ** 2)
    errors = []
    for slot in range(10):
        rest = np.arange(SLOTS) != slot
        fewer = random_plan(stack, 1, ONE_USER, seed=0)
        fewer = type(fewer)(plan.phases_rad[rest], ONE_USER)
        found = calibrate(
            stack,
            Pilots(fewer, pilots.received[rest], pilots.noise_variance),
            expected=EXPECTED,
        )
        clean = noiseless(found.stack, plan)[slot]
        missed = pilots.received[slot] - found.fit.gain.item() * clean
        errors.append(np.mean(np.abs(missed) ** 2) / energy)
    error = np.std(errors, ddof=1) / np.sqrt(10)
    assert abs(np.mean(errors) - residual_test(calibration).held_out_nmse) < 4 * error


WRONG = {
    "other displacements": (Imperfections(Pose(dx_m=0.03 * WAVELENGTH_M)), 1.0),
    "unequal atoms": (
        Imperfections(Pose(), amplitude_deviation=0.05, phase_deviation_rad=0.05),
        1.0,
    ),
    "a gain for each port": (
        VERTICAL,
        np.exp(0.3j * np.arange(4)).reshape(1, 4, 1),
    ),
    "a gain for each slot": (
        VERTICAL,
        np.exp(0.3j * np.random.default_rng(0).normal(size=(SLOTS, 1, 1))),
    ),
}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("what", WRONG)
def test_what_is_missing_from_the_model_is_named(stack, plan, what, known):
    """First among the suspects, and in the verdict what to try; also if the noise is not known."""
    imperfections, gain = WRONG[what]
    pilots = measured(stack, plan, imperfections, gain=gain, known=known)
    test = residual_test(calibrate(stack, pilots, expected=EXPECTED))
    assert not test.explained
    assert test.suspects[0].what == what
    assert test.suspects[0].advice in test.sentence
    assert "the model is wrong" in test.sentence


def test_a_model_with_what_was_missing_is_right(stack, plan):
    """Unequal atoms fitted as such: nothing is left to explain."""
    pilots = measured(stack, plan, WRONG["unequal atoms"][0])
    found = with_unequal_atoms(calibrate(stack, pilots, expected=EXPECTED))
    assert residual_test(found).explained


@pytest.mark.parametrize("known", [True, False])
def test_pilots_without_noise_are_explained(stack, plan, known):
    test = residual_test(
        calibrate(
            stack, measured(stack, plan, VERTICAL, snr_db=np.inf, known=known), expected=EXPECTED
        )
    )
    assert test.explained
    assert test.held_out_nmse < 1e-20


@pytest.mark.slow
@pytest.mark.parametrize("gains", [GainPerPort(), GainPerSlot()])
def test_a_right_model_with_gains_of_its_own_is_not_suspected(stack, plan, gains):
    """Gains take degrees of freedom from pilots: of 12 sound stacks with unknown noise none is
    called wrong, at a chance of 1e-4 for each of three suspects."""
    variance = reference_power(stack, ONE_USER) * 1e-2
    rng = np.random.default_rng(4)
    for key in jax.random.split(jax.random.key(8), 12):
        made = noiseless(ms.built(stack, VERTICAL, key), plan)
        pilots = Pilots(plan, noisy(plan, made, variance, rng).received)
        test = residual_test(calibrate(stack, pilots, expected=EXPECTED, gains=gains))
        assert test.explained, test.sentence


def test_noise_that_is_overstated_is_said_to_be(stack, plan):
    """A tenth of the stated noise: the model is right, and deviations ten dB too large."""
    sound = measured(stack, plan, VERTICAL)
    assert sound.noise_variance is not None
    pilots = Pilots(plan, sound.received, 10 * sound.noise_variance)
    test = residual_test(calibrate(stack, pilots, expected=EXPECTED))
    assert test.explained
    assert test.noise_is_overstated
    assert "less noise than stated" in test.sentence


@pytest.mark.parametrize("known", [True, False])
def test_slots_in_another_order_are_not_taken_for_a_stack(stack, plan, known):
    """Nothing of the responses is explained: that is said, whether the noise is known or not."""
    sound = measured(stack, plan, VERTICAL, known=known)
    shuffled = sound.received[np.random.default_rng(0).permutation(SLOTS)]
    pilots = Pilots(plan, shuffled, sound.noise_variance)
    test = residual_test(calibrate(stack, pilots, expected=EXPECTED))
    assert test.says_nothing
    assert not test.explained
    assert "order of slots" in test.sentence


def test_noise_of_exactly_zero_explains_nothing_but_rounding(stack, plan):
    """Pilots with noise that are said to have none: an infinite ratio, not a division by zero."""
    sound = measured(stack, plan, VERTICAL)
    test = residual_test(calibrate(stack, Pilots(plan, sound.received, 0.0), expected=EXPECTED))
    assert test.noise_ratio == np.inf
    assert not test.explained
