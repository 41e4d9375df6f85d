"""Several steady sources from energies: found, counted, and with honest error bars.

A beamwidth is 2π/N in ψ. Sources have equal powers, random directions and random phases; their
fields add, so that energies depend on the phases between them.
"""

from itertools import permutations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom

from metastack import dft_2d, float64
from metastack.doa import (
    BayesianInformation,
    DirectionModel,
    GeneralisedLikelihoodRatio,
    KnownNoise,
    Protocol,
    UnknownNoise,
    find_sources,
    fit_sources,
    maximum_likelihood,
    most_sources,
    wrapped_rad,
)
from metastack.errors import InputError

SLOW = pytest.mark.slow
VARIANCE = 0.01  # 20 dB of effective SNR for each source
NOISE = KnownNoise(VARIANCE)


def dft_model(side, steps):
    return DirectionModel.of_stack(dft_2d(side, side), Protocol(side, side, steps, steps))


SMALL, FEW, MANY = dft_model(2, 4), dft_model(4, 4), dft_model(4, 8)


def scenes(model, runs, sources=2, separation=1.5, seed=0):
    """Directions anywhere, each at least `separation` beamwidths from all others, the second at
    just that distance from the first; and phases."""
    rng, beamwidth = np.random.default_rng(seed), 2 * np.pi / model.columns
    psi = np.empty((runs, sources, 2))
    for run in psi:
        run[0] = rng.uniform(-np.pi, np.pi, 2)
        turn = rng.uniform(0, 2 * np.pi)
        if sources > 1:
            run[1] = run[0] + separation * beamwidth * np.array([np.cos(turn), np.sin(turn)])
        for k in range(2, sources):
            while True:
                run[k] = rng.uniform(-np.pi, np.pi, 2)
                apart = np.linalg.norm(wrapped_rad(run[k] - run[:k]), axis=1)
                if apart.min() >= separation * beamwidth:
                    break
    return wrapped_rad(psi), np.exp(2j * np.pi * rng.random((runs, sources)))


def recorded(model, psi, amplitudes, variance=VARIANCE, seed=1):
    """Energies of runs, noise by NumPy."""
    with float64():
        fields = np.asarray(model.field(jnp.asarray(psi)))
    field = np.einsum("rs,rstp->rtp", amplitudes, fields)
    u = np.random.default_rng(seed).standard_normal((2, *field.shape)) * np.sqrt(variance / 2)
    return np.abs(field + u[0] + 1j * u[1]) ** 2


def matched(found, truth):
    """Errors of sources in their best order: (sources, 2), and that order."""
    orders = [list(order) for order in permutations(range(len(truth)))]
    errors = [wrapped_rad(np.asarray(found)[order] - truth) for order in orders]
    best = int(np.argmin([np.abs(error).max() for error in errors]))
    return errors[best], orders[best]


def largest_errors(fit, psi):
    """Of every run, the error of its worst angle."""
    return np.array([np.abs(matched(f, p)[0]).max() for f, p in zip(fit.psi_rad, psi, strict=True)])


def at_least(count, tries, rate):
    """Whether so many successes do not contradict a success rate: chance above 1e-3."""
    return binom.cdf(count, tries, rate) > 1e-3


def at_most(count, tries, rate):
    """Whether so many failures do not contradict a failure rate: chance above 1e-3."""
    return binom.sf(count - 1, tries, rate) > 1e-3


# Two sources


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "runs"),
    [(FEW, 40), pytest.param(MANY, 40, marks=SLOW), pytest.param(MANY, 200, marks=SLOW)],
)
def test_two_sources_one_and_a_half_beamwidths_apart_are_found(model, runs):
    """Both within a quarter of a beamwidth in 95 % of runs; and two are likelier than one by more
    than either criterion asks for, in 95 %."""
    psi, amplitudes = scenes(model, runs)
    measured = recorded(model, psi, amplitudes)
    one, two = (fit_sources(model, measured, count, noise=NOISE) for count in (1, 2))
    close = largest_errors(two, psi) < 2 * np.pi / model.columns / 4
    assert at_least(np.count_nonzero(close), runs, 0.95)
    gain = np.asarray(two.log_likelihood - one.log_likelihood)
    for criterion in (GeneralisedLikelihoodRatio(), BayesianInformation()):
        assert at_least(np.count_nonzero(gain > criterion.threshold(model)), runs, 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [NOISE, UnknownNoise(VARIANCE)])
