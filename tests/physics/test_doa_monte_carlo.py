"""The Monte Carlo engine: repeatable, honest about its uncertainty, and with the SNRs it names."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom

from metastack.doa import (
    ConstantModulusSource,
    DirectionModel,
    EffectiveSnr,
    EnergyReader,
    Experiment,
    GaussianSource,
    Hemisphere,
    KnownNoise,
    LagReader,
    LagStart,
    LikelihoodReader,
    MaximumLikelihood,
    Noiseless,
    PeakReader,
    PhysicalSnr,
    Protocol,
    PsiSquare,
    Reader,
    energies,
    monte_carlo,
    peak_estimate,
    simulate_snapshots,
    stack_experiment,
    wrapped_rad,
)
from metastack.doa.monte_carlo import batch_size, draw_runs
from metastack.errors import InputError
from metastack.precision import float64
from metastack.targets import dft_2d

PROTOCOL = Protocol(2, 2, 4, 4)
F = dft_2d(2, 2)
LOSSY = 10 ** (-12 / 20) * np.exp(0.7j) * F / 2


def lag_reader(model):
    with float64():
        return LagReader(LagStart.of(model))


def likelihood_reader(model, variance):
    with float64():
        return LikelihoodReader(MaximumLikelihood.of(model, noise=KnownNoise(variance)))


class Broadside(Reader):
    """Always answers 0: its squared error is that of the drawn directions."""

    def __call__(self, received):
        return jnp.zeros((len(received), 2), received.real.dtype)


class Always(Reader):
    """Always answers the same, not wrapped."""

    psi_rad: tuple[float, float]

    def __call__(self, received):
        return jnp.broadcast_to(jnp.asarray(self.psi_rad, received.real.dtype), (len(received), 2))


@dataclass(frozen=True)
class Fixed(PsiSquare):
    """One direction, as often as asked for."""

    psi_rad: tuple[float, float] = (0.0, 0.0)

    def draw(self, key, count, dtype):
        return jnp.broadcast_to(jnp.asarray(self.psi_rad, dtype), (count, 2))


def numbers(result):
    return np.concatenate([result.mse_rad2, result.low_rad2, result.high_rad2, result.worst_rad])


def overlap(one, other):
    """Whether two intervals meet for both angles."""
    return bool(((one.low_rad2 < other.high_rad2) & (other.low_rad2 < one.high_rad2)).all())


# Repeatable


@pytest.mark.parametrize("dtype", [jnp.complex64, jnp.complex128])
def test_a_seed_gives_the_same_numbers_whatever_the_threads(dtype):
    """Five batches in any order: bit for bit."""
    experiment = stack_experiment(F, PROTOCOL, EffectiveSnr(10.0))
    trials = 4 * batch_size(experiment.model) + 5
    reader = PeakReader.of(PROTOCOL)
    one, three, default, other = (
        numbers(monte_carlo(experiment, reader, trials=trials, dtype=dtype, **options))
        for options in (
            {"seed": 3, "workers": 1},
            {"seed": 3, "workers": 3},
            {"seed": 3},
            {"seed": 4},
        )
    )
    np.testing.assert_array_equal(one, three)
    np.testing.assert_array_equal(one, default)
    assert (one[:2] != other[:2]).all()


@pytest.mark.slow
def test_more_trials_of_a_seed_go_on_where_fewer_stopped():
    """The first trials are the same: the largest error can only grow, and a prefix is a prefix."""
    experiment = stack_experiment(F, PROTOCOL, EffectiveSnr(10.0))
    reader, worst = lag_reader(experiment.model), []
    for trials in (10, 100, 5000):
        result = monte_carlo(experiment, reader, trials=trials, seed=0)
        assert result.trials == trials
        worst.append(result.worst_rad)
    assert (np.diff(worst, axis=0) >= 0).all()


def test_engine_needs_no_double_precision_around_it():
    """Called outside of `float64` like every other test here, and inside: the same numbers."""
    experiment = stack_experiment(F, PROTOCOL, EffectiveSnr(10.0))
    reader = lag_reader(experiment.model)
    outside = monte_carlo(experiment, reader, trials=500, seed=0)
    with float64():
        inside = monte_carlo(experiment, reader, trials=500, seed=0)
    np.testing.assert_array_equal(numbers(outside), numbers(inside))


# Against the plain way


@pytest.mark.slow
def test_single_and_double_precision_agree():
    """Independent draws of the same law: 99.99 % intervals meet."""
    experiment = stack_experiment(F, PROTOCOL, EffectiveSnr(10.0))
    for reader in (PeakReader.of(PROTOCOL), lag_reader(experiment.model)):
        single, double = (
            monte_carlo(experiment, reader, trials=50_000, seed=0, dtype=dtype, confidence=0.9999)
            for dtype in (jnp.complex64, jnp.complex128)
        )
        assert overlap(single, double)


@pytest.mark.slow
@pytest.mark.parametrize("db", [0.0, 10.0, 40.0])
def test_likelihood_in_single_precision_is_as_good(db):
    """'complex64 is good for errors above 1e-6 rad': at 40 dB errors are near 1e-3."""
    experiment = stack_experiment(F, PROTOCOL, EffectiveSnr(db))
    reader = likelihood_reader(experiment.model, experiment.noise_variance)
    single, double = (
        monte_carlo(experiment, reader, trials=10_000, seed=0, dtype=dtype, confidence=0.9999)
        for dtype in (jnp.complex64, jnp.complex128)
    )
    assert overlap(single, double)


@pytest.mark.parametrize("db", [-10.0, 10.0])
def test_engine_agrees_with_the_plain_loop(db):
    """`simulate_snapshots` and `peak_estimate`, NumPy's draws, 40 000 runs each: the difference of
    the mean squared errors within five of its standard errors."""
    rng = np.random.default_rng(9)
    psi = rng.uniform(-0.7 * np.pi, 0.7 * np.pi, (40_000, 2))
    received = simulate_snapshots(
        F, PROTOCOL, psi_x_rad=psi[:, 0], psi_y_rad=psi[:, 1], noise=EffectiveSnr(db), seed=2
    )
    found = peak_estimate(energies(received), PROTOCOL)
    squared = wrapped_rad(np.stack([found.psi_x_rad, found.psi_y_rad], axis=1) - psi) ** 2
    experiment = stack_experiment(F, PROTOCOL, EffectiveSnr(db))
    result = monte_carlo(
        experiment, PeakReader.of(PROTOCOL), trials=40_000, seed=2, confidence=0.6827
    )
    own = np.log(result.high_rad2 / result.mse_rad2) * result.mse_rad2
    error = np.hypot(squared.std(axis=0) / 200, own)
    assert (np.abs(result.mse_rad2 - squared.mean(axis=0)) < 5 * error).all()


def test_runs_are_those_of_equation_15():
    """r = √ρ G Υ a s + u: without noise the field is the model's, times one sample a snapshot."""
    with float64():
        model = DirectionModel.of_stack(F, PROTOCOL)
        for source in (ConstantModulusSource(), GaussianSource()):
            experiment = Experiment(model, 0.0, source)
            psi, received = draw_runs(experiment, jax.random.key(0), 50, jnp.dtype(jnp.complex128))
            s = np.asarray(received / model.field(psi))
            np.testing.assert_allclose(s, np.broadcast_to(s[..., :1], s.shape), rtol=1e-9)
            assert abs(np.mean(np.abs(s[..., 0]) ** 2) - 1) < 5 / np.sqrt(s[..., 0].size)
            assert len(np.unique(np.round(s[..., 0], 9))) == s[..., 0].size


