"""Calibration from pilots of several frequencies: one geometry, a complex gain each.

Oracles: pilots of stacks made for every frequency, in NumPy; information adds up over frequencies
whose gains have nothing to do with each other; Monte Carlo against the bound.
"""

import dataclasses

import jax
import numpy as np
import pilots_in_numpy
import pytest
from calibration_case import (
    ONE_USER,
    PUBLISHED,
    THREE_USERS,
    built_stacks,
    case_study,
    gaussian,
    layers_nmse,
)

import metastack as ms
from metastack.calibration import (
    Expected,
    GainPerPort,
    KnownGain,
    Unknowns,
    WidebandPilots,
    band,
    bayesian_cramer_rao,
    calibrate,
    calibrate_wideband,
    random_plan,
    reference_power,
    simulate_pilots,
    simulate_wideband_pilots,
    wideband_bayesian_cramer_rao,
    wideband_cramer_rao,
    wideband_noiseless,
)
from metastack.errors import InputError

GAUSSIAN = gaussian(PUBLISHED)
EXPECTED = Expected.within(GAUSSIAN)
RESONATOR = ms.ResonatorDispersion(12.0)
FIVE_HZ = band(28e9, 0.1, 5)
SLOTS = 12
GAIN = ((0.5 + 0.3 * np.arange(5)) * np.exp(2j * np.arange(5))).reshape(1, 1, 1, 5)


@pytest.fixture(scope="module")
def stack():
    return case_study(atoms_per_side=3, layers=3)


@pytest.fixture(scope="module")
def plan(stack):
    return random_plan(stack, SLOTS, ONE_USER, seed=0)


@pytest.fixture(scope="module")
def variance(stack):
    """20 dB."""
    return 0.01 * reference_power(stack, ONE_USER)


@pytest.fixture(scope="module")
def made(stack):
    (one,) = built_stacks(stack, GAUSSIAN, 1, seed=3)
    return one


def shown_at(plan, frequency_hz, quality=12.0, centre_hz=28e9):
    """The phases of a parallel tank circuit that is tuned to what is asked, by its susceptance."""
    asked = np.tan(plan.phases_rad / 2) / quality
    resonance_hz = centre_hz * (np.sqrt(asked**2 + 4) - asked) / 2
    susceptance = quality * (frequency_hz / resonance_hz - resonance_hz / frequency_hz)
    return dataclasses.replace(plan, phases_rad=2 * np.arctan(susceptance))


def at_frequency(stack, frequency_hz):
    return dataclasses.replace(stack, frequency_hz=frequency_hz)


def summed_information(stack, plan, frequencies_hz, variance, reached):
    """Fisher's of the same displacements in metres, frequency by frequency, in NumPy."""
    total = 0
    for frequency_hz in frequencies_hz:
        unknowns = Unknowns.of(at_frequency(stack, frequency_hz), plan.illumination, EXPECTED)
        shown = shown_at(plan, frequency_hz)
        total = total + pilots_in_numpy.information(unknowns, shown, variance, reached)
    return total


def test_every_frequency_is_received_as_by_a_stack_made_for_it(made, plan):
    """Products of matrices in NumPy at five wavelengths; 1e-10 is the rounding of 2800 turns."""
    received = wideband_noiseless(made, plan, FIVE_HZ, RESONATOR)
    for number, frequency_hz in enumerate(FIVE_HZ):
        shown = np.exp(1j * shown_at(plan, frequency_hz).phases_rad)
        there = pilots_in_numpy.pilots(at_frequency(made, frequency_hz), ONE_USER, shown)
        off = np.abs(received[..., number] - there).max()
        assert off < 1e-10 * np.abs(there).max()


@pytest.mark.parametrize(
    ("gains", "reached"),
    [
        (None, pilots_in_numpy.one_gain),
        pytest.param(GainPerPort(), pilots_in_numpy.gain_per_port, marks=pytest.mark.slow),
    ],
)
def test_information_of_frequencies_adds_up(stack, plan, variance, gains, reached):
    """Gains of one frequency are none of another's: what is told is the sum of what each tells,
    by central differences in NumPy. The covariance follows, and matrices are those at the
    centre."""
    how = {"noise_variance": variance, "dispersion": RESONATOR, "gains": gains}
    bound = wideband_bayesian_cramer_rao(stack, plan, FIVE_HZ, EXPECTED, **how)
    told = summed_information(stack, plan, FIVE_HZ, variance, reached)
    np.testing.assert_allclose(bound.information, told, atol=1e-7 * np.abs(told).max())
    spread = np.linalg.inv(told + np.eye(len(told)))
    np.testing.assert_allclose(bound.covariance, spread, atol=1e-7)
    grams = pilots_in_numpy.link_grams(bound.unknowns)
    np.testing.assert_allclose(bound.link_nmse, np.einsum("pq,lpq->l", spread, grams), rtol=1e-6)
    free = wideband_cramer_rao(stack, plan, FIVE_HZ, EXPECTED, **how)
    assert (free.link_nmse >= bound.link_nmse).all()


