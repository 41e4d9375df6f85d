"""Closed-form start and maximum likelihood: exact without noise, on the bound with it.

Errors over many directions are compared with the mean Cramér-Rao bound over the same square of
directions. Squared errors of an efficient estimate are those of a Gaussian: n trials in two angles
know their mean to √(2/2n), that is 4.34/√n dB.
"""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metastack import (
    QuantisedAtoms,
    best_design,
    design_phases,
    dft_2d,
    read_response,
)
from metastack.doa import (
    DirectionModel,
    EffectiveSnr,
    FadingPower,
    GaussianSource,
    KnownNoise,
    KnownPower,
    LagStart,
    LikelihoodReader,
    MaximumLikelihood,
    Protocol,
    SteadyPower,
    UnknownNoise,
    cramer_rao,
    energies,
    energy_information,
    monte_carlo,
    stack_experiment,
    wrapped_rad,
)
from metastack.doa.information import unit_information
from metastack.errors import InputError
from metastack.study.published import published_file

pytestmark = pytest.mark.usefixtures("double_precision")

TRAINED_4X4 = published_file("Fig_8a/DFT_4.mat")
SIZES = {"2x2": Protocol(2, 2, 4, 4), "4x4": Protocol(4, 4, 4, 4), "3x2": Protocol(3, 2, 2, 3)}
HALF_WIDTH = 0.7 * np.pi
SLOW = pytest.mark.slow


def directions(count, seed=0, half_width=HALF_WIDTH):
    return np.random.default_rng(seed).uniform(-half_width, half_width, (count, 2))


def random_model(columns=3, rows=2, snapshots=20, probes=5):
    """A device that is no DFT, with random phases on its input layer."""
    rng = np.random.default_rng(4)
    response = rng.standard_normal((2, probes, columns * rows))
    phases = rng.uniform(0, 2 * np.pi, (snapshots, columns * rows))
    return DirectionModel.of_patterns(
        response[0] + 1j * response[1], phases, columns=columns, rows=rows
    )


def dft_model(protocol):
    return DirectionModel.of_stack(dft_2d(protocol.columns, protocol.rows), protocol)


MODELS = {"random": random_model, **{k: lambda p=p: dft_model(p) for k, p in SIZES.items()}}


def error(found, psi):
    return np.abs(wrapped_rad(np.asarray(found) - psi)).max()


def noisy_energies(model, psi, variance, seed=0):
    rng = np.random.default_rng(seed)
    field = np.asarray(model.field(jnp.asarray(psi)))
    u = rng.standard_normal((2, *field.shape)) * np.sqrt(variance / 2)
    return energies(field + u[0] + 1j * u[1])


@eqx.filter_jit
def read(estimator, measured):
    """Compiled once for every kind of estimator and size of batch."""
    return estimator(measured)


def estimates(model, measured, *, noise, power=None):
    """Of a batch of runs, padded to one of two sizes; the noise's variance is an array, so that
    one compilation serves all."""
    noise = type(noise)(jnp.asarray(noise.variance))
    estimator = MaximumLikelihood.of(model, noise=noise, power=power)
    quick = len(measured) <= 200 and measured.shape[-2:] != (16, 4)
    padded = np.resize(np.asarray(measured), (200 if quick else 2000, *measured.shape[-2:]))
    return jax.tree.map(lambda leaf: np.asarray(leaf)[: len(measured)], read(estimator, padded))


# The closed-form start


@pytest.mark.parametrize(
    ("name", "floor"), [*((name, 0.0) for name in MODELS), *((name, 3.0) for name in SIZES)]
)
def test_lags_are_exact_without_noise(name, floor):
    """The energies are linear in the lags, whatever the response, and a DFT sees a constant floor
    as lag 0 alone: the inverse is exact to rounding times its condition, 1e-10 at most here."""
    model, psi = MODELS[name](), directions(50, half_width=np.pi)
    measured = 7.0 * model.energies(jnp.asarray(psi)) + floor
    assert error(LagStart.of(model)(measured), psi) < 1e-10


