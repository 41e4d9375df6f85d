"""The law of one energy: its density, its scores and its Fisher information."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import gamma, ncx2, poisson

from metastack.rician import (
    information,
    information_by_quadrature,
    log_density,
    noise_score,
    snr_score,
)

pytestmark = pytest.mark.usefixtures("double_precision")

SNRS = [0.0, 1e-3, 0.1, 0.5, 1.0, 3.0, 10.0, 1e2, 1e3, 1e4, 1e6]


def at(function, x, snr):
    """A function of JAX arrays, at NumPy energies and one λ."""
    return np.asarray(function(jnp.asarray(x), jnp.full(x.shape, snr, x.dtype)))


def energies_near(snr):
    """Energies within five standard deviations √(1 + 2λ) of the mean 1 + λ."""
    x = 1 + snr + np.linspace(-5, 5, 41) * np.sqrt(1 + 2 * snr)
    return np.append(x[x > 0], 1e-9)


def scipy_log_density(x, snr):
    """2x is noncentral chi-square with 2 degrees of freedom and noncentrality 2λ."""
    return ncx2.logpdf(2 * x, 2, 2 * snr) + np.log(2)


def energies_and_weights(snr):
    """Nodes x and weights that integrate over the energy.

    Over the amplitude √x the density is a bell of width 1/√2; beyond 9 it holds e^{-81}. 64
    Gauss-Legendre nodes on each of six intervals of width 3 are exact to rounding.
    """
    nodes, weights = np.polynomial.legendre.leggauss(64)
    edges = np.unique(np.maximum(np.sqrt(snr) + np.linspace(-9, 9, 7), 0))
    half = np.diff(edges)[:, None] / 2
    amplitude = (edges[:-1, None] + half * (nodes + 1)).ravel()
    return amplitude**2, 2 * amplitude * (half * weights).ravel()


@pytest.mark.parametrize("snr", SNRS)
def test_density_integrates_to_one(snr):
    """Exact but for the exponent (√x - √λ)², rounded by 1e-13 at amplitudes up to 1e3."""
    x, weights = energies_and_weights(snr)
    np.testing.assert_allclose(weights @ np.exp(at(log_density, x, snr)), 1, rtol=1e-12)


@pytest.mark.parametrize("snr", SNRS)
def test_density_is_that_of_half_a_noncentral_chi_square(snr):
    """SciPy's, by a change of variable. The exponent is rounded by ε√λ times up to ten."""
    x = energies_near(snr)
    tolerance = 1e-12 + 1e-14 * np.sqrt(snr)
    np.testing.assert_allclose(
        at(log_density, x, snr), scipy_log_density(x, snr), rtol=1e-12, atol=tolerance
    )


@pytest.mark.parametrize("snr", [0.0, 0.5, 3.0, 40.0])
def test_density_is_a_poisson_mixture_of_erlang_densities(snr):
    """Σ_k Poisson(k; λ) x^k e^{-x}/k!, the expansion of I_0; 200 terms leave 1e-70 at λ = 40."""
    x, k = energies_near(snr), np.arange(200)
    expected = gamma.pdf(x[:, None], k + 1) @ poisson.pmf(k, snr)
    np.testing.assert_allclose(np.exp(at(log_density, x, snr)), expected, rtol=1e-11)


@pytest.mark.parametrize("snr", [s for s in SNRS if s > 0])
def test_snr_score_is_the_slope_of_the_log_density(snr):
    """Central differences of SciPy's density, in units of the score's own size, 1/√(1 + 2λ).

    Step 1e-4 of the scale on which the density changes: 1e-8 of truncation times third
    derivatives that reach a few tens at x = 5 deviations, and 1e-11 of rounding.
    """
    x = energies_near(snr)
    step = 1e-4 * min(snr, np.sqrt(snr))
    upper, lower = (scipy_log_density(x, snr + sign * step) for sign in (1, -1))
    unit = np.sqrt(1 + 2 * snr)
    np.testing.assert_allclose(
        at(snr_score, x, snr) * unit, (upper - lower) / (2 * step) * unit, atol=1e-6
    )


def test_snr_score_is_the_gradient_that_jax_finds():
    """Automatic differentiation of the Bessel functions: another way to the same numbers."""
    for snr in SNRS[1:]:
        x = energies_near(snr)
        gradient = at(jax.vmap(jax.grad(log_density, argnums=1)), x, snr)
        unit = np.sqrt(1 + 2 * snr)
        # The exponent's slope, (√x - √λ)/√λ, loses the digits that √x and √λ share.
        np.testing.assert_allclose(
            at(snr_score, x, snr) * unit, gradient * unit, rtol=1e-9, atol=1e-10
        )