@pytest.mark.slow
def test_one_frequency_at_the_centre_is_the_narrowband_calibration(made, stack, plan):
    """The same pilots give the same stack and the same deviations, to rounding."""
    pilots = simulate_pilots(made, plan, snr_db=20, key=jax.random.key(0))
    wide = WidebandPilots.measured(
        plan, np.array([28e9]), pilots.received[..., None], pilots.noise_variance
    )
    one = calibrate(stack, pilots, expected=EXPECTED)
    other = calibrate_wideband(stack, wide, expected=EXPECTED, dispersion=RESONATOR)
    np.testing.assert_allclose(other.values, one.values, atol=1e-9)
    np.testing.assert_allclose(other.deviation, one.deviation, atol=1e-9)
    np.testing.assert_array_equal(wide.at(0).received, pilots.received)
    assert other.unseen.sentences is not None


def test_without_noise_poses_and_a_gain_for_each_frequency_come_back(made, stack, plan):
    """Gains of other sizes at every frequency, to rounding; and so do matrices."""
    pilots = simulate_wideband_pilots(
        made, plan, FIVE_HZ, snr_db=np.inf, key=jax.random.key(0), dispersion=RESONATOR, gain=GAIN
    )
    found = calibrate_wideband(stack, pilots, expected=EXPECTED, dispersion=RESONATOR)
    np.testing.assert_allclose(found.fit.gain, GAIN, rtol=1e-8)
    assert layers_nmse(found.stack, made) < 1e-18 * layers_nmse(stack, made)
    assert float(found.stack.frequency_hz) == 28e9


@pytest.mark.slow
def test_the_noise_explains_the_residual_only_if_dispersion_is_right(made, stack, plan):
    """A residual energy of 1 to 4 standard deviations of chi-square, (2 / freedom)^½; without
    the atoms' dispersion it is many times that."""
    pilots = simulate_wideband_pilots(
        made, plan, FIVE_HZ, snr_db=20, key=jax.random.key(1), dispersion=RESONATOR, gain=GAIN
    )
    right = calibrate_wideband(stack, pilots, expected=EXPECTED, dispersion=RESONATOR)
    wrong = calibrate_wideband(stack, pilots, expected=EXPECTED)
    freedom = 2 * pilots.received.size
    assert abs(right.noise_ratio - 1) < 4 * np.sqrt(2 / freedom)
    assert right.p_value > 1e-4
    assert wrong.noise_ratio > 10
    assert wrong.p_value < 1e-12


@pytest.mark.slow
def test_what_a_wideband_calibration_says_of_its_error_is_true(stack, plan):
    """(v - v̂)ᵀ C⁻¹ (v - v̂) of 9 unknowns is chi-square of 9 if C is the covariance: of 32 stacks, a
    mean of 9 to four times (18 / 32)^½."""
    statistic = []
    for number, built in enumerate(built_stacks(stack, GAUSSIAN, 32)):
        pilots = simulate_wideband_pilots(
            built,
            plan,
            FIVE_HZ,
            snr_db=20,
            key=jax.random.key(number),
            dispersion=RESONATOR,
            gain=GAIN / np.sqrt(np.mean(np.abs(GAIN) ** 2)),
        )
        found = calibrate_wideband(stack, pilots, expected=EXPECTED, dispersion=RESONATOR)
        unknowns = found.unknowns
        poses = np.array([np.asarray(dof) for dof in vars(built.poses).values()])
        missed = found.values - poses[unknowns.freedoms, unknowns.planes] / unknowns.unit
        statistic.append(missed @ np.linalg.solve(found.fit.covariance, missed))
    assert abs(np.mean(statistic) - 9) < 4 * np.sqrt(18 / 32)