@pytest.mark.parametrize("off", [0.03, 0.08, 0.2])
def test_lags_of_a_near_dft_are_as_good_as_those_of_a_dft(off):
    """Nothing is told apart that hardly differs: the error grows by no more than the gain spreads
    (4x4 with four snapshots, which leave 15 of 64 energies to spare; 2000 runs at 10 dB)."""
    rng = np.random.default_rng(0)
    wrong = rng.normal(size=(16, 16)) + 1j * rng.normal(size=(16, 16))
    protocol, psi = Protocol(4, 4, 2, 2), directions(2000)
    errors = []
    for response in (dft_2d(4, 4), dft_2d(4, 4) + off * wrong):
        model = DirectionModel.of_stack(response, protocol)
        found = LagStart.of(model)(jnp.asarray(noisy_energies(model, psi, 0.1)))
        errors.append(np.sqrt(np.mean(wrapped_rad(np.asarray(found) - psi) ** 2)))
    assert errors[1] < 1.5 * errors[0]


@pytest.mark.parametrize("name", ["2x2", "4x4", "3x2"])
def test_lags_of_a_dft_are_the_first_fourier_coefficients_of_the_marginals(name):
    """DESIGN: the phase of the first Fourier coefficient of the energies summed over the other
    axis, on the fine grid; for any energies whatever, here pure noise. To rounding."""
    protocol = SIZES[name]
    values = np.random.default_rng(1).exponential(size=(20, protocol.snapshots, protocol.elements))
    expected = []
    for bins_rad, bins in zip(protocol.bins_rad, reversed(protocol.grid_shape), strict=True):
        index = np.rint(bins_rad * bins / (2 * np.pi)).astype(int) % bins
        marginal = np.stack([values[:, index == k].sum(axis=1) for k in range(bins)], axis=1)
        expected.append(-np.angle(np.fft.fft(marginal, axis=1)[:, 1]))
    found = LagStart.of(dft_model(protocol))(jnp.asarray(values))
    np.testing.assert_allclose(found, np.stack(expected, axis=1), rtol=0, atol=1e-11)


def test_lags_are_unbiased_by_noise():
    """Noise adds its mean to all energies alike, and the mean of the lag sums stays: five standard
    errors of 4000 runs at 0 dB."""
    model, psi = random_model(), np.array([0.9, -0.4])
    start = LagStart.of(model)
    sums = (
        jnp.asarray(noisy_energies(model, np.broadcast_to(psi, (4000, 2)), 1.0)).reshape(4000, -1)
        @ start.weights.T
    )
    mean, spread = np.asarray(sums.mean(axis=0)), np.asarray(sums).std(axis=0) / np.sqrt(4000)
    off = mean * np.exp(-1j * psi)
    assert (off.real > 10 * spread).all()
    assert (np.abs(off.imag) < 5 * spread).all()


# Maximum likelihood without noise


@pytest.mark.parametrize(
    ("name", "noise", "power"),
    [
        ("2x2", KnownNoise(1e-12), SteadyPower()),
        ("random", UnknownNoise(1.0), SteadyPower()),
        pytest.param("random", KnownNoise(1e-12), FadingPower(), marks=SLOW),
        pytest.param("2x2", UnknownNoise(1.0), SteadyPower(), marks=SLOW),
        pytest.param("2x2", UnknownNoise(1.0), KnownPower(), marks=SLOW),
        pytest.param("2x2", UnknownNoise(1.0), FadingPower(), marks=SLOW),
        pytest.param("random", UnknownNoise(1.0), FadingPower(), marks=SLOW),
        pytest.param("random", KnownNoise(1e-12), KnownPower(), marks=SLOW),
        pytest.param("4x4", KnownNoise(1e-12), SteadyPower(), marks=SLOW),
        pytest.param("4x4", UnknownNoise(1.0), SteadyPower(), marks=SLOW),
        pytest.param("4x4", UnknownNoise(1.0), FadingPower(), marks=SLOW),
    ],
)
def test_likelihood_is_exact_without_noise(name, noise, power):
    """Noise-free recordings are read as having a share of 1e-12 of noise: 1e-6 rad."""
    model, psi = MODELS[name](), directions(200, half_width=np.pi)
    measured = model.energies(jnp.asarray(psi))
    found = estimates(model, measured, noise=noise, power=power)
    assert error(found.psi_rad, psi) < 1e-6
    np.testing.assert_allclose(found.power, 1, rtol=1e-4)


