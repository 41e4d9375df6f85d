"""Calibration from energies: law, information, estimates at their bound, what phases would add."""

import jax
import jax.numpy as jnp
import numpy as np
import pilots_in_numpy
import pytest
import scipy.stats
from calibration_case import (
    EXPECTED,
    ONE_USER,
    PUBLISHED,
    WAVELENGTH_M,
    built_stacks,
    case_study,
    layers_nmse,
    noisy,
)

import metastack as ms
from metastack import InputError, Pose
from metastack.calibration import (
    Ending,
    EnergyPilots,
    EnergyReceivers,
    Expected,
    OneGain,
    OntoFirstLayer,
    PlaneWaves,
    Unknowns,
    bayesian_cramer_rao,
    calibrate_energies,
    design_plan,
    energies_of,
    energy_bayesian_cramer_rao,
    energy_cramer_rao,
    noiseless,
    random_plan,
    reference_power,
    simulate_energy_pilots,
)
from metastack.calibration.energy_model import EnergyModel, deviance, equations
from metastack.calibration.pilot_model import PoseModel
from metastack.rician import information_by_quadrature

SLOTS = 60
# So small that central differences of e^x are good to 1e-9.
GAIN_UNIT = 0.03
# The paper's degrees of freedom, of which nothing is known.
UNKNOWN = Expected(Pose(dy_m=np.inf, dz_m=np.inf, rz_rad=np.inf))


@pytest.fixture(scope="module")
def stack():
    return case_study(atoms_per_side=3, layers=3)


@pytest.fixture(scope="module")
def plan(stack):
    return random_plan(stack, SLOTS, ONE_USER, seed=0)


@pytest.fixture(scope="module")
def unknowns(stack):
    return Unknowns.of(stack, ONE_USER, EXPECTED)


@pytest.fixture(scope="module")
def power(unknowns, plan):
    """Of a response."""
    return np.mean(np.abs(sent(unknowns, plan)) ** 2)


def sent(unknowns, plan, values=None):
    """Noiseless responses with these values of the unknowns, at nominal if not told, by NumPy."""
    values = np.zeros(unknowns.size) if values is None else values
    moved = pilots_in_numpy.applied(unknowns, values)
    return pilots_in_numpy.pilots(*moved, np.exp(1j * plan.phases_rad))


def measured(plan, clean, noise_variance, rng):
    """Energies of responses with noise."""
    return energies_of(noisy(plan, clean, noise_variance, rng))


def snr_in_numpy(unknowns, plan, noise_variance, log_gain):
    """λ of every energy as a function of the unknowns and, in a small unit, one log power gain."""

    def snr(values):
        y = sent(unknowns, plan, values[:-1])
        return np.exp(log_gain + GAIN_UNIT * values[-1]) * np.abs(y) ** 2 / noise_variance

    return snr


def deviance_in_scipy(energies, noise_variance, snr):
    """-2 log of the noncentral chi-square density that SciPy has."""
    x = energies / noise_variance
    return -2 * np.sum(scipy.stats.ncx2.logpdf(2 * x, 2, 2 * snr))


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_the_likelihood_is_that_of_scipy_and_its_score_and_information_follow(
    unknowns, plan, power, snr_db
):
    """Responses in NumPy, the noncentral chi-square of SciPy, central differences of both (1e-8 of
    slopes), and the information of one energy by quadrature. Differences of likelihoods, because
    densities of x and of 2 x differ by a constant."""
    noise, log_gain, rng = power * 10 ** (-snr_db / 10), -0.3, np.random.default_rng(1)
    snr = snr_in_numpy(unknowns, plan, noise, log_gain)
    at = np.append(0.3 * rng.normal(size=unknowns.size), 0.0)
    energies = measured(plan, np.sqrt(noise * snr(0 * at)), noise, rng).energies
    with ms.float64():
        model = EnergyModel.of(PoseModel.of(unknowns, plan), OneGain(), noise)
        values = jnp.asarray(at).at[-1].set(log_gain)
        found = jax.tree.map(np.asarray, equations(model, values, jnp.asarray(energies)))
        there, nominal = (
            float(deviance(model, each, jnp.asarray(energies)))
            for each in (values, jnp.zeros(len(at)).at[-1].set(log_gain))
        )
    assert there == pytest.approx(float(found.deviance), rel=1e-12)
    expected = [deviance_in_scipy(energies, noise, snr(each)) for each in (at, 0 * at)]
    assert there - nominal == pytest.approx(expected[0] - expected[1], rel=1e-6)
    slope = pilots_in_numpy.central_differences(
        lambda each: deviance_in_scipy(energies, noise, snr(each)), at
    )
    unit = np.append(np.ones(unknowns.size), GAIN_UNIT)
    scale = np.sqrt(np.diag(found.information)) * unit
    np.testing.assert_allclose(found.score * unit / scale, -slope / 2 / scale, atol=1e-5)
    slopes = pilots_in_numpy.central_differences(snr, at).reshape(-1, len(at))
    told, *_ = information_by_quadrature(snr(at).ravel())
    np.testing.assert_allclose(
        found.information * np.outer(unit / scale, unit / scale),
        (told[:, None] * slopes).T @ slopes / np.outer(scale, scale),
        atol=1e-6,
    )