# The interval


def test_interval_has_its_coverage():
    """A reader that always says 0: ψ² of ψ uniform in ±.7π has mean (.7π)²/3, exactly.

    400 runs of 200 trials, both angles: the count of 90 % intervals that hold the truth within
    the binomial 1 - 1e-4, widened by the 1 % that the central limit is off at 200 trials.
    """
    experiment = stack_experiment(F, PROTOCOL, EffectiveSnr(0.0))
    truth, held = (0.7 * np.pi) ** 2 / 3, 0
    for seed in range(400):
        run = monte_carlo(experiment, Broadside(), trials=200, seed=seed, confidence=0.9)
        held += np.count_nonzero((run.low_rad2 < truth) & (truth < run.high_rad2))
    low, high = binom.ppf([5e-5, 1 - 5e-5], 800, [0.89, 0.91])
    assert low <= held <= high


def test_interval_of_a_pure_noise_peak_holds_its_exact_error():
    """Without a signal every bin is as likely the strongest: E(wrapped (bin - ψ)²) by a sum over
    bins and a fine grid of directions. One run of 200 000 trials at 99.99 %; and its width is
    that of the squared errors' known variance, to 2 %."""
    dark = Experiment(DirectionModel.of_stack(1e-9 * F, PROTOCOL), 1.0)
    trials = 200_000
    run = monte_carlo(dark, PeakReader.of(PROTOCOL), trials=trials, seed=0, confidence=0.9999)
    psi = 0.7 * np.pi * (np.arange(-5000, 5000) + 0.5) / 5000
    squared = wrapped_rad(np.unique(PROTOCOL.bins_rad[0])[:, None] - psi) ** 2
    assert (run.low_rad2 < squared.mean()).all()
    assert (squared.mean() < run.high_rad2).all()
    expected = 3.8906 * squared.std() / squared.mean() / np.sqrt(trials)
    for width in (np.log(run.high_rad2 / run.mse_rad2), np.log(run.mse_rad2 / run.low_rad2)):
        np.testing.assert_allclose(width, expected, rtol=0.02)