@pytest.mark.slow
def test_power_of_a_source_that_fades_is_found_in_every_snapshot():
    """Known powers go in; without noise they come out, as well as the directions."""
    model, psi = random_model(), directions(10)
    power = np.random.default_rng(0).exponential(size=(10, model.snapshots, 1))
    measured = power * model.energies(jnp.asarray(psi))
    found = estimates(model, measured, noise=KnownNoise(1e-9), power=FadingPower())
    assert error(found.psi_rad, psi) < 1e-4
    np.testing.assert_allclose(found.power, power[..., 0], rtol=1e-3, atol=1e-6)


def test_shift_of_the_direction_by_a_bin_shifts_the_estimate():
    """A DFT cannot tell the shifted field from its energies moved on by a snapshot or a probe:
    the likelihood is the same function about the new place, with noise and all. To the 1e-7 nats
    at which a climb ends: a ten-thousandth of a standard deviation."""
    protocol = SIZES["2x2"]
    model, psi = dft_model(protocol), directions(8)
    values = noisy_energies(model, psi, 0.01)
    # Energies by bin of the fine grid, moved by 3 bins along x and by -5 along y.
    x, y = (
        np.rint(b * n / (2 * np.pi)).astype(int) % n
        for b, n in zip(protocol.bins_rad, reversed(protocol.grid_shape), strict=True)
    )
    grid = np.zeros((8, *protocol.grid_shape))
    grid[:, y, x] = values
    moved = np.roll(grid, (-5, 3), axis=(1, 2))[:, y, x]
    here, there = (estimates(model, v, noise=KnownNoise(0.01)) for v in (values, moved))
    step = 2 * np.pi / np.array([protocol.grid_shape[1], protocol.grid_shape[0]])
    deviation = np.sqrt(np.asarray(here.covariance_rad2)[:, [0, 1], [0, 1]])
    off = wrapped_rad(np.asarray(there.psi_rad - here.psi_rad) - step * [3, -5])
    assert (np.abs(off) < 1e-3 * deviation).all()
    np.testing.assert_allclose(there.log_likelihood, here.log_likelihood, atol=1e-6)


def test_unit_of_energy_does_not_matter():
    """Energies and noise times g: the same directions and powers times g, exactly but for
    rounding and the end of the climb."""
    model, psi = random_model(), directions(8)
    values, units = noisy_energies(model, psi, 0.1), (1.0, 1e-9, 1e9)
    found = [estimates(model, unit * values, noise=UnknownNoise(1.0)) for unit in units]
    for unit, other in zip(units, found, strict=True):
        np.testing.assert_allclose(other.psi_rad, found[0].psi_rad, rtol=0, atol=1e-5)
        np.testing.assert_allclose(other.power / unit, found[0].power, rtol=1e-4)
        np.testing.assert_allclose(other.noise_variance / unit, found[0].noise_variance, rtol=1e-3)


# With noise: on the bound


@cache
def mean_bound(response, protocol, db, noise=KnownNoise, power=None):
    """Mean over 400 random directions, and over both angles, rad²."""
    model = stack_experiment(np.array(response), protocol, EffectiveSnr(db)).model
    information = energy_information(
        model, directions(400), noise=noise(10 ** (-db / 10)), power=power
    )
    return np.trace(cramer_rao(information), axis1=1, axis2=2).mean() / 2