def test_two_sources_are_counted(noise):
    """By both criteria: neither one nor three in 95 % of 200 runs."""
    psi, amplitudes = scenes(MANY, 200)
    measured = recorded(MANY, psi, amplitudes)
    height = [
        np.asarray(fit_sources(MANY, measured, count, noise=noise).log_likelihood)
        for count in (1, 2, 3)
    ]
    for criterion in (GeneralisedLikelihoodRatio(), BayesianInformation()):
        threshold = criterion.threshold(MANY)
        right = (height[1] - height[0] >= threshold) & (height[2] - height[1] < threshold)
        assert at_least(np.count_nonzero(right), 200, 0.95)


@pytest.mark.parametrize("noise", [KnownNoise(1e-12), pytest.param(UnknownNoise(1.0), marks=SLOW)])
def test_two_sources_are_exact_without_noise(noise):
    """To 1e-4 rad, and amplitudes to 1e-3 up to what energies do not see.

    They see the autocorrelation of the incident field x only, and so neither its phase nor whether
    it is conj(x) in reverse order: α_s or conj(α_s) e^{-j(N - 1)(ψ_x + ψ_y)} of each source.
    """
    psi, amplitudes = scenes(FEW, 40, seed=3)
    fit = fit_sources(FEW, recorded(FEW, psi, amplitudes, variance=0.0), 2, noise=noise)
    assert largest_errors(fit, psi).max() < 1e-4
    for k in range(len(psi)):
        found = np.asarray(fit.amplitudes[k])[matched(fit.psi_rad[k], psi[k])[1]]
        mirrored = np.conj(amplitudes[k]) * np.exp(-3j * psi[k].sum(axis=1))
        np.testing.assert_allclose(np.abs(found), 1, atol=1e-3)
        between = [a[1] / a[0] for a in (found, amplitudes[k], mirrored)]
        assert min(abs(between[0] - between[1]), abs(between[0] - between[2])) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("model", [FEW, MANY])
def test_three_sources_are_exact_without_noise(model):
    """To 1e-4 rad in 90 % of 40 runs: three starts from pairs may all end on a lower hill."""
    psi, amplitudes = scenes(model, 40, sources=3, seed=3)
    measured = recorded(model, psi, amplitudes, variance=0.0)
    fit = fit_sources(model, measured, 3, noise=UnknownNoise(1.0))
    assert at_least(np.count_nonzero(largest_errors(fit, psi) < 1e-4), 40, 0.9)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [NOISE, UnknownNoise(VARIANCE)])
def test_error_bars_of_two_sources_are_their_scatter(noise):
    """One scene, 400 noises: the scatter of each source against the mean of its error bars.

    A variance of 400 Gaussian errors is known to √(2/400) = 7 %, four times that; and
    eᵀ C⁻¹ e / 2 averages to 1 within 5/√400 over two sources, less for what they share.
    """
    psi, amplitudes = scenes(MANY, 1, seed=8)
    runs = 400
    measured = recorded(MANY, np.repeat(psi, runs, 0), np.repeat(amplitudes, runs, 0))
    fit = fit_sources(MANY, measured, 2, noise=noise)
    pairs = [matched(found, psi[0]) for found in fit.psi_rad]
    errors = np.array([error for error, _ in pairs])
    bars = np.array(
        [np.asarray(c)[order] for c, (_, order) in zip(fit.covariance_rad2, pairs, strict=True)]
    )
    for source in range(2):
        scatter = np.cov(errors[:, source].T)
        mean = bars[:, source].mean(axis=0)
        scale = np.sqrt(np.outer(np.diag(mean), np.diag(mean)))
        assert (np.abs(scatter - mean) < 0.28 * scale).all()
    normalised = np.einsum("rsi,rsij,rsj->rs", errors, np.linalg.inv(bars), errors) / 2
    assert abs(normalised.mean() - 1) < 0.25


# How many


def test_one_source_is_the_maximum_likelihood():
    """The same maximum by another climb: directions to a thousandth of a deviation, the same
    error bars, power and likelihood."""
    psi, amplitudes = scenes(FEW, 40, sources=1)
    measured = recorded(FEW, psi, amplitudes)
    fit = fit_sources(FEW, measured, 1, noise=NOISE)
    alone = maximum_likelihood(measured, FEW, noise=NOISE)
    deviation = np.sqrt(np.asarray(alone.covariance_rad2)[:, [0, 1], [0, 1]])
    off = wrapped_rad(np.asarray(fit.psi_rad)[:, 0] - np.asarray(alone.psi_rad))
    assert (np.abs(off) < 1e-3 * deviation).all()
    np.testing.assert_allclose(fit.log_likelihood, alone.log_likelihood, atol=1e-5)
    np.testing.assert_allclose(
        fit.covariance_rad2[:, 0], alone.covariance_rad2, rtol=1e-3, atol=1e-9
    )
    np.testing.assert_allclose(np.abs(fit.amplitudes[:, 0]) ** 2, alone.power[:, 0], rtol=1e-4)


