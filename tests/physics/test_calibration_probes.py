"""Power probes between layers, against products of matrices in NumPy and Monte Carlo."""

import jax
import jax.numpy as jnp
import numpy as np
import pilots_in_numpy
import pytest
import scipy.special
from calibration_case import (
    ONE_USER,
    PUBLISHED,
    WAVELENGTH_M,
    built_stacks,
    case_study,
    gaussian,
    layers_nmse,
)

from metastack import Pose, float64
from metastack.calibration import (
    Expected,
    OntoFirstLayer,
    PilotPlan,
    PlaneWaves,
    PowerProbes,
    Unknowns,
    bayesian_cramer_rao,
    calibrate_with_probes,
    probe_powers,
    probed_bayesian_cramer_rao,
    random_plan,
    reference_power,
    simulate_pilots,
    simulate_probes,
    unseen_from,
    what_probes_bought,
)
from metastack.calibration.probes import noise_of, reading_information, with_noise_variance
from metastack.errors import InputError

GAUSSIAN = gaussian(PUBLISHED)
EXPECTED = Expected.within(GAUSSIAN)
SLOTS, SCALES = 15, np.array([3.0, 0.2, 7.0])


@pytest.fixture(scope="module")
def stack():
    return case_study(atoms_per_side=3, layers=3)


@pytest.fixture(scope="module")
def plan(stack):
    return random_plan(stack, SLOTS, ONE_USER, seed=0)


@pytest.fixture(scope="module")
def probes(stack):
    """Two behind layer 1 and one behind layer 2, which see the wave at about 20 dB."""
    return [
        PowerProbes.behind(stack, layer, atoms, noise_variance=noise)
        for layer, atoms, noise in ((1, [3, 7], 3e-3), (2, [4], 1e-3))
    ]


@pytest.fixture(scope="module")
def variance(stack):
    """20 dB."""
    return 0.01 * reference_power(stack, ONE_USER)


def powers_in_numpy(stack, phases_rad, probes):
    """Slots x probes, of one user: Rayleigh-Sommerfeld from each layer to the points."""
    field, *hops = pilots_in_numpy.links(stack, ONE_USER)
    shown = np.exp(1j * phases_rad)
    behind = [shown[:, 0, :, None] * field]
    for number, hop in enumerate(hops[:-1], start=1):
        behind.append(shown[:, number, :, None] * (hop @ behind[-1]))
    area_m2, powers = stack.layer_array.spacing_x_m * stack.layer_array.spacing_y_m, []
    for each in probes:
        start, normal = pilots_in_numpy.points_and_normal(stack, each.layer)
        d = each.positions_m[:, None] - start
        r = np.linalg.norm(d, axis=-1)
        wave = np.exp(2j * np.pi * r / WAVELENGTH_M)
        matrix = area_m2 * (d @ normal) / r**2 * (1 / (2 * np.pi * r) - 1j / WAVELENGTH_M) * wave
        powers.append(np.abs(matrix @ behind[each.layer - 1])[..., 0] ** 2)
    return np.concatenate(powers, axis=1)


def powers_of(stack, plan, probes):
    with float64():
        shown = stack.atoms(jnp.asarray(plan.phases_rad))
        return np.asarray(probe_powers(stack, plan.illumination, shown, probes))


def information_by_differences(mean, noise):
    """Of readings about their means: x = |f + n|² / σ² has the density e^{-x-λ} I_0(2√(xλ)). The
    score by central differences, the mean of its square by the midpoint rule over √x."""
    snr, step = mean / noise, 1e-4 * mean / noise
    edges = np.linspace(np.maximum(np.sqrt(snr) - 8, 0), np.sqrt(snr) + 8, 2001)
    root = (edges[1:] + edges[:-1]) / 2

    def density(snr):
        return np.exp(-((root - np.sqrt(snr)) ** 2)) * scipy.special.i0e(2 * root * np.sqrt(snr))

    less, at, more = (density(snr + by) for by in (-step, 0, step))
    score = (more - less) / (2 * step * at)
    return np.sum(2 * root * at * score**2, axis=0) * (edges[1] - edges[0]) / noise**2