def gap_to_bound_db(response, protocol, db, trials, *, noise=KnownNoise, power=None, source=None):
    """Mean squared error over the mean bound, in dB."""
    experiment = stack_experiment(response, protocol, EffectiveSnr(db), source=source)
    estimator = MaximumLikelihood.of(experiment.model, noise=noise(10 ** (-db / 10)), power=power)
    found = monte_carlo(experiment, LikelihoodReader(estimator), trials=trials, seed=1)
    key = tuple(map(tuple, np.asarray(response)))
    return 10 * np.log10(found.mse_rad2.mean() / mean_bound(key, protocol, db, noise, power))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "steps", "db", "trials"),
    [
        (2, 4, 0.0, 4_000),
        pytest.param(2, 4, 10.0, 10_000, marks=SLOW),
        (2, 4, 20.0, 10_000),
        pytest.param(2, 4, 30.0, 10_000, marks=SLOW),
        pytest.param(4, 4, 0.0, 10_000, marks=SLOW),
        pytest.param(4, 4, 10.0, 10_000, marks=SLOW),
        (4, 4, 20.0, 2_000),
        pytest.param(4, 4, 30.0, 10_000, marks=SLOW),
        pytest.param(4, 8, 20.0, 4_000, marks=SLOW),
    ],
)
def test_likelihood_sits_on_the_bound(side, steps, db, trials):
    """Within half a dB: 0 to 30 dB of effective SNR, where the peak stops at half a bin.

    10 000 trials know the mean squared error to .045 dB, 4000 to .07 dB, 2000 to .1 dB.
    """
    gap = gap_to_bound_db(dft_2d(side, side), Protocol(side, side, steps, steps), db, trials)
    assert -5 * 4.34 / np.sqrt(trials) < gap < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("noise", [KnownNoise, UnknownNoise])
@pytest.mark.parametrize("power", [KnownPower(), SteadyPower(), FadingPower()])
@pytest.mark.parametrize("db", [0.0, 20.0])
def test_likelihood_sits_on_the_bound_of_what_is_known(db, power, noise):
    """Every kind of unknown power and noise against its own bound: .5 dB, known to .07 dB."""
    gap = gap_to_bound_db(dft_2d(2, 2), SIZES["2x2"], db, 4000, noise=noise, power=power)
    assert -0.35 < gap < 0.5


@pytest.mark.parametrize("db", [pytest.param(0.0, marks=SLOW), 20.0])
def test_likelihood_of_a_trained_response_sits_on_its_own_bound(db):
    """The published 4x4 stack, -31 dB off the DFT: within half a dB, known to .1 dB."""
    gap = gap_to_bound_db(read_response(TRAINED_4X4), SIZES["4x4"], db, 2000)
    assert -0.5 < gap < 0.5


@pytest.fixture(scope="module")
def quantised_response(small_stack, dft_2x2):
    @cache
    def of_bits(bits):
        stack = eqx.tree_at(lambda s: s.atoms, small_stack, QuantisedAtoms(bits))
        return best_design(design_phases(stack, dft_2x2, starts=2)).response

    return of_bits


@pytest.mark.slow
@pytest.mark.parametrize("bits", [1, 2, 3])
def test_likelihood_of_a_quantised_stack_sits_on_its_own_bound(quantised_response, bits):
    """Phases of 1, 2 and 3 bits make no exact DFT, and need none: .5 dB, known to .07 dB."""
    gap = gap_to_bound_db(quantised_response(bits), SIZES["2x2"], 20.0, 4000)
    assert -0.35 < gap < 0.5


@pytest.mark.slow
def test_taking_an_imperfect_stack_for_a_dft_costs_accuracy(quantised_response):
    """The 1-bit response, read with the ideal DFT's model: its error is the imperfection's, more
    than 6 dB above that of the likelihood that knows the response, at 30 dB."""
    protocol, db = SIZES["2x2"], 30.0
    experiment = stack_experiment(quantised_response(1), protocol, EffectiveSnr(db))
    right, wrong = (
        monte_carlo(
            experiment,
            LikelihoodReader(MaximumLikelihood.of(model, noise=KnownNoise(10 ** (-db / 10)))),
            trials=2000,
            seed=2,
        )
        for model in (experiment.model, dft_model(protocol))
    )
    assert (wrong.low_rad2 > 4 * right.high_rad2).all()


# Error bars