def test_wider_confidence_is_a_wider_interval_around_the_same_mean():
    experiment = stack_experiment(F, PROTOCOL, EffectiveSnr(0.0))
    narrow, wide = (
        monte_carlo(experiment, Broadside(), trials=100, seed=0, confidence=c) for c in (0.5, 0.999)
    )
    np.testing.assert_array_equal(narrow.mse_rad2, wide.mse_rad2)
    # Φ^-1(.75) = .6745, Φ^-1(.9995) = 3.2905.
    ratio = np.log(wide.high_rad2 / wide.mse_rad2) / np.log(narrow.high_rad2 / narrow.mse_rad2)
    np.testing.assert_allclose(ratio, 3.2905 / 0.6745, rtol=1e-3)


def test_errors_that_are_all_zero_have_no_interval_and_no_nan():
    """Exact answers: 0 ± 0."""
    experiment = Experiment(DirectionModel.of_stack(F, PROTOCOL), 0.0, directions=Fixed())
    run = monte_carlo(experiment, Broadside(), trials=10, seed=0)
    np.testing.assert_array_equal(numbers(run), 0)


# Wrapped errors


def test_errors_are_wrapped():
    """π - .01 read for -π + .02 is off by .03, not by 2π - .03; nor do turns of an answer count."""
    model = DirectionModel.of_stack(F, PROTOCOL)
    directions = Fixed(psi_rad=(-np.pi + 0.02, np.pi - 0.03))
    for turns in (0, -1, 2):
        answer = np.pi - 0.01 + 2 * np.pi * turns
        run = monte_carlo(
            Experiment(model, 1.0, directions=directions),
            Always((answer, answer)),
            trials=10,
            seed=0,
        )
        np.testing.assert_allclose(run.mse_rad2, [0.03**2, 0.02**2], rtol=1e-9)
        np.testing.assert_allclose(run.worst_rad, [0.03, 0.02], rtol=1e-9)


def test_errors_of_a_blind_reader_are_uniform_on_the_circle():
    """Mean square π²/3, within five standard errors (variance 4/45 π⁴); none passes π."""
    model = DirectionModel.of_stack(F, PROTOCOL)
    everywhere = Experiment(model, 1.0, directions=PsiSquare(np.pi))
    run = monte_carlo(everywhere, Always((np.pi - 0.01, 0.5)), trials=1000, seed=0)
    assert (run.worst_rad <= np.pi).all()
    tolerance = 5 * np.pi**2 * np.sqrt(4 / 45 / 1000)
    np.testing.assert_allclose(run.mse_rad2, np.pi**2 / 3, rtol=0, atol=tolerance)