@pytest.mark.slow
def test_users_and_known_gains_work_over_a_band(stack):
    """Three users, gains known: a model of another shape, told more than with a gain unknown."""
    plan = random_plan(stack, SLOTS, THREE_USERS, seed=0)
    how = {"noise_variance": 1e-6, "dispersion": RESONATOR}
    known, one = (
        wideband_cramer_rao(stack, plan, FIVE_HZ[:2], EXPECTED, gains=gains, **how)
        for gains in (KnownGain(), None)
    )
    assert np.linalg.eigvalsh(known.information - one.information)[0] > -1e-9 * np.trace(
        known.information
    )
    assert wideband_noiseless(stack, plan, FIVE_HZ[:2]).shape == (SLOTS, 4, 3, 2)


def test_a_band_is_spread_about_its_centre():
    """Ends included."""
    np.testing.assert_allclose(band(28e9, 0.1, 3), [26.6e9, 28e9, 29.4e9])
    np.testing.assert_array_equal(band(28e9, 0.1, 1), [28e9])


@pytest.mark.parametrize(
    ("frequencies", "said"),
    [
        ([], "must be a list of numbers"),
        ([28e9, 28e9], "must differ"),
        ([28e9, -1.0], "must be positive"),
        ([28.0, 29.0], "must be about the stack's"),
    ],
)
def test_impossible_frequencies_are_refused_in_one_line(stack, plan, frequencies, said):
    """With what is wrong."""
    with pytest.raises(InputError, match=said) as caught:
        wideband_noiseless(stack, plan, np.array(frequencies))
    assert len(str(caught.value).splitlines()) == 1


def test_pilots_that_contradict_their_frequencies_or_table_are_refused(stack, plan):
    """In shape, in reach, in size."""
    received = np.ones((SLOTS, 4, 1, 5), complex)
    with pytest.raises(InputError, match="x 4 frequencies"):
        WidebandPilots.measured(plan, FIVE_HZ[:4], received)
    with pytest.raises(InputError, match="more than 0 and less than 2"):
        band(28e9, 0.0, 2)
    turns = np.exp(2j * np.pi * np.arange(8) / 8)[:, None] * np.ones(2)
    narrow = ms.MeasuredDispersion.from_table(np.array([27.9e9, 28.1e9]), turns, centre_hz=28e9)
    with pytest.raises(InputError, match="must hold all frequencies"):
        wideband_noiseless(stack, plan, FIVE_HZ, narrow)
    pilots = WidebandPilots.measured(plan, FIVE_HZ, received[:, :3])
    with pytest.raises(InputError, match="must be of 4 antennas"):
        calibrate_wideband(stack, pilots, expected=EXPECTED)


@pytest.mark.slow
def test_wideband_calibration_attains_its_bound():
    """The paper's case study with 4 antennas: 20 slots at 20 dB, 11 frequencies over 10 %, atoms
    of quality 10. Of 400 stacks, whose mean NMSE is known to .1 dB, within .3 dB; and better than
    one frequency at as many slots by more than 5 dB."""
    stack, frequencies = case_study(), band(28e9, 0.1, 11)
    plan, resonator = random_plan(stack, 20, ONE_USER, seed=0), ms.ResonatorDispersion(10.0)
    noise = 0.01 * reference_power(stack, ONE_USER)
    bound = wideband_bayesian_cramer_rao(
        stack, plan, frequencies, EXPECTED, noise_variance=noise, dispersion=resonator
    )
    after = []
    for number, built in enumerate(built_stacks(stack, GAUSSIAN, 400)):
        pilots = simulate_wideband_pilots(
            built,
            plan,
            frequencies,
            snr_db=20,
            key=jax.random.key(number),
            dispersion=resonator,
            gain=np.exp(1j * np.arange(11)).reshape(1, 1, 1, 11),
        )
        found = calibrate_wideband(stack, pilots, expected=EXPECTED, dispersion=resonator)
        after.append(layers_nmse(found.stack, built))
    above_db = 10 * np.log10(np.mean(after) / bound.link_nmse[1:-1].mean())
    error_db = 10 * np.log10(1 + np.std(after) / np.sqrt(len(after)) / np.mean(after))
    assert error_db < 0.15
    assert abs(above_db) < 0.3
    narrow = bayesian_cramer_rao(stack, plan, EXPECTED, noise_variance=noise)
    assert bound.improvement_db > narrow.improvement_db + 5
