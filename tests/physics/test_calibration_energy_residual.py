"""What is left of energies: gains of ports and slots, other displacements, misstated noise."""

import jax
import numpy as np
import pytest
from calibration_case import (
    EXPECTED,
    ONE_USER,
    PUBLISHED,
    WAVELENGTH_M,
    built_stacks,
    case_study,
    noisy,
)

import metastack as ms
from metastack import Pose
from metastack.calibration import (
    EnergyPilots,
    GainPerPort,
    GainPerSlot,
    KnownGain,
    OneGain,
    Pilots,
    calibrate_energies,
    energies_of,
    energy_bayesian_cramer_rao,
    energy_test,
    noiseless,
    random_plan,
    simulate_energy_pilots,
    simulate_pilots,
)

SLOTS = 60


@pytest.fixture(scope="module")
def stack():
    return case_study(atoms_per_side=3, layers=2)


@pytest.fixture(scope="module")
def plan(stack):
    return random_plan(stack, SLOTS, ONE_USER, seed=0)


@pytest.fixture(scope="module")
def made(stack):
    return next(iter(built_stacks(stack, PUBLISHED, 1, seed=3)))


@pytest.fixture(scope="module")
def clean(made, plan):
    return noiseless(made, plan)


def measured(plan, clean, snr_db):
    """Energies of responses with noise, from a source of its own each time."""
    noise = float(np.mean(np.abs(clean) ** 2)) * 10 ** (-snr_db / 10)
    return energies_of(noisy(plan, clean, noise, np.random.default_rng(0)))


def test_energies_are_those_of_the_same_pilots(stack, plan):
    """Same key, same noise; phases of the responses, one by one, do not matter."""
    pilots = simulate_pilots(stack, plan, snr_db=10, key=jax.random.key(2), gain=0.1j)
    energies = simulate_energy_pilots(stack, plan, snr_db=10, key=jax.random.key(2), gain=0.1j)
    np.testing.assert_allclose(energies.energies, np.abs(pilots.received) ** 2, rtol=1e-12)
    turned = pilots.received * np.exp(1j * np.random.default_rng(0).normal(size=(SLOTS, 4, 1)))
    again = energies_of(Pilots(plan, turned, pilots.noise_variance))
    np.testing.assert_allclose(again.energies, energies.energies, rtol=1e-12)


def ports(spread):
    return 1 + spread * np.random.default_rng(4).normal(size=(1, 4, 1))


@pytest.mark.slow
def test_gains_of_ports_are_found_or_else_suspected(stack, plan, clean):
    """To 5 deviations; with one gain for all the test says what is wrong, and what to try."""
    pilots = measured(plan, ports(0.3) * 1j * clean, 30)
    found = calibrate_energies(stack, pilots, expected=EXPECTED, gains=GainPerPort())
    deviation = np.sqrt(np.diag(found.fit.covariance)[6:])
    error = (found.log_gains - 2 * np.log(ports(0.3)).ravel()) / deviation
    assert np.abs(error).max() < 5
    assert energy_test(found).explained
    wrong = energy_test(calibrate_energies(stack, pilots, expected=EXPECTED))
    assert not wrong.explained
    assert wrong.suspects[0].what == GainPerPort.sentence
    assert "--gain per-port" in wrong.sentence


def test_a_source_that_drifts_needs_a_gain_a_slot(stack, plan, clean):
    """A gain of each slot is one more unknown each, and the noise is explained again."""
    drift = np.exp(np.random.default_rng(5).normal(scale=0.5, size=(SLOTS, 1, 1)))
    pilots = measured(plan, drift * clean, 30)
    found = calibrate_energies(stack, pilots, expected=EXPECTED, gains=GainPerSlot())
    assert energy_test(found).explained
    assert energy_test(calibrate_energies(stack, pilots, expected=EXPECTED)).suspects


def test_what_was_left_out_is_suspected_and_noise_is_not(stack, plan, clean):
    """A lateral shift that nobody looked for; and of 60 sound runs, none is called wrong (1e-3)."""
    shifted = Pose(dx_m=0.02 * WAVELENGTH_M)
    moved = ms.built(stack, ms.Imperfections(shifted), jax.random.key(1))
    pilots = measured(plan, noiseless(moved, plan), 30)
    test = energy_test(calibrate_energies(stack, pilots, expected=EXPECTED))
    assert test.suspects[0].what == "other displacements"
    ratios = []
    noise, rng = 0.03 * float(np.mean(np.abs(clean) ** 2)), np.random.default_rng(6)
    for _ in range(60):
        pilots = energies_of(noisy(plan, clean, noise, rng))
        test = energy_test(calibrate_energies(stack, pilots, expected=EXPECTED))
        assert test.explained
        ratios.append(test.noise_ratio)
    assert abs(np.mean(ratios) - 1) < 4 * np.std(ratios) / np.sqrt(60)


def test_noise_that_is_misstated_is_said(stack, plan, clean):
    pilots = measured(plan, clean, 20)
    wrong = [EnergyPilots(plan, pilots.energies, pilots.noise_variance * f) for f in (0.3, 3.0)]
    less, more = (energy_test(calibrate_energies(stack, each, expected=EXPECTED)) for each in wrong)
    assert not less.explained
    assert more.noise_is_overstated
    assert "less noise than stated" in more.sentence


@pytest.mark.slow
def test_a_known_gain_is_worth_something(stack, plan, clean):
    """No bound of an unknown is larger where the gain is known."""
    noise = 1e-2 * float(np.mean(np.abs(clean) ** 2))
    known, one = (
        energy_bayesian_cramer_rao(stack, plan, EXPECTED, noise_variance=noise, gains=each)
        for each in (KnownGain(), OneGain())
    )
    assert np.linalg.eigvalsh(one.covariance - known.covariance)[0] > -1e-10
    assert known.improvement_db > one.improvement_db
