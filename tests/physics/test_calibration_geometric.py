"""Calibration by geometry: how near it comes to what was built, and to what can be done at all.

Stacks are built by `built` and sent pilots by `simulate_pilots` with an unknown gain. NMSEs are
means over stacks of the matrices between layers, as the calibration paper counts them; intervals
are three standard errors of these means.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration_case import (
    EXPECTED,
    ONE_USER,
    PUBLISHED,
    THREE_USERS,
    WAVELENGTH_M,
    built_stacks,
    case_study,
    everywhere,
    gaussian,
    layers_nmse,
    noisy,
    study,
)

import metastack as ms
from metastack import Imperfections, Pose, float64
from metastack.calibration import (
    Ending,
    Expected,
    FromInputPorts,
    GainPerPort,
    GainPerSlot,
    Links,
    OntoFirstLayer,
    PlaneWaves,
    Unknowns,
    bayesian_cramer_rao,
    calibrate,
    geometric,
    least_squares,
    noiseless,
    random_plan,
    reference_power,
    simulate_pilots,
)

GAUSSIAN = gaussian(PUBLISHED)
LARGE = Imperfections(
    Pose(dz_m=0.2 * WAVELENGTH_M, dy_m=0.2 * WAVELENGTH_M, rz_rad=float(np.radians(10)))
)
HIGH = Imperfections(Pose(dy_m=0.5 * WAVELENGTH_M))
# Half a wavelength is where pilots have neighbouring minima, dB below 0.
CONVERGED_NMSE = 1e-3


@pytest.fixture(scope="module")
def stack():
    return case_study()


@pytest.fixture(scope="module")
def quick(stack):
    """48 stacks with Gaussian errors, 100 slots at 20 dB."""
    return study(stack, 48, slots=100, snr_db=20, imperfections=GAUSSIAN)


def bound(stack, plan, snr_db, imperfections):
    variance = reference_power(stack, plan.illumination) * 10 ** (-snr_db / 10)
    return bayesian_cramer_rao(stack, plan, Expected.within(imperfections), noise_variance=variance)


def above_bound_db(found, stack, snr_db, imperfections=GAUSSIAN):
    """Mean NMSE after calibration over the least possible one."""
    least = bound(stack, found.pilots[0].plan, snr_db, imperfections).link_nmse[1:-1].mean()
    return 10 * np.log10(found.after.mean() / least)


def values_of(made, unknowns):
    """What the unknowns of a built stack really are, in units."""
    names = [Unknowns.names(unknowns)[i].split(" ")[0] for i in range(len(unknowns.planes))]
    poses = [
        np.asarray(getattr(made.poses, n))[p] for n, p in zip(names, unknowns.planes, strict=True)
    ]
    return np.array(poses) / unknowns.unit[: len(poses)]


def test_without_noise_matrices_come_back_to_rounding(stack):
    """By 200 dB at least, whether or not the noise is known to be none: matrices that were off by
    1e-2 of themselves are off by 1e-12, which is what is left of phases of 2800 turns."""
    found = study(stack, 3, slots=100, snr_db=np.inf)
    assert found.improvement_db > 200
    for known, truth in zip(found.calibrations, found.pilots, strict=True):
        pilots = dataclasses.replace(truth, noise_variance=None)
        free = calibrate(stack, pilots, expected=EXPECTED)
        assert {known.fit.ending, free.fit.ending} == {Ending.CONVERGED}
        assert free.fit.noise_variance < 1e-20 * np.mean(np.abs(pilots.received) ** 2)
        np.testing.assert_allclose(free.values, known.values, atol=1e-7)
        np.testing.assert_allclose(known.fit.gain, 0.3 + 0.2j, rtol=1e-9)


def test_nothing_comes_nearer_than_the_bound_and_calibration_does(stack, quick):
    """The Bayesian Cramér-Rao bound, at nominal; 48 stacks tell the mean to .8 dB."""
    assert abs(above_bound_db(quick, stack, 20)) < 3 * quick.after_error_db < 1


@pytest.mark.slow
@pytest.mark.parametrize(("snr_db", "runs"), [(20, 400), (30, 400)])
def test_calibration_attains_the_bound(stack, snr_db, runs):
    """To .3 dB, with 1000 slots and as many stacks as tell the mean to .15 dB."""
    found = study(stack, runs, slots=1000, snr_db=snr_db, imperfections=GAUSSIAN)
    print(f"{above_bound_db(found, stack, snr_db):+.3f} ± {found.after_error_db:.3f} dB")
    assert abs(above_bound_db(found, stack, snr_db)) < 0.3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("antennas_per_side", "snr_db", "least_db"), [(2, 20, 17), (2, 30, 25), (4, 20, 23)]
)
def test_the_case_study_improves_as_claimed(antennas_per_side, snr_db, least_db):
    """DESIGN: by 17 dB with 4 antennas, 25 at 30 dB, 23 with 16 antennas, from 1000 slots. Of 100
    stacks; the bound reaches the claim, and the mean does within its interval."""
    stack = case_study(antennas_per_side)
    found = study(stack, 100, slots=1000, snr_db=snr_db)
    print(f"{found.improvement_db:.2f} ± {found.after_error_db:.2f} dB")
    assert bound(stack, found.pilots[0].plan, snr_db, PUBLISHED).improvement_db > least_db
    assert found.improvement_db > least_db - 3 * found.after_error_db


def test_what_a_calibration_says_of_its_error_is_true(stack, quick):
    """(v - v̂)ᵀ C⁻¹ (v - v̂) of 12 unknowns is chi-square of 12 degrees of freedom if C is the
    covariance: of 48 stacks, a mean of 12 to three times (2 * 12 / 48)^½."""
    unknowns = quick.calibrations[0].unknowns
    found = []
    for calibration, made in zip(
        quick.calibrations, built_stacks(stack, GAUSSIAN, 48), strict=True
    ):
        error = calibration.values - values_of(made, unknowns)
        found.append(error @ np.linalg.solve(calibration.fit.covariance, error))
        np.testing.assert_allclose(
            calibration.deviation, np.sqrt(np.diag(calibration.fit.covariance))
        )
    assert abs(np.mean(found) - 12) < 3 * np.sqrt(24 / 48)


def test_unknown_noise_is_found(stack, quick):
    """Its variance from 400 complex responses less 6: to (1 / 394)^½ of itself each, and 16
    stacks together to a quarter of that, three times. The values hardly change."""
    ratio = []
    for known in quick.calibrations[:16]:
        pilots = dataclasses.replace(known.pilots, noise_variance=None)
        free = calibrate(stack, pilots, expected=Expected.within(GAUSSIAN))
        ratio.append(free.fit.noise_variance / known.pilots.noise_variance)
        assert np.abs(free.values - known.values).max() < 0.2
    assert abs(np.mean(ratio) - 1) < 3 / np.sqrt(394 * 16)


def test_large_errors_are_found(stack):
    """Of .2 wavelengths and 10°, where the nominal stack explains nothing: 8 of 8 stacks."""
    found = study(stack, 8, slots=100, snr_db=30, imperfections=LARGE)
    assert found.before.min() > 0.1
    assert (found.after < CONVERGED_NMSE).all()


@pytest.mark.slow
def test_large_errors_are_found_nearly_always(stack):
    """At least 99 of 100 stacks whose planes are in order."""
    found = study(stack, 100, slots=1000, snr_db=30, imperfections=LARGE)
    print((found.after < CONVERGED_NMSE).sum())
    assert (found.after < CONVERGED_NMSE).sum() >= 99


def test_several_starts_find_layers_shifted_by_half_a_wavelength(stack):
    """Beside the small errors of the paper: 4 of 4 stacks, not all from the first start."""
    shifted = Pose(dy_m=0.5 * WAVELENGTH_M, dz_m=1e-3 * WAVELENGTH_M, rz_rad=1e-4)
    starts = []
    found = study(
        stack,
        4,
        slots=100,
        snr_db=30,
        imperfections=Imperfections(shifted),
        on_start=lambda done, most: starts.append((done, most)),
    )
    assert (found.after < CONVERGED_NMSE).all()
    assert len(starts) > 4
    assert {most for _, most in starts} == {24}


@pytest.mark.slow
def test_shifts_by_half_a_wavelength_are_mostly_found(stack):
    """At least 90 of 100 stacks."""
    found = study(stack, 100, slots=1000, snr_db=30, imperfections=HIGH)
    print((found.after < CONVERGED_NMSE).sum())
    assert (found.after < CONVERGED_NMSE).sum() >= 90


def test_the_same_seed_gives_the_same_calibration(stack):
    """Also where starts are drawn; another seed takes other starts to the same stack, within what
    the fit leaves undone, a thousandth of a deviation."""
    (made,) = built_stacks(stack, LARGE, 1, seed=5)
    plan = random_plan(stack, 100, ONE_USER, seed=0)
    pilots = simulate_pilots(made, plan, snr_db=30, key=jax.random.key(0))
    one, other, third = (
        calibrate(stack, pilots, expected=Expected.within(LARGE), seed=seed, starts=24)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.fit.values, other.fit.values)
    assert (np.abs(third.values - one.values) < 0.01 * one.deviation).all()


def test_six_degrees_of_freedom_and_a_gain_for_each_port(stack):
    """Three users, four antennas, every pair with a gain of its own, all known without noise: to
    rounding, 150 dB at least because 24 unknowns are not all seen equally well."""
    errors = Imperfections(everywhere(0.01 * WAVELENGTH_M, 2e-3, stack, planes=range(1, 5)))
    gain = np.exp(1j * np.arange(12)).reshape(1, 4, 3)
    found = study(
        stack,
        2,
        slots=60,
        snr_db=np.inf,
        illumination=THREE_USERS,
        imperfections=errors,
        gain=gain,
        gains=GainPerPort(),
    )
    assert found.calibrations[0].unknowns.size == 24
    assert found.improvement_db > 150
    for calibration in found.calibrations:
        np.testing.assert_allclose(calibration.fit.gain, gain, rtol=1e-7)


def test_unknown_directions_and_a_gain_for_each_slot(stack):
    """Two plane waves of which .02 of each direction cosine is unknown, and an oscillator that
    drifts: without noise both come back to rounding; a degree is 2e-2."""
    cosines = np.array([[0.3, 0.2], [-0.4, 0.1]])
    believed, true = (OntoFirstLayer(PlaneWaves(c)) for c in (cosines, cosines + 0.015))
    (made,) = built_stacks(stack, PUBLISHED, 1)
    gain = np.exp(1j * np.arange(60))[:, None, None] * np.linspace(1, 2, 60)[:, None, None]
    plan = random_plan(stack, 60, true, seed=0)
    sent = simulate_pilots(made, plan, snr_db=np.inf, key=jax.random.key(0), gain=gain)
    pilots = eqx.tree_at(lambda p: p.plan.illumination, sent, believed)
    found = calibrate(
        stack, pilots, expected=Expected.within(PUBLISHED, users=0.02), gains=GainPerSlot()
    )
    np.testing.assert_allclose(found.illumination.waves.coordinates, cosines + 0.015, atol=1e-9)
    np.testing.assert_allclose(found.fit.gain, gain, rtol=1e-7)
    assert layers_nmse(found.stack, made) < 1e-18


def test_pilots_that_went_another_way_through_the_code_are_understood():
    """Shifted planes simulated by convolutions (`FourierHop`) and `propagate`, calibrated by dense
    matrices: what is left of the shifts is rounding of either."""
    stack = case_study(2, atoms_per_side=4, layers=3)
    shifts = Pose(*[0.02 * WAVELENGTH_M] * 3)
    (made,) = built_stacks(stack, Imperfections(shifts), 1)
    plan = random_plan(stack, 40, FromInputPorts(), seed=0)
    with float64():
        shown = made.atoms(jnp.asarray(plan.phases_rad))
        received = np.asarray(ms.propagate(ms.hops(made, ms.FourierHop), shown))
    np.testing.assert_allclose(noiseless(made, plan), received, atol=1e-12 * np.abs(received).max())
    found = calibrate(
        stack, noisy(plan, received, 0.0), expected=Expected.within(Imperfections(shifts))
    )
    for name in ("dx_m", "dy_m", "dz_m"):
        off_m = getattr(found.stack.poses, name) - np.asarray(getattr(made.poses, name))
        assert np.abs(off_m).max() < 1e-9 * WAVELENGTH_M


def test_what_is_handed_out_is_numpy_in_double_precision(stack, quick):
    """Whatever the caller's JAX is set to."""
    calibration = quick.calibrations[0]
    handed_out = [calibration.links, calibration.stack, calibration.values, calibration.deviation]
    for leaf in jax.tree.leaves(handed_out):
        assert not isinstance(leaf, jax.Array)
        assert np.asarray(leaf).dtype in (np.float64, np.complex128, np.int64, bool)
    for one, other in zip(
        calibration.links, Links.of_stack(calibration.stack, ONE_USER), strict=True
    ):
        np.testing.assert_allclose(one, other)