@pytest.mark.slow
def test_noise_feigns_a_second_source_no_more_often_than_allowed():
    """2 x 2: at most 5 % of 200 runs, that is, a count that 5 % has with a chance above 1e-3."""
    psi, amplitudes = scenes(SMALL, 200, sources=1, seed=5)
    counts = [
        find_sources(SMALL, run, noise=NOISE, criterion=GeneralisedLikelihoodRatio(0.05)).believed
        for run in recorded(SMALL, psi, amplitudes)
    ]
    assert min(counts) == 1
    assert at_most(counts.count(2), 200, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [NOISE, UnknownNoise(VARIANCE)])
@pytest.mark.parametrize(("model", "runs"), [(SMALL, 2000), (FEW, 400), (MANY, 400)])
def test_false_alarms_are_as_rare_as_allowed(model, runs, noise):
    """Whether two are believed where there is one, and one where there is none, at 5 %.

    Where the noise is unknown the threshold grows by n/ν, ν measurements being left by the fit.
    """
    psi, amplitudes = scenes(model, runs, sources=1, seed=5)
    n = model.snapshots * model.probes
    for present in (0, 1):
        measured = recorded(model, psi, present * amplitudes)
        mean = measured.mean(axis=(1, 2))
        variance = VARIANCE if isinstance(noise, KnownNoise) else mean
        heights = [-n * (np.log(variance) + mean / variance)]
        heights += [
            np.asarray(fit_sources(model, measured, count, noise=noise).log_likelihood)
            for count in range(1, present + 2)
        ]
        factor = 1.0 if isinstance(noise, KnownNoise) else n / (n - 4 * (present + 1))
        threshold = factor * GeneralisedLikelihoodRatio(0.05).threshold(model)
        assert at_most(np.count_nonzero(heights[-1] - heights[-2] >= threshold), runs, 0.05)


@pytest.mark.parametrize("noise", [KnownNoise(1.0), pytest.param(UnknownNoise(1.0), marks=SLOW)])
def test_noise_alone_is_no_source(noise):
    """At the default of 1e-3 none of 20 runs; at 5 % as few of 200 as a rate of 5 % allows."""
    measured = np.random.default_rng(2).exponential(size=(200, 16, 4))
    for energies in measured[:20]:
        found = find_sources(SMALL, energies, noise=noise, at_most=1)
        assert found.believed == 0
        assert found.fit is None
    criterion = GeneralisedLikelihoodRatio(0.05)
    believed = [
        find_sources(SMALL, run, noise=noise, at_most=1, criterion=criterion).believed
        for run in measured
    ]
    assert at_most(sum(believed), 200, 0.05)


@pytest.mark.slow
def test_search_adds_sources_while_each_pays_for_itself():
    """One, two and three sources: `find_sources` believes what the fits one by one say, both
    criteria find the true number, and the believed fit is that of `fit_sources`."""
    for sources in (1, 2, 3):
        psi, amplitudes = scenes(FEW, 1, sources=sources, seed=sources)
        measured = recorded(FEW, psi, amplitudes)
        for criterion in (GeneralisedLikelihoodRatio(), BayesianInformation()):
            found = find_sources(FEW, measured[0], noise=NOISE, criterion=criterion)
            assert found.believed == sources
            steps = np.diff(found.log_likelihoods)
            assert (steps[:sources] >= criterion.threshold(FEW)).all()
            assert (steps[sources:] < criterion.threshold(FEW)).all()
            assert np.abs(matched(found.fit.psi_rad, psi[0])[0]).max() < np.pi / 8
        alone = fit_sources(FEW, measured, sources, noise=NOISE)
        np.testing.assert_allclose(found.fit.psi_rad, alone.psi_rad[0], atol=1e-9)


