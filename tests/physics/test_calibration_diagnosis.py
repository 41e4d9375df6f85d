"""What is wrong with a stack: evidence against an exact integral, diagnoses against the truth."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration_case import ONE_USER, WAVELENGTH_M, case_study
from scipy.stats import multivariate_normal

import metastack as ms
from metastack import Imperfections, Pose
from metastack.calibration import (
    Expected,
    GainPerPort,
    GainPerSlot,
    KnownGain,
    OneGain,
    Pilots,
    calibrate,
    diagnose,
    log_evidence,
    random_plan,
    reference_power,
    simulate_pilots,
)
from metastack.calibration.diagnosis_sources import sources_of
from metastack.calibration.pilot_model import linearised

VERTICAL = Imperfections(Pose(dy_m=0.01 * WAVELENGTH_M))
EXPECTED = Expected.within(VERTICAL)


@pytest.fixture(scope="module")
def stack():
    return case_study(atoms_per_side=3, layers=3)


@pytest.mark.parametrize(
    "gains",
    [
        KnownGain(),
        GainPerSlot(),
        pytest.param(OneGain(), marks=pytest.mark.slow),
        pytest.param(GainPerPort(), marks=pytest.mark.slow),
    ],
)
def test_evidence_is_the_integral_over_the_prior(stack, gains):
    """Of pilots that are linear in the poses, displaced by a hundredth of the published ones: a
    Gaussian whose covariance is J Jᵀ + F C Fᴴ + σ², as SciPy has it, averaged over what C may be.
    What is not linear is a thousandth of what is."""
    tiny = Expected.within(Imperfections(Pose(dy_m=1e-4 * WAVELENGTH_M)))
    plan = random_plan(stack, 12, ONE_USER, seed=0)
    made = ms.built(stack, Imperfections(Pose(dy_m=1e-4 * WAVELENGTH_M)), jax.random.key(0))
    clean = simulate_pilots(made, plan, snr_db=np.inf, key=jax.random.key(1)).received
    variance = 1e-6 * reference_power(stack, ONE_USER)
    noise = np.random.default_rng(0).normal(size=(2, *clean.shape)) * np.sqrt(variance / 2)
    pilots = Pilots(plan, clean + noise[0] + 1j * noise[1], variance)
    found = calibrate(stack, pilots, expected=tiny, gains=gains)
    with ms.float64():
        f, J = linearised(found.model, jnp.zeros(found.unknowns.size))
        J = np.asarray(J).reshape(f.size, -1)
        shares = np.asarray(gains.totals(jnp.eye(f.size).reshape(f.size, *f.shape)))
    F = np.asarray(f).ravel()[:, None] * shares
    y, of_poses = (
        (pilots.received - (0 if shares.size else np.asarray(f))).ravel(),
        np.concatenate([J.real, J.imag]),
    )
    power, many = np.mean(np.abs(found.fit.gain) ** 2), shares.shape[1]
    exact = [
        multivariate_normal.logpdf(
            np.concatenate([y.real, y.imag]),
            cov=of_poses @ of_poses.T
            + real_covariance(
                power * F @ (np.ones((many, many)) + t**2 * np.eye(many)) @ F.conj().T
                + variance * np.eye(f.size)
            ),
        )
        for t in np.logspace(-3, 0, 13)
    ]
    expected = np.logaddexp.reduce(exact) - np.log(13)
    assert log_evidence(found) == pytest.approx(expected, abs=0.2)


def real_covariance(complex_one):
    """Of the real parts above the imaginary ones, circular."""
    return (
        np.block([[complex_one.real, -complex_one.imag], [complex_one.imag, complex_one.real]]) / 2
    )


def diagnosed(stack, made, *, gain=1.0):
    plan = random_plan(stack, 100, ONE_USER, seed=0)
    pilots = simulate_pilots(made, plan, snr_db=30, key=jax.random.key(1), gain=gain)
    found = diagnose(stack, pilots, expected=EXPECTED)
    return found, {each.name for each in found.findings if each.is_supported}


@pytest.mark.slow
def test_nothing_is_supported_of_a_sound_stack(stack):
    found, supported = diagnosed(stack, ms.built(stack, VERTICAL, jax.random.key(3)))
    assert supported == set()
    assert found.suspects == ()
    assert "nothing else is supported" in found.sentence


@pytest.mark.slow
def test_several_faults_at_once_are_told_apart(stack):
    """Two atoms that stick and a gain for each port: both, nothing else, and the atoms named."""
    is_stuck = np.zeros(stack.phases_shape, bool)
    is_stuck[[0, 2], [4, 7]] = True
    state = np.full(is_stuck.shape, 0.5 + 0j)
    made = ms.built(stack, VERTICAL, jax.random.key(3))
    made = eqx.tree_at(lambda s: s.atoms, made, ms.StuckAtoms(ms.IdealAtoms(), is_stuck, state))
    gain = np.exp(0.3j * np.arange(4)).reshape(1, 4, 1)
    found, supported = diagnosed(stack, made, gain=gain)
    assert supported == {"stuck atoms", "a gain for each port"}
    assert [(each.layer, each.atom) for each in found.suspects if each.is_stuck] == [(0, 4), (2, 7)]


@pytest.mark.slow
def test_rounded_phases_are_recognised_with_their_bits(stack):
    made = ms.built(stack, VERTICAL, jax.random.key(3))
    made = eqx.tree_at(lambda each: each.atoms, made, ms.QuantisedAtoms(2))
    found, supported = diagnosed(stack, made)
    assert supported == {"quantised phases"}
    assert found.calibration.stack.atoms == ms.QuantisedAtoms(2)


@pytest.mark.slow
def test_a_measured_curve_is_recognised(stack):
    """Atoms whose amplitude falls by a half with their phase, against a table that says so."""
    settings = np.radians(np.arange(0, 360, 10.0))
    curve = ms.MeasuredAtoms.from_table(settings, 0.75 + 0.25 * np.cos(settings), settings)
    made = ms.built(stack, VERTICAL, jax.random.key(3))
    made = eqx.tree_at(lambda each: each.atoms, made, curve)
    plan = random_plan(stack, 100, ONE_USER, seed=0)
    pilots = simulate_pilots(made, plan, snr_db=30, key=jax.random.key(1))
    found = diagnose(stack, pilots, expected=EXPECTED, curves={"the measured curve": curve})
    assert {each.name for each in found.findings if each.is_supported} == {"the measured curve"}


def test_what_pilots_cannot_tell_is_said(stack):
    """27 atoms take 33 responses; a gain for each slot of one antenna explains anything."""
    plan = random_plan(stack, 4, ONE_USER, seed=0)
    few = simulate_pilots(stack, plan, snr_db=30, key=jax.random.key(1))
    tried, untried = sources_of(stack, few, EXPECTED, {})
    assert "unequal and stuck atoms: 27 atoms take 33 responses, not 16" in untried
    assert not {"stuck atoms", "unequal atoms"} & {each.name for each in tried}


@pytest.mark.slow
@pytest.mark.parametrize("antennas", [2, 3])
def test_sound_stacks_have_no_gain_for_each_slot(stack, antennas):
    """With two antennas a gain of its own takes half of a slot away: the odds are against it."""
    few = eqx.tree_at(
        lambda each: each.receiver_array,
        stack,
        ms.PlanarArray(antennas, 1, WAVELENGTH_M / 2, WAVELENGTH_M / 2),
    )
    plan = random_plan(few, 40, ONE_USER, seed=0)
    for seed in range(10):
        made = ms.built(few, VERTICAL, jax.random.key(seed))
        pilots = simulate_pilots(made, plan, snr_db=20, key=jax.random.key(100 + seed))
        one, own = (
            log_evidence(calibrate(few, pilots, expected=EXPECTED, gains=gains))
            for gains in (OneGain(), GainPerSlot())
        )
        assert own < one + 1