def test_snr_score_without_a_field_is_the_energy_less_its_mean():
    """p = e^{-x-λ} (1 + xλ + …), so that the slope at λ = 0 is x - 1: to rounding."""
    x = energies_near(0.0)
    np.testing.assert_allclose(at(snr_score, x, 0.0), x - 1, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("snr", SNRS)
def test_noise_score_is_the_slope_by_the_logarithm_of_the_noise(snr):
    """Energy and field held, noise e^{±h}: density of the energy is that of x over σ².

    h = 1e-4 leaves 1e-8 times third derivatives of up to 1e2 at five deviations; the score itself
    cancels λ against x, to 1e-15 λ.
    """
    x, step = energies_near(snr), 1e-4
    upper, lower = (scipy_log_density(x * np.exp(-h), snr * np.exp(-h)) - h for h in (step, -step))
    np.testing.assert_allclose(
        at(noise_score, x, snr), (upper - lower) / (2 * step), rtol=1e-6, atol=2e-6
    )


@pytest.mark.parametrize("snr", SNRS)
def test_information_series_is_the_quadrature(snr):
    """The Chebyshev series stands for the reference to 1e-11 of each one's scale.

    At high SNR it is the reference that loses digits: its score of log σ², of order one, is the
    difference of terms of size 2λ, each rounded by ε. So the information of log σ² is off by
    2λε, and the cross term, in units of 1/(2λ), by (2λ)^1.5 ε.
    """
    large, eps = 1 + 2 * snr, np.finfo(float).eps
    series, reference = information(jnp.array([snr])), information_by_quadrature(np.array([snr]))
    for fast, slow, unit, rounding in zip(
        series, reference, (1 / large, 1 / large, 1.0), (1.0, large**1.5, large), strict=True
    ):
        np.testing.assert_allclose(fast, slow, rtol=0, atol=unit * (1e-11 + eps * rounding))


@pytest.mark.parametrize("snr", [s for s in SNRS if s > 0])
def test_information_is_the_mean_of_products_of_scores(snr):
    """Finite differences of SciPy's density, squared and integrated: nothing of ours in it.

    Central differences with a step of 1e-4 leave 1e-8 times mean third derivatives of order one;
    their rounding, 1e-16 √λ / 1e-4, is 1e-9 at the largest λ. 1e-6 of each one's scale is a
    hundred times more.
    """
    x, weights = energies_and_weights(snr)
    step, h = min(snr / 2, 1e-4 * (1 + np.sqrt(snr))), 1e-4
    density = weights * np.exp(scipy_log_density(x, snr))
    upper, lower = (scipy_log_density(x, snr + s) for s in (step, -step))
    by_snr = (upper - lower) / (2 * step)
    upper, lower = (scipy_log_density(x * np.exp(-s), snr * np.exp(-s)) - s for s in (h, -h))
    by_noise = (upper - lower) / (2 * h)
    expected = [density @ product for product in (by_snr**2, by_snr * by_noise, by_noise**2)]
    unit = 1 / (1 + 2 * snr)
    for ours, oracle, scale in zip(
        information(jnp.array([snr])), expected, (unit, unit, 1.0), strict=True
    ):
        np.testing.assert_allclose(ours[0], oracle, rtol=0, atol=1e-6 * scale)


def test_information_has_its_limits():
    """λ → 0: x is exponential, scores x - 1 of both λ and log σ², all three moments 1.

    λ → ∞: the amplitude is Gaussian about √λ with variance 1/2, which gives 1/(2λ) about λ; of
    log σ² only one of two quadratures is seen, 1/2, and the cross term falls as λ^-1.
    The next orders are relative 1/λ.
    """
    at_zero = information(jnp.array([0.0]))
    np.testing.assert_allclose(np.ravel(at_zero), 1, rtol=1e-10)
    snr = jnp.array([1e4, 1e6])
    high = information(snr)
    np.testing.assert_allclose(high.snr * 2 * snr, 1, rtol=2e-4)
    np.testing.assert_allclose(high.noise, 0.5, rtol=2e-4)
    assert (np.abs(high.cross) * np.sqrt(2 * snr) < 1e-2).all()


def test_information_is_that_of_a_possible_law_at_every_snr():
    """A stronger field says less per unit of λ; the matrix of λ and log σ² is positive.

    The information of log σ² falls from 1 to .402 at λ = 1.46 (by the quadrature), and comes back
    to 1/2 from below as 1/2 - 1/(8λ): one turn, and no ripple of the series.
    """
    snr = jnp.logspace(-4, 7, 2000)
    found = information(snr)
    assert (np.diff(found.snr) < 0).all()
    assert (found.snr * found.noise > found.cross**2).all()
    assert 0.402 < found.noise.min() < 0.403
    assert np.count_nonzero(np.diff(np.sign(np.diff(found.noise)))) == 1
    np.testing.assert_allclose((0.5 - information(jnp.array([1e4])).noise) * 8e4, 1, rtol=1e-3)


@pytest.mark.parametrize("snr", [0.0, 0.7, 20.0, 3e3])
def test_scores_average_to_zero_and_their_products_to_the_information(snr):
    """100 000 energies drawn by NumPy: every mean within five of its own standard errors."""
    rng = np.random.default_rng(7)
    u = rng.standard_normal((2, 100_000)) / np.sqrt(2)
    x = (np.sqrt(snr) + u[0]) ** 2 + u[1] ** 2
    of_snr, of_noise = at(snr_score, x, snr), at(noise_score, x, snr)
    expected = information(jnp.array([snr]))
    for samples, mean in (
        (of_snr, 0.0),
        (of_noise, 0.0),
        (of_snr**2, expected.snr[0]),
        (of_snr * of_noise, expected.cross[0]),
        (of_noise**2, expected.noise[0]),
    ):
        assert abs(samples.mean() - mean) < 5 * samples.std() / np.sqrt(samples.size)


def test_single_precision_keeps_six_digits():
    """complex64 runs climb by these scores: 24-bit arithmetic leaves 1e-5 of each one's scale."""
    snr = jnp.array([0.0, 0.3, 5.0, 100.0, 1e4])
    x = 1 + snr + jnp.sqrt(1 + 2 * snr)
    for function in (log_density, snr_score):
        double = function(x, snr)
        single = function(x.astype(jnp.float32), snr.astype(jnp.float32))
        assert single.dtype == jnp.float32
        np.testing.assert_allclose(single, double, rtol=3e-4, atol=1e-5)
    for single, double in zip(information(snr.astype(jnp.float32)), information(snr), strict=True):
        assert single.dtype == jnp.float32
        np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-5)