@pytest.mark.parametrize(
    ("name", "noise", "power", "variance"),
    [
        ("2x2", KnownNoise, SteadyPower(), 0.01),
        pytest.param("2x2", UnknownNoise, SteadyPower(), 0.01, marks=SLOW),
        pytest.param("random", UnknownNoise, SteadyPower(), 0.1, marks=SLOW),
        pytest.param("random", KnownNoise, FadingPower(), 0.1, marks=SLOW),
    ],
)
def test_error_bars_are_honest(name, noise, power, variance):
    """eᵀ C⁻¹ e / 2 averages to 1: a chi-square with two degrees of freedom, halved.

    Where the noise is estimated from n energies along with ν = 3 other unknowns, errors follow
    Hotelling's law about a noise that is low by (n - ν)/n, and the mean is n/(n - ν - 2): 8 % too
    small error bars from 64 energies. 2000 runs know the mean to 2.2 %, five times that; and 2 %
    for terms of second order in the noise.
    """
    model, psi = MODELS[name](), directions(2000)
    measured = noisy_energies(model, psi, variance)
    found = estimates(model, measured, noise=noise(variance), power=power)
    off = wrapped_rad(np.asarray(found.psi_rad) - psi)
    normalised = np.einsum(
        "ni,nij,nj->n", off, np.linalg.inv(np.asarray(found.covariance_rad2)), off
    )
    energies_a_run = model.snapshots * model.probes
    expected = 1.0 if noise is KnownNoise else energies_a_run / (energies_a_run - 5)
    assert abs(normalised.mean() / 2 - expected) < 5 / np.sqrt(2000) + 0.02


@pytest.mark.slow
def test_unknown_noise_is_estimated():
    """The mean estimate of σ² from T N = 100 energies and three other unknowns is (100 - 3)/100.

    One energy of a strong field tells log σ² with information 1/2: 1000 runs know the mean to
    √(2/100/1000) = .45 %, five times that.
    """
    model, psi = random_model(), directions(1000)
    found = estimates(model, noisy_energies(model, psi, 0.1), noise=UnknownNoise(1.0))
    assert abs(np.mean(found.noise_variance) / 0.1 - 0.97) < 0.023


# Sources that fade


@pytest.mark.slow
def test_fading_sources_are_read_at_their_bound():
    """A Gaussian source read by comparing the probes of each snapshot only.

    The bound given the samples s is that of a device whose snapshots have powers |s|²; an
    estimate that is unbiased for every s cannot be better than its mean over s. 4000 trials know
    the error to .07 dB, 4000 draws the mean bound to .02 dB. The gap is .07 dB at 20 dB, and
    small because 48 of 64 energies are left after 16 powers have been found. Believing the power
    to be steady costs 1 dB.
    """
    protocol, db = SIZES["2x2"], 20.0
    variance = 10 ** (-db / 10)
    experiment = stack_experiment(dft_2d(2, 2), protocol, EffectiveSnr(db), source=GaussianSource())
    fading, steady = (
        monte_carlo(
            experiment,
            LikelihoodReader(
                MaximumLikelihood.of(experiment.model, noise=KnownNoise(variance), power=power)
            ),
            trials=4000,
            seed=1,
        )
        for power in (FadingPower(), SteadyPower())
    )

    def information(psi, s):
        seen = DirectionModel(jnp.asarray(experiment.model.weights) * s[:, None, None], 2, 2)
        return unit_information(seen, psi, KnownNoise(variance), FadingPower())

    s = GaussianSource().samples(np.random.default_rng(3), (4000, protocol.snapshots))
    each = jax.jit(jax.vmap(information))(jnp.asarray(directions(4000)), jnp.asarray(s))
    bound = np.trace(cramer_rao(each), axis1=1, axis2=2).mean() / 2
    assert -0.35 < 10 * np.log10(fading.mse_rad2.mean() / bound) < 0.5
    assert (steady.low_rad2 > fading.high_rad2 * 10**0.02).all()


@pytest.mark.slow
def test_fading_likelihood_does_not_feel_the_power_of_snapshots():
    """Snapshots times any gains, with little noise: the same directions; a steady power errs."""
    model, psi = random_model(), directions(20)
    gains = np.random.default_rng(2).exponential(size=(20, model.snapshots, 1))
    measured = gains * np.asarray(model.energies(jnp.asarray(psi)))
    fading = estimates(model, measured, noise=KnownNoise(1e-12), power=FadingPower())
    steady = estimates(model, measured, noise=UnknownNoise(1.0))
    assert error(fading.psi_rad, psi) < 1e-6
    assert error(steady.psi_rad, psi) > 1e-2


# The surface