def missed_by(found, made):
    """Estimate less truth, in units of the unknowns."""
    poses = np.array([np.asarray(dof) for dof in vars(made.poses).values()])
    return (
        found.values - poses[found.unknowns.freedoms, found.unknowns.planes] / found.unknowns.unit
    )


def test_probes_read_the_power_of_the_wave_behind_their_layer(stack, plan, probes):
    """As products of matrices in NumPy, on a built stack: probes stand still while layers move.
    1e-10 is the rounding of 2800 turns."""
    (made,) = built_stacks(stack, GAUSSIAN, 1)
    here = powers_of(made, plan, probes)[..., 0]
    there = powers_in_numpy(made, plan.phases_rad, probes)
    np.testing.assert_allclose(here, there, rtol=1e-9)
    moved = powers_in_numpy(stack, plan.phases_rad, probes)
    assert np.abs(there / moved - 1).max() > 1e-4


def test_the_mean_of_a_reading_is_its_power_and_its_variance_that_of_the_noise(stack, probes):
    """2 |f|² σ² + σ⁴ of 4000 readings of the same phases, each within 5 standard errors; of a
    variance near a Gaussian's that is (2 / 4000)^½, and half as much again for its fourth
    moment."""
    one = random_plan(stack, 1, ONE_USER, seed=0).phases_rad
    plan = PilotPlan(np.repeat(one, 4000, axis=0), ONE_USER)
    readings = simulate_probes(stack, plan, probes, key=jax.random.key(0))[..., 0]
    power = powers_in_numpy(stack, one, probes)[0]
    expected = 2 * power * noise_of(probes) + noise_of(probes) ** 2
    assert np.all(np.abs(readings.mean(0) - power) < 5 * np.sqrt(expected / 4000))
    assert np.abs(readings.var(0) / expected - 1).max() < 5 * 1.5 * np.sqrt(2 / 4000)


def test_information_of_pilots_and_probes_adds_up(stack, plan, probes, variance):
    """Of readings by central differences in NumPy, weighed by what their law lets them tell, the
    unknown scale of every probe taken out by orthogonal projection; with it every bound is lower.
    """
    bound = probed_bayesian_cramer_rao(stack, plan, probes, EXPECTED, noise_variance=variance)
    unknowns = Unknowns.of(stack, ONE_USER, EXPECTED)

    def powers(values):
        moved, _ = pilots_in_numpy.applied(unknowns, values)
        return powers_in_numpy(moved, plan.phases_rad, probes)

    nominal = np.zeros(unknowns.size)
    slopes, power = pilots_in_numpy.central_differences(powers, nominal), powers(nominal)
    weight = np.sqrt(information_by_differences(power, noise_of(probes)))
    told = pilots_in_numpy.information(unknowns, plan, variance, pilots_in_numpy.one_gain)
    alone = np.linalg.inv(told + np.eye(unknowns.size))
    for probe in range(3):
        J = slopes[:, probe] * weight[:, probe, None]
        scale = power[:, probe] * weight[:, probe]
        J = J - np.outer(scale, scale @ J) / (scale @ scale)
        told = told + J.T @ J
    np.testing.assert_allclose(bound.information, told, atol=1e-5 * np.abs(told).max())
    assert np.linalg.eigvalsh(alone - bound.covariance)[0] > -1e-9


def test_a_reading_tells_little_more_than_a_gaussian_of_its_variance():
    """1 to 1.07 times 1 / (2 m σ² + σ⁴), by differences of its law; 1 where one of noise and field
    is all."""
    means, noise = np.array([1e-3, 0.3, 1.5, 10.0, 1e3])[:, None, None], np.array([0.5])
    told = reading_information(0.5 * means, noise)[:, 0, 0]
    expected = information_by_differences(0.5 * means[:, 0, 0], 0.5)
    np.testing.assert_allclose(told, expected, rtol=1e-5)
    more = told * (2 * 0.5 * means[:, 0, 0] * 0.5 + 0.25)
    np.testing.assert_allclose(more[[0, 4]], 1, atol=1e-3)
    assert more.min() > 1 - 1e-9
    assert abs(more[2] - 1.07) < 0.005