def test_directions_near_the_edge_are_read_as_well_as_others():
    """Sources at ±π exactly, where an estimate falls on either side: the lag reader's error there
    is that at 0 turned by half a circle, which maps the DFT's bins onto each other."""
    model = DirectionModel.of_stack(F, PROTOCOL)
    reader = lag_reader(model)
    edge, centre = (
        monte_carlo(
            Experiment(model, 0.1, directions=Fixed(psi_rad=psi)),
            reader,
            trials=20_000,
            seed=0,
            confidence=0.9999,
        )
        for psi in ((np.pi, -np.pi), (0.0, 0.0))
    )
    assert overlap(edge, centre)


# What SNR means


def test_physical_snr_must_be_higher_by_the_loss_for_the_same_error():
    """G = 10^{-L/20} F/√N at a physical SNR of s + L + 10 log10(N) has the fields of F over noise
    of 1/s: βG = F has effective SNR s, and noise and field both shrink by √N 10^{L/20}.

    The same draws, in other units: the same errors to rounding, by readers that need no unit.
    """
    loss_db, n = 12.0, 4
    for db in (0.0, 10.0):
        effective = stack_experiment(LOSSY, PROTOCOL, EffectiveSnr(db))
        physical = stack_experiment(LOSSY, PROTOCOL, PhysicalSnr(db + loss_db + 10 * np.log10(n)))
        np.testing.assert_allclose(effective.model.weights[0], F, atol=1e-12)
        np.testing.assert_array_equal(physical.model.weights[0], LOSSY)
        for reader in (PeakReader.of(PROTOCOL), lag_reader(effective.model)):
            one, other = (
                monte_carlo(experiment, reader, trials=2000, seed=1)
                for experiment in (effective, physical)
            )
            # A phase of the response turns the field against the same noise: another draw.
            assert overlap(one, other)
        turned = stack_experiment(
            LOSSY * np.exp(-0.7j), PROTOCOL, PhysicalSnr(db + loss_db + 10 * np.log10(n))
        )
        one, other = (
            monte_carlo(experiment, lag_reader(experiment.model), trials=2000, seed=1)
            for experiment in (effective, turned)
        )
        np.testing.assert_allclose(numbers(one), numbers(other), rtol=1e-9)


def test_physical_snr_without_its_loss_is_worse():
    """The same physical SNR with 12 dB of loss: at high SNR the lag reader's error is 12 dB up,
    to the .3 dB of two means of 20 000 trials and of terms in the square of the noise."""
    lossless, lossy = (
        monte_carlo(experiment, lag_reader(experiment.model), trials=20_000, seed=seed)
        for seed, experiment in enumerate(
            stack_experiment(G, PROTOCOL, PhysicalSnr(45.0)) for G in (F / 2, LOSSY)
        )
    )
    ratio_db = 10 * np.log10(lossy.mse_rad2 / lossless.mse_rad2)
    np.testing.assert_allclose(ratio_db, 12, atol=0.3)


def test_without_noise_the_lags_make_no_error():
    """1e-12 rad of rounding."""
    experiment = stack_experiment(LOSSY, PROTOCOL, Noiseless())
    run = monte_carlo(experiment, lag_reader(experiment.model), trials=100, seed=0)
    assert (run.worst_rad < 1e-12).all()


# Sources and directions


def test_a_source_of_constant_modulus_is_a_steady_one_to_energies():
    """Its phase turns field and noise alike, and circular noise has no phase: intervals meet."""
    steady, turning = (
        monte_carlo(
            stack_experiment(F, PROTOCOL, EffectiveSnr(5.0), source=source),
            PeakReader.of(PROTOCOL),
            trials=50_000,
            seed=seed,
            confidence=0.9999,
        )
        for seed, source in enumerate((None, ConstantModulusSource()))
    )
    assert overlap(steady, turning)


@pytest.mark.slow
def test_a_gaussian_source_is_read_worse_by_the_peak_and_exactly_where_it_does_not_matter():
    """Fading makes other snapshots the strongest: the peak errs more. Without noise and with a
    single snapshot a fading source has the bin of a steady one."""
    steady, fading = (
        monte_carlo(
            stack_experiment(F, PROTOCOL, EffectiveSnr(10.0), source=source),
            PeakReader.of(PROTOCOL),
            trials=50_000,
            seed=0,
        )
        for source in (None, GaussianSource())
    )
    assert (fading.low_rad2 > steady.high_rad2).all()
    single = Protocol(2, 2, 1, 1)
    one, other = (
        monte_carlo(
            stack_experiment(F, single, Noiseless(), source=source),
            PeakReader.of(single),
            trials=1000,
            seed=0,
        )
        for source in (None, GaussianSource())
    )
    np.testing.assert_array_equal(numbers(one), numbers(other))