@pytest.mark.parametrize(
    "power",
    [SteadyPower(), *(pytest.param(p, marks=SLOW) for p in (KnownPower(), FadingPower()))],
)
def test_likelihood_surface_peaks_at_the_estimate(power):
    """No place of a grid or near the estimate is likelier, and the curvature there is the
    inverse of the error bars to the 30 % by which observed and expected information differ."""
    model, psi = dft_model(SIZES["2x2"]), np.array([0.6, -1.1])
    values = jnp.asarray(noisy_energies(model, psi, 0.01, seed=6))
    estimator = MaximumLikelihood.of(model, noise=KnownNoise(0.01), power=power)
    found = jax.tree.map(
        lambda leaf: leaf[0], estimates(model, values[None], noise=KnownNoise(0.01), power=power)
    )
    deviation = np.sqrt(np.diag(found.covariance_rad2))
    steps = np.concatenate([np.zeros((1, 2)), np.diag(deviation), -np.diag(deviation)])
    line = np.linspace(-np.pi, np.pi, 25)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    places = jnp.asarray(np.concatenate([found.psi_rad + steps, grid]))
    surface = np.asarray(eqx.filter_jit(estimator.log_likelihood)(values, places))
    assert surface[0] == pytest.approx(found.log_likelihood, abs=1e-5)
    assert surface.max() < surface[0] + 1e-6
    information = np.linalg.inv(found.covariance_rad2)
    expected = np.tile(np.diag(information) * deviation**2 / 2, 2)
    np.testing.assert_allclose(surface[0] - surface[1:5], expected, rtol=0.3)


# What cannot be read


def likelihood(model):
    return MaximumLikelihood.of(model, noise=KnownNoise(1.0))


TOO_FEW = "snapshots do not tell ψ from -ψ.* `snapshots_x` and `snapshots_y` of at least 2"


@pytest.mark.parametrize(
    "protocol", [Protocol(2, 2, 1, 1), Protocol(2, 2, 1, 4), Protocol(5, 2, 1, 1)]
)
def test_too_few_snapshots_are_refused_and_the_needed_ones_named(protocol):
    """The two DFT bins of two elements see 1 ± cos ψ, the same for ψ and -ψ."""
    for make in (LagStart.of, likelihood):
        with pytest.raises(InputError, match=f"{protocol.snapshots} {TOO_FEW}"):
            make(dft_model(protocol))


@pytest.mark.parametrize("side", [3, 4])
def test_one_snapshot_of_three_elements_a_side_determines_no_lag_but_a_direction(side):
    """N bins sample energies of degree N - 1 at fewer than 2N - 1 points: lags fold. A single
    source still has energies of its own, which its likelihood finds; and two snapshots unfold."""
    with pytest.raises(InputError, match=f"1 {TOO_FEW}"):
        LagStart.of(dft_model(Protocol(side, side, 1, 1)))
    assert likelihood(dft_model(Protocol(side, side, 1, 1))).lag_start is None
    assert likelihood(dft_model(Protocol(side, side, 2, 2))).lag_start is not None


@pytest.mark.slow
@pytest.mark.parametrize("side", [3, 4])
def test_one_snapshot_is_climbed_to_the_top(side):
    """Without lags to start from, places of the grid are all there is, and those on a bin have no
    slope. The likelihood at the estimate is at least that of the truth, in 200 of 200 runs at
    20 dB; the climb ends to 1e-2 nats where the bins' zeros make a saddle."""
    variance = jnp.asarray(0.01)
    model, psi = dft_model(Protocol(side, side, 1, 1)), directions(200, half_width=np.pi)
    measured = noisy_energies(model, psi, float(variance))
    estimator = MaximumLikelihood.of(model, noise=KnownNoise(variance))
    found = estimates(model, measured, noise=KnownNoise(variance))
    at_truth = eqx.filter_jit(eqx.filter_vmap(estimator.log_likelihood))(
        jnp.asarray(measured), jnp.asarray(psi)
    )
    assert (found.log_likelihood > np.asarray(at_truth) - 0.01).all()


@pytest.mark.parametrize(("columns", "rows"), [(4, 1), (1, 3), (1, 1)])
def test_arrays_of_one_row_or_column_are_refused(columns, rows):
    for make in (LagStart.of, likelihood):
        with pytest.raises(
            InputError, match=f"2 columns and 2 rows .* but there are {columns} x {rows}"
        ):
            make(dft_model(Protocol(columns, rows, 4, 4)))
