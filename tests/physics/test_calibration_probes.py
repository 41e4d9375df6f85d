"""Power probes between layers, against products of matrices in NumPy and Monte Carlo."""

import jax
import jax.numpy as jnp
import numpy as np
import pilots_in_numpy
import pytest
from calibration_case import ONE_USER, PUBLISHED, WAVELENGTH_M, built_stacks, case_study, gaussian

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
)
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


def noise_at(probes):
    return np.concatenate([np.full(len(each.positions_m), each.noise_variance) for each in probes])


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
    expected = 2 * power * noise_at(probes) + noise_at(probes) ** 2
    assert np.all(np.abs(readings.mean(0) - power) < 5 * np.sqrt(expected / 4000))
    assert np.abs(readings.var(0) / expected - 1).max() < 5 * 1.5 * np.sqrt(2 / 4000)


def test_information_of_pilots_and_probes_adds_up(stack, plan, probes, variance):
    """Of readings by central differences in NumPy, over their deviation, the unknown scale of every
    probe taken out by orthogonal projection; with it every bound is lower."""
    bound = probed_bayesian_cramer_rao(stack, plan, probes, EXPECTED, noise_variance=variance)
    unknowns = Unknowns.of(stack, ONE_USER, EXPECTED)

    def powers(values):
        moved, _ = pilots_in_numpy.applied(unknowns, values)
        return powers_in_numpy(moved, plan.phases_rad, probes)

    nominal = np.zeros(unknowns.size)
    slopes, power = pilots_in_numpy.central_differences(powers, nominal), powers(nominal)
    deviation = np.sqrt(2 * power * noise_at(probes) + noise_at(probes) ** 2)
    told = pilots_in_numpy.information(unknowns, plan, variance, pilots_in_numpy.one_gain)
    alone = np.linalg.inv(told + np.eye(unknowns.size))
    for probe in range(3):
        J = slopes[:, probe] / deviation[:, probe, None]
        scale = power[:, probe] / deviation[:, probe]
        J = J - np.outer(scale, scale @ J) / (scale @ scale)
        told = told + J.T @ J
    np.testing.assert_allclose(bound.information, told, atol=1e-7 * np.abs(told).max())
    assert np.linalg.eigvalsh(alone - bound.covariance)[0] > -1e-9


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
        poses = np.array([np.asarray(dof) for dof in vars(made.poses).values()])
        unknowns = found.unknowns
        missed = found.values - poses[unknowns.freedoms, unknowns.planes] / unknowns.unit
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