@pytest.mark.parametrize("weak", [0.3, pytest.param(0.1, marks=SLOW)])
def test_a_weak_source_is_found_beside_a_strong_one(weak):
    """10 and 20 dB below, 1.5 beamwidths away, without noise: exact in 95 % of 40 runs. The order
    is that of power, and the first amplitude is real."""
    psi, amplitudes = scenes(FEW, 40, seed=4)
    amplitudes = amplitudes * [weak, 1.0]
    fit = fit_sources(FEW, recorded(FEW, psi, amplitudes, variance=0.0), 2, noise=KnownNoise(1e-12))
    modulus = np.abs(fit.amplitudes)
    assert (np.diff(modulus, axis=1) <= 0).all()
    np.testing.assert_allclose(np.imag(fit.amplitudes[:, 0]), 0, atol=1e-3)
    exact = (np.abs(modulus - [1.0, weak]) < 1e-3).all(axis=1) & (largest_errors(fit, psi) < 1e-4)
    assert at_least(np.count_nonzero(exact), 40, 0.95)


# Outside of double precision, and what is refused


def test_search_enters_double_precision_by_itself():
    """Called outside of `float64`, on single precision: doubles come back, and no warning."""
    psi, amplitudes = scenes(SMALL, 1, sources=1)
    measured = recorded(SMALL, psi, amplitudes)[0].astype(np.float32)
    found = find_sources(SMALL, measured, noise=NOISE, at_most=1)
    assert found.believed == 1
    assert found.fit.psi_rad.dtype == np.float64
    assert np.abs(wrapped_rad(np.asarray(found.fit.psi_rad[0]) - psi[0, 0])).max() < 0.1


@pytest.mark.parametrize("count", [0, 3, -1])
def test_more_sources_than_energies_resolve_are_refused(count):
    """N // 2: two for 2 x 2 elements, and the sentence says so."""
    assert [most_sources(model) for model in (SMALL, FEW)] == [2, 8]
    message = f"must be from 1 to 2 for energies of 2 x 2 elements, but is {count}; use more"
    with pytest.raises(InputError, match=message):
        fit_sources(SMALL, np.ones((16, 4)), count, noise=NOISE)
    with pytest.raises(InputError, match=message):
        find_sources(SMALL, np.ones((16, 4)), noise=NOISE, at_most=count)


def test_a_model_that_does_not_tell_directions_is_refused():
    line = DirectionModel.of_stack(dft_2d(4, 1), Protocol(4, 1, 4, 1))
    blind = DirectionModel.of_stack(dft_2d(2, 2), Protocol(2, 2, 1, 1))
    for model, message in ((line, "2 columns and 2 rows"), (blind, "do not tell ψ from -ψ")):
        shape = (model.snapshots, model.probes)
        with pytest.raises(InputError, match=message):
            fit_sources(model, np.ones(shape), 1, noise=NOISE)
        with pytest.raises(InputError, match=message):
            find_sources(model, np.ones(shape), noise=NOISE)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 5.0, np.nan])
def test_a_false_alarm_rate_out_of_range_is_refused(rate):
    with pytest.raises(InputError, match="`false_alarm` must be between 0 and 1, but is"):
        GeneralisedLikelihoodRatio(rate)


def test_thresholds_are_those_of_their_definitions():
    """1 - (1 - e^-γ)^{4N} is the false-alarm rate; Schwarz asks ½ · 4 · ln(T N). To rounding."""
    for rate in (1e-9, 1e-3, 0.5):
        gain = GeneralisedLikelihoodRatio(rate).threshold(FEW)
        np.testing.assert_allclose(-np.expm1(64 * np.log1p(-np.exp(-gain))), rate, rtol=1e-9)
    np.testing.assert_allclose(BayesianInformation().threshold(FEW), 2 * np.log(256), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("off", [1e-5, 1e-3])
def test_a_response_that_is_nearly_a_dft_is_read_as_well_as_one(off):
    """A design's -100 or -60 dB: its total gain varies a little over the probes, by which a floor
    could be told from the sum of powers, but only with the noise multiplied by 1/`off`."""
    rng = np.random.default_rng(0)
    wrong = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    response = dft_2d(2, 2) + off * wrong
    near = DirectionModel.of_stack(response, Protocol(2, 2, 4, 4))
    psi, amplitudes = scenes(SMALL, 40, seed=4)
    errors = [
        largest_errors(
            fit_sources(model, recorded(model, psi, amplitudes, 1e-4), 2, noise=KnownNoise(1e-4)),
            psi,
        )
        for model in (near, SMALL)
    ]
    found = [np.count_nonzero(each < np.pi / 4) for each in errors]
    assert found[0] >= found[1] - 3
    assert found[1] >= 36