def test_a_fit_says_how_it_ended(stack, quick, monkeypatch):
    """Too few iterations; stopped by Ctrl-C, with what it had; and done."""
    pilots = quick.calibrations[0].pilots
    short = calibrate(stack, pilots, expected=EXPECTED, iterations=1)
    assert short.fit.ending is Ending.BUDGET_SPENT
    assert len(short.fit.history) == 2
    take_step, taken = least_squares._step, []

    def interrupted(*arguments):
        taken.append(take_step(*arguments))
        if len(taken) == 2:
            raise KeyboardInterrupt
        return taken[-1]

    monkeypatch.setattr(least_squares, "_step", interrupted)
    stopped = calibrate(stack, pilots, expected=EXPECTED, starts=24)
    assert stopped.fit.ending is Ending.INTERRUPTED
    np.testing.assert_array_equal(stopped.fit.values, short.fit.values)
    assert quick.calibrations[0].fit.ending is Ending.CONVERGED


def test_history_falls_to_what_the_residual_is(quick):
    """Every step is one down in the objective; the last entry is the residual's NMSE."""
    for calibration in quick.calibrations[:8]:
        fit, y = calibration.fit, calibration.pilots.received
        energy = np.sum(np.abs(fit.residual) ** 2)
        np.testing.assert_allclose(fit.history[-1], energy / np.sum(np.abs(y) ** 2), rtol=1e-9)
        penalty = calibration.pilots.noise_variance / 2 * np.sum(fit.values**2)
        np.testing.assert_allclose(fit.objective, energy + penalty, rtol=1e-12)
        assert fit.objective < fit.history[0] * np.sum(np.abs(y) ** 2)