@pytest.mark.slow
def test_energies_tell_less_than_fields_and_in_the_end_as_much_as_amplitudes(
    stack, plan, power, unknowns
):
    """What is computed from fields cannot tell more (data processing): the difference of the
    informations has no negative eigenvalue but rounding, whatever the SNR. Without noise energies
    are amplitudes, whose noise has half the power: 2 Re(y* ∂y)² / (|y|² σ²), NumPy's."""
    for noise in (10 * power, power, 1e-3 * power):
        field = pilots_in_numpy.information(unknowns, plan, noise, pilots_in_numpy.one_gain)
        energy = energy_bayesian_cramer_rao(stack, plan, EXPECTED, noise_variance=noise)
        left = np.linalg.eigvalsh(field - energy.information)
        assert left[0] > -1e-8 * left[-1]
    noise = 1e-9 * power
    energy = energy_bayesian_cramer_rao(stack, plan, EXPECTED, noise_variance=noise)

    def amplitude(values):
        return np.sqrt(2 / noise) * np.abs(sent(unknowns, plan, values)).ravel()

    J = pilots_in_numpy.central_differences(amplitude, np.zeros(unknowns.size))
    a = amplitude(np.zeros(unknowns.size))
    J = J - np.outer(a, a @ J) / (a @ a)
    scale = np.sqrt(np.diag(J.T @ J))
    np.testing.assert_allclose(
        energy.information / np.outer(scale, scale), J.T @ J / np.outer(scale, scale), atol=1e-6
    )


@pytest.mark.slow
def test_unbiased_estimates_attain_the_cramer_rao_bound(stack, plan, power, unknowns):
    """Without a prior, at 60 dB where energies are linear in all errors, 80 runs of noise: what is
    left in units of the covariance is chi-square of 9, its mean to 4 standard errors."""
    noise, clean, rng = 1e-6 * power, 1j * sent(unknowns, plan), np.random.default_rng(2)
    bound = energy_cramer_rao(stack, plan, UNKNOWN, noise_variance=noise)
    runs = [measured(plan, clean, noise, rng) for _ in range(80)]
    found = np.array([calibrate_energies(stack, each, expected=UNKNOWN).values for each in runs])
    squared = np.einsum("np,pq,nq->n", found, np.linalg.inv(bound.covariance), found)
    assert abs(squared.mean() - 9) < 4 * np.sqrt(18 / 80)
    assert np.abs(found.mean(axis=0) / bound.deviation).max() < 4 / np.sqrt(80)


@pytest.mark.parametrize("snr_db", [pytest.param(5.0, marks=pytest.mark.slow), 30.0])
def test_errors_are_what_the_posterior_says(stack, plan, power, unknowns, snr_db):
    """40 stacks from the prior: errors in units of the posterior covariance have a mean square of
    9 to 4 standard errors, also at an SNR at which energies are noise as much as field."""
    noise, rng, squared = power * 10 ** (-snr_db / 10), np.random.default_rng(3), []
    for truth in rng.normal(size=(40, unknowns.size)):
        pilots = measured(plan, sent(unknowns, plan, truth), noise, rng)
        found = calibrate_energies(stack, pilots, expected=EXPECTED)
        error = found.values - truth
        squared.append(error @ np.linalg.solve(found.fit.covariance[:9, :9], error))
    assert abs(np.mean(squared) - 9) < 4 * np.sqrt(18 / 40)


