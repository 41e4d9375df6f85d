"""Atoms that are not equal, and atoms that stick: what end-to-end pilots tell of single ones."""

import equinox as eqx
import jax
import numpy as np
import pytest
from calibration_case import EXPECTED, ONE_USER, PUBLISHED, built_stacks, case_study

import metastack as ms
from metastack import Imperfections
from metastack.calibration import (
    calibrate,
    end_to_end_nmse,
    random_plan,
    simulate_pilots,
    with_stuck_atoms,
    with_unequal_atoms,
)

# Of the complex gain, 5 %: in amplitude and in phase.
UNEQUAL = Imperfections(
    PUBLISHED.tolerance,
    amplitude_deviation=0.05 / 2**0.5,
    phase_deviation_rad=0.05 / 2**0.5,
)
SLIGHTLY = Imperfections(
    PUBLISHED.tolerance,
    amplitude_deviation=0.03 / 2**0.5,
    phase_deviation_rad=0.03 / 2**0.5,
)


@pytest.fixture(scope="module")
def stack():
    return case_study()


@pytest.fixture(scope="module")
def plan(stack):
    return random_plan(stack, 100, ONE_USER, seed=0)


def measured(stack, built, plan, number, snr_db=30):
    pilots = simulate_pilots(
        built, plan, snr_db=snr_db, key=jax.random.key(100 + number), gain=0.3 + 0.2j
    )
    return calibrate(stack, pilots, expected=EXPECTED)


def with_faults(built, seed):
    """Three to eight atoms that stick in any phase, half of them dead."""
    rng = np.random.default_rng(seed)
    shape = built.phases_shape
    is_stuck = np.zeros(shape[0] * shape[1], bool)
    is_stuck[rng.choice(is_stuck.size, rng.integers(3, 9), replace=False)] = True
    shown = np.exp(2j * np.pi * rng.random(shape)) * rng.integers(0, 2, shape)
    atoms = ms.StuckAtoms(built.atoms, is_stuck.reshape(shape), shown)
    return eqx.tree_at(lambda each: each.atoms, built, atoms)


def check_unequal(stack, plan, runs):
    """4 antennas, 100 slots, 30 dB: poses alone explain other slots to -21 dB (single stacks differ
    by 2 dB), with a gain for each atom to -33 dB and better; and the deviation of the gains, 5 % of
    144 complex numbers, is found within 4 of its standard errors, 1 / sqrt(2 x 288) each."""
    poses, atoms, deviations = [], [], []
    for number, built in enumerate(built_stacks(stack, UNEQUAL, runs)):
        calibration = measured(stack, built, plan, number)
        further = with_unequal_atoms(calibration)
        for found, errors in ((calibration, poses), (further, atoms)):
            errors.append(end_to_end_nmse(found.stack, built, ONE_USER))
        deviations.append(further.atom_deviation)
    assert abs(10 * np.log10(np.mean(poses)) + 21) < 4 * 2 / np.sqrt(runs)
    assert 10 * np.log10(np.mean(atoms)) < -33
    assert abs(np.mean(deviations) / 0.05 - 1) < 4 / np.sqrt(2 * 288 * runs)


@pytest.mark.slow
def test_gains_of_atoms_explain_what_poses_cannot(stack, plan):
    check_unequal(stack, plan, 2)


@pytest.mark.slow
def test_gains_of_atoms_explain_what_poses_cannot_on_many_stacks(stack, plan):
    check_unequal(stack, plan, 30)


@pytest.mark.slow
def test_equal_atoms_are_left_equal(stack, plan):
    """The most probable deviation of equal atoms is near zero: below what 100 noisy slots could
    tell of a gain, a tenth of the 5 % above; and poses stay where they were."""
    built = next(iter(built_stacks(stack, PUBLISHED, 1)))
    calibration = measured(stack, built, plan, 0)
    further = with_unequal_atoms(calibration)
    assert further.atom_deviation < 0.005
    np.testing.assert_allclose(further.values, calibration.values, atol=0.3)


def check_stuck(stack, runs):
    """All but one in a hundred are found and no more are called stuck than are: F1 of .99, from 100
    slots of 4 antennas; and what the calibrated stack receives in other slots is right to -30 dB.
    """
    plan, counts, errors = random_plan(stack, 100, ONE_USER, seed=0), np.zeros(3), []
    for number, built in enumerate(built_stacks(stack, SLIGHTLY, runs)):
        faulty = with_faults(built, number)
        found = with_stuck_atoms(measured(stack, faulty, plan, number))
        told, true = np.asarray(found.model.is_stuck), np.asarray(faulty.atoms.is_stuck)
        counts += [(told & true).sum(), (told & ~true).sum(), (~told & true).sum()]
        errors.append(end_to_end_nmse(found.stack, faulty, ONE_USER))
    hits, false_alarms, misses = counts
    assert 2 * hits / (2 * hits + false_alarms + misses) >= 0.99
    assert 10 * np.log10(np.max(errors)) < -30


@pytest.mark.slow
def test_stuck_atoms_are_found(stack):
    check_stuck(stack, 2)


@pytest.mark.slow
def test_stuck_atoms_are_found_in_forty_stacks(stack):
    check_stuck(stack, 40)


def test_sound_stacks_have_no_stuck_atoms(stack, plan):
    """Three stacks with unequal atoms: no alarm, at a chance of .001 each."""
    for number, built in enumerate(built_stacks(stack, SLIGHTLY, 3)):
        found = with_stuck_atoms(measured(stack, built, plan, number))
        assert not np.any(found.model.is_stuck)
        assert isinstance(found.stack.atoms, ms.UnequalAtoms)