def test_a_prior_is_wide_where_waves_turn_through_more_than_it_can_follow():
    """.7 rad: a shift of .11 wavelengths, or a turn that moves the corner by as much."""
    for pose, wide in [
        (Pose(dy_m=0.1 * WAVELENGTH_M), False),
        (Pose(dy_m=0.12 * WAVELENGTH_M), True),
        (Pose(rz_rad=0.05), False),
        (Pose(rz_rad=0.06), True),
        (Pose(dy_m=np.inf), False),
    ]:
        assert geometric.is_wide(Unknowns.of(case_study(), ONE_USER, Expected(pose))) == wide


def test_covariance_is_the_inverse_of_the_information():
    """NumPy's, of numbers whose scales differ by 1e12; infinite for what nothing tells of; none
    without noise."""
    rng = np.random.default_rng(0)
    J = rng.normal(size=(20, 5)) * [1, 1e6, 1e-6, 1, 1]
    matrix, precision = J.T @ J, np.array([1.0, 0, 0, 2.0, 0])
    found = least_squares.covariance(matrix, precision, 0.3)
    expected = np.linalg.inv(2 * matrix / 0.3 + np.diag(precision))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    J[:, 4] = J[:, 3]
    found = least_squares.covariance(J.T @ J, np.zeros(5), 0.3)
    np.testing.assert_array_equal(np.isinf(np.diag(found)), [0, 0, 0, 1, 1])
    alone = np.linalg.inv(2 * J[:, :3].T @ J[:, :3] / 0.3)
    assert (np.diag(found)[:3] > 0.9 * np.diag(alone)).all()
    assert not least_squares.covariance(matrix, precision, 0.0).any()