def test_what_a_probe_makes_of_power_does_not_matter(stack, plan, probes, variance):
    """Readings in other units, and with them what is read in the dark: the same stack is found, to
    the fit's own precision, and the scales with it. What probes bought is then as was expected of
    the stack as designed, to .3 dB of what a stack of tolerance differs."""
    (made,) = built_stacks(stack, GAUSSIAN, 1)
    pilots = simulate_pilots(made, plan, snr_db=20, key=jax.random.key(0), gain=0.2 - 3j)
    readings = simulate_probes(made, plan, probes, key=jax.random.key(1))
    other = with_noise_variance(probes, noise_of(probes) * SCALES)
    one = fit(pilots, probes, readings)
    scaled = fit(pilots, other, SCALES[:, None] * readings)
    np.testing.assert_allclose(scaled.values, one.values, atol=1e-6)
    np.testing.assert_allclose(scaled.scale / one.scale, SCALES, rtol=1e-6)
    assert scaled.explained
    bought = what_probes_bought(scaled)
    before = bayesian_cramer_rao(stack, plan, EXPECTED, noise_variance=variance)
    after = probed_bayesian_cramer_rao(stack, plan, probes, EXPECTED, noise_variance=variance)
    assert abs(bought.without.improvement_db - before.improvement_db) < 0.3
    assert abs(bought.with_probes.improvement_db - after.improvement_db) < 0.3


def test_a_probe_said_to_stand_elsewhere_is_not_explained(stack, plan, probes):
    """Readings of probes behind other atoms: the noise explains nothing of the kind."""
    pilots = simulate_pilots(stack, plan, snr_db=20, key=jax.random.key(0))
    readings = simulate_probes(stack, plan, probes, key=jax.random.key(1))
    wrong = fit(pilots, probes, readings[:, ::-1])
    assert not wrong.explained
    assert wrong.p_value < 1e-6
    assert "stands behind" in wrong.sentence


@pytest.mark.slow
@pytest.mark.parametrize("probe_snr_db", [20, 40])
def test_calibration_with_probes_attains_its_bound(stack, probe_snr_db):
    """200 stacks, three probes behind each of two layers: the mean NMSE of the matrices between
    layers is the bound's, and (v - v̂)ᵀ C⁻¹ (v - v̂) of 9 unknowns is 9, each to 3 standard errors
    of these stacks, .3 dB of the NMSE. Not of fewer: of 30 the standard error is .6 dB, and where
    the NMSE comes out low, so does what they show of it."""
    plan, noise = random_plan(stack, 10, ONE_USER, seed=0), 0.01 * reference_power(stack, ONE_USER)
    unit = [PowerProbes.behind(stack, layer, [2, 4, 6], noise_variance=1.0) for layer in (1, 2)]
    mean = powers_of(stack, plan, unit).mean((0, 2))
    probes = with_noise_variance(unit, mean * 10 ** (-probe_snr_db / 10))
    bound = probed_bayesian_cramer_rao(stack, plan, probes, EXPECTED, noise_variance=noise)
    nmse, statistic = [], []
    for number, made in enumerate(built_stacks(stack, GAUSSIAN, 200)):
        pilots = simulate_pilots(made, plan, snr_db=20, key=jax.random.key(number))
        readings = simulate_probes(made, plan, probes, key=jax.random.key(1000 + number))
        found = fit(pilots, probes, readings)
        missed = missed_by(found, made)
        nmse.append(layers_nmse(found.stack, made))
        statistic.append(missed @ np.linalg.solve(bound.covariance, missed))
    for measured, expected in ((nmse, bound.link_nmse[1:-1].mean()), (statistic, 9.0)):
        error = np.std(measured, ddof=1) / np.sqrt(len(measured))
        assert error < 0.08 * expected
        assert abs(np.mean(measured) - expected) < 3 * error