def test_starts_end_with_the_first_that_explains_and_ctrl_c_keeps_what_there_is(
    stack, plan, power, unknowns, monkeypatch
):
    rng = np.random.default_rng(7)
    clean = sent(unknowns, plan, rng.normal(size=unknowns.size))
    pilots = measured(plan, clean, 1e-3 * power, rng)
    told = []
    calibrate_energies(
        stack, pilots, expected=EXPECTED, starts=5, on_start=lambda *done: told.append(done)
    )
    assert told == [(1, 5)]
    from metastack.calibration import energy_fit

    def interrupted(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(energy_fit, "damped_step", interrupted)
    found = calibrate_energies(stack, pilots, expected=EXPECTED)
    assert found.fit.ending is Ending.INTERRUPTED
    assert not found.values.any()


GOOD = np.arange(1.0, SLOTS * 4 + 1).reshape(SLOTS, 4)


@pytest.mark.parametrize(
    ("energies", "variance", "message"),
    [
        (GOOD - 2, 1.0, "must not be negative, but 1 are, down to -1; the first is of slot 0"),
        (np.where(GOOD == 9, np.nan, GOOD), 1.0, "must be finite, but has 1 .* slot 2"),
        (GOOD * 1j, 1.0, "must be real, but is complex.*metastack calibrate fit"),
        (np.full_like(GOOD, 3), 1.0, "must differ from each other, but all are 3"),
        (GOOD * 1e150, 1.0, "must be within"),
        (GOOD[1:], 1.0, "a row for each of the 60 slots, but has 59"),
        (GOOD[0], 1.0, "slots x antennas x users"),
        (GOOD.astype(str), 1.0, "must hold numbers"),
        (GOOD, None, "must be known, but is not.*--noise-variance"),
        (GOOD, 0.0, "must be positive and finite, but is 0.0"),
        (GOOD, np.nan, "must be positive and finite, but is nan"),
    ],
)
def test_energies_that_cannot_be_are_refused_in_one_line(plan, energies, variance, message):
    with pytest.raises(InputError, match=message) as refused:
        EnergyPilots.measured(plan, energies, variance)
    assert "\n" not in str(refused.value)


def test_energies_of_another_stack_or_too_few_are_refused(stack, plan):
    other = EnergyPilots.measured(plan, GOOD[:, :3], 1.0)
    with pytest.raises(InputError, match="must be of 4 antennas"):
        calibrate_energies(stack, other, expected=EXPECTED)
    few = random_plan(stack, 2, ONE_USER, seed=0)
    with pytest.raises(InputError, match="more energies than unknowns"):
        calibrate_energies(stack, EnergyPilots.measured(few, GOOD[:2], 1.0), expected=UNKNOWN)
    with pytest.raises(InputError, match="`snr_db` of energies"):
        simulate_energy_pilots(stack, plan, snr_db=np.inf, key=jax.random.key(0))
    with pytest.raises(InputError, match="`noise_variance` must be positive"):
        energy_cramer_rao(stack, plan, EXPECTED, noise_variance=0)


@pytest.mark.slow
def test_the_case_study_from_energies_reaches_its_bound():
    """16 antennas, 1000 slots, 30 dB, 200 stacks: mean NMSE of the matrices between layers within
    .5 dB of the Bayesian bound; the mean of so many has a standard error of .2 dB. Fields reach
    more, but less than 4 dB: half the information is 3 dB."""
    stack = case_study(antennas_per_side=4)
    plan = random_plan(stack, 1000, ONE_USER, seed=0)
    noise = 1e-3 * reference_power(stack, ONE_USER)
    known = {"noise_variance": noise}
    bound = energy_bayesian_cramer_rao(stack, plan, EXPECTED, **known)
    field = bayesian_cramer_rao(stack, plan, EXPECTED, **known)
    assert 2 < field.improvement_db - bound.improvement_db < 4
    rng, after = np.random.default_rng(0), []
    for made in built_stacks(stack, PUBLISHED, 200):
        pilots = measured(plan, (0.3 + 0.2j) * noiseless(made, plan), 0.13 * noise, rng)
        after.append(layers_nmse(calibrate_energies(stack, pilots, expected=EXPECTED).stack, made))
    assert abs(10 * np.log10(np.mean(after) / bound.link_nmse[1:-1].mean())) < 0.5


@pytest.mark.slow
def test_designed_pilots_for_energies_are_worth_more(stack, unknowns, power):
    """The objective is the bound of energies, the gain as one more unknown or projected out; and
    four designed slots leave less than four random ones."""
    known = {"noise_variance": 1e-2 * power}
    designed = design_plan(
        stack, 4, ONE_USER, expected=EXPECTED, receivers=EnergyReceivers(), steps=5, **known
    )
    chosen, random = (
        energy_bayesian_cramer_rao(stack, each, EXPECTED, **known).link_nmse[1:-1].mean()
        for each in (designed.plan, random_plan(stack, 4, ONE_USER, seed=1))
    )
    assert designed.history[-1] == pytest.approx(chosen, rel=1e-8)
    assert chosen < 0.7 * random


def test_what_only_turns_phases_is_seen_by_fields_alone(stack):
    """A common lateral shift of layers and receivers under two plane waves turns each response by a
    phase of its user: fields see it, and no energy changes, to the rounding of NumPy."""
    lit = OntoFirstLayer(PlaneWaves(np.array([[0.5, 0.3], [-0.2, 0.1]])))
    shift = 1e-2 * WAVELENGTH_M * np.array([0, 1, 1, 1, 1])
    common = Unknowns.of(stack, lit, Expected(Pose(dx_m=shift)))
    plan = random_plan(stack, 10, lit, seed=0)
    nominal, moved = sent(common, plan), sent(common, plan, np.ones(common.size))
    np.testing.assert_allclose(np.abs(moved), np.abs(nominal), rtol=1e-9)
    gain = np.vdot(nominal, moved) / np.vdot(nominal, nominal)
    assert np.linalg.norm(moved - gain * nominal) > 0.01 * np.linalg.norm(nominal)