def test_directions_of_a_hemisphere_are_drawn_at_half_a_wavelength():
    """E(ψ_x²) = π² E(sin²ϑ cos²φ) = π²/3 · … : of a uniform direction each squared cosine is 1/3.

    The reader of 0 measures it: within five standard errors (variance of cos² is 4/45).
    """
    experiment = stack_experiment(F, PROTOCOL, Noiseless(), directions=Hemisphere())
    run = monte_carlo(experiment, Broadside(), trials=20_000, seed=0)
    np.testing.assert_allclose(
        run.mse_rad2, np.pi**2 / 3, atol=5 * np.pi**2 * np.sqrt(4 / 45 / 20_000)
    )


# Stopping, and what is refused


def stop_after(batches, seen):
    def on_trials(done):
        seen.append(done)
        if len(seen) == batches:
            raise KeyboardInterrupt

    return on_trials


def test_ctrl_c_keeps_the_trials_that_are_done():
    """After two batches of five: their mean, as if only they had been asked for."""
    experiment = stack_experiment(F, PROTOCOL, EffectiveSnr(10.0))
    size, reader, seen = batch_size(experiment.model), PeakReader.of(PROTOCOL), []
    stopped = monte_carlo(
        experiment, reader, trials=5 * size, seed=0, on_trials=stop_after(2, seen)
    )
    assert stopped.trials == 2 * size
    assert seen == [size, 2 * size]
    asked = monte_carlo(experiment, reader, trials=2 * size, seed=0)
    np.testing.assert_array_equal(numbers(stopped), numbers(asked))


def test_ctrl_c_before_two_trials_is_passed_on():
    class Stopping(EnergyReader):
        """Someone presses Ctrl-C while the first batch is being compiled."""

        def from_energies(self, energies):
            raise KeyboardInterrupt

    experiment = stack_experiment(F, PROTOCOL, EffectiveSnr(10.0))
    with pytest.raises(KeyboardInterrupt):
        monte_carlo(experiment, Stopping(), trials=10, seed=0)


def test_progress_is_told_after_every_batch():
    experiment, seen = stack_experiment(F, PROTOCOL, EffectiveSnr(10.0)), []
    size = batch_size(experiment.model)
    monte_carlo(experiment, Broadside(), trials=2 * size + 7, seed=0, on_trials=seen.append)
    assert seen == [size, 2 * size, 2 * size + 7]


@pytest.mark.parametrize("trials", [1, 0, -5])
def test_fewer_than_two_trials_are_refused(trials):
    experiment = stack_experiment(F, PROTOCOL, EffectiveSnr(10.0))
    with pytest.raises(InputError, match=f"`trials` must be at least 2, but is {trials}"):
        monte_carlo(experiment, Broadside(), trials=trials, seed=0)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.5, 99.0, np.nan])
def test_a_confidence_out_of_range_is_refused(confidence):
    experiment = stack_experiment(F, PROTOCOL, EffectiveSnr(10.0))
    with pytest.raises(InputError, match="`confidence` must be between 0 and 1, but is"):
        monte_carlo(experiment, Broadside(), trials=10, seed=0, confidence=confidence)


@pytest.mark.parametrize("noise", [PhysicalSnr(0.0), EffectiveSnr(0.0)])
def test_a_response_that_does_not_fit_the_protocol_is_refused(noise):
    with pytest.raises(InputError, match="`response` must have one column for each of the 2 x 2"):
        stack_experiment(dft_2d(3, 3), PROTOCOL, noise)


def test_detectors_may_be_fewer_than_elements_at_a_physical_snr_only():
    """Three detectors behind four elements have no DFT to be scaled to."""
    assert stack_experiment(F[:3], PROTOCOL, PhysicalSnr(0.0)).model.probes == 3
    with pytest.raises(
        InputError, match=r"must have the shape of its target, \(4, 4\), .* \(3, 4\)"
    ):
        stack_experiment(F[:3], PROTOCOL, EffectiveSnr(0.0))