@pytest.mark.slow
def test_a_fit_with_probes_is_as_uncertain_as_it_says(stack, plan, probes, variance):
    """(v - v̂)ᵀ C⁻¹ (v - v̂) of 9 unknowns is chi-square of 9 if C is the covariance: of 24 stacks, a
    mean of 9 to four times (18 / 24)^½. Scales are found, whatever they are: to 5 % of readings
    that noise changes by some per cent each."""
    snr_db = 10 * np.log10(reference_power(stack, ONE_USER) / variance)
    statistic = []
    for number, made in enumerate(built_stacks(stack, GAUSSIAN, 24)):
        pilots = simulate_pilots(made, plan, snr_db=snr_db, key=jax.random.key(number))
        readings = simulate_probes(
            made, plan, probes, key=jax.random.key(1000 + number), scale=SCALES
        )
        found = calibrate_with_probes(stack, pilots, probes, readings, expected=EXPECTED)
        missed = missed_by(found, made)
        statistic.append(missed @ np.linalg.solve(found.fit.covariance, missed))
    assert abs(np.mean(statistic) - 9) < 4 * np.sqrt(18 / 24)
    fitted = powers_of(found.stack, plan, probes)
    np.testing.assert_allclose(readings.sum(0) / fitted.sum(0), SCALES[:, None], rtol=0.1)


@pytest.mark.slow
def test_probes_beside_the_axis_see_what_one_antenna_on_it_cannot():
    """A common rotation of all layers, one antenna and a broadside user: everything is symmetric
    about the axis but the probes, which stand still."""
    stack = case_study(antennas_per_side=1, atoms_per_side=4, layers=3)
    broadside = OntoFirstLayer(PlaneWaves(np.zeros((1, 2))))
    plan = random_plan(stack, 100, broadside, seed=0)
    noise = 1e-3 * reference_power(stack, broadside)
    expected = Expected(Pose(rz_rad=0.02))
    blind = bayesian_cramer_rao(stack, plan, expected, noise_variance=noise)
    assert "common rotation" in " ".join(unseen_from(blind, antennas=1).sentences)
    probes = [PowerProbes.behind(stack, 2, [1, 7], noise_variance=1e-3)]
    told = probed_bayesian_cramer_rao(stack, plan, probes, expected, noise_variance=noise)
    assert unseen_from(told, antennas=1).sentences == ()


def test_impossible_probes_are_refused_in_one_line(stack, plan, probes):
    """With what is wrong."""
    pilots = simulate_pilots(stack, plan, snr_db=20, key=jax.random.key(0))
    readings = np.ones((SLOTS, 3, 1))
    before = PowerProbes(2, np.zeros((1, 3)), 1.0)
    blind = type(pilots)(plan, pilots.received, None)
    for call, said in (
        (lambda: PowerProbes.behind(stack, 4, [0], noise_variance=1.0), "`layer` must be from 1"),
        (lambda: PowerProbes.behind(stack, 1, [9], noise_variance=1.0), "`atoms` must be from 0"),
        (lambda: PowerProbes.behind(stack, 1, [0], noise_variance=0.0), "must be positive"),
        (lambda: fit(pilots, [], readings), "at least one set"),
        (lambda: fit(pilots, [before], readings), "must stand behind layer 2"),
        (lambda: fit(pilots, probes, readings[:, :2]), "must be slots x probes x users"),
        (lambda: fit(pilots, probes, -readings), "must read power"),
        (lambda: fit(blind, probes, readings), "must be known"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            call()
        assert len(str(caught.value).splitlines()) == 1


def fit(pilots, probes, readings):
    stack = case_study(atoms_per_side=3, layers=3)
    return calibrate_with_probes(stack, pilots, probes, readings, expected=EXPECTED)
