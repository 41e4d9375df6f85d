"""The exact probability between two detectors, and the bound on the peak estimator built on it."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import comb, ive, log_ndtr
from scipy.stats import ncx2, rice

from metastack.doa import (
    EffectiveSnr,
    PhysicalSnr,
    Protocol,
    energies,
    peak_estimate,
    simulate_snapshots,
)
from metastack.doa.pairwise import probability_to_beat
from metastack.doa.peak_bound import (
    peak_bound,
    peak_floor,
    plain_difference,
    wrapped_difference,
)
from metastack.errors import InputError
from metastack.targets import dft_2d

noncentralities = st.floats(0, 1e7)
Z_99 = 2.576


def sum_of_bessel_functions(c, p):
    """e^{-(a² + b²)/2} [½ I_0(ab) + Σ (a/b)^k I_k(ab)]: the Marcum function's series for a < b."""
    a, b = np.sqrt(c / 2), np.sqrt(p / 2)
    k = np.arange(1, 40 + int(12 * np.sqrt(a * b) + a * b / 10))
    series = ive(0, a * b) / 2 + np.sum((a / b) ** k * ive(k, a * b))
    return np.exp(-((b - a) ** 2) / 2) * series


@pytest.mark.parametrize("pair", [(0, 0), (0, 3), (2, 5), (30, 40), (12, 6)])
def test_pairwise_probability_is_what_a_million_draws_find(pair):
    """Within the 99 % interval of a binomial count, of chi-squares made from Gaussian samples."""
    draws = 10**6
    generator = np.random.default_rng(11)
    x, y = generator.standard_normal((2, 2, draws))
    x[0] += np.sqrt(pair[0])
    y[0] += np.sqrt(pair[1])
    found = np.mean((x**2).sum(axis=0) > (y**2).sum(axis=0))
    P = probability_to_beat(*map(float, pair))
    assert abs(found - P) < Z_99 * np.sqrt(P * (1 - P) / draws)


@pytest.mark.parametrize(
    ("c", "p"), [(0.0, 0.1), (1.0, 1.5), (8.0, 40.0), (100.0, 130.0), (500.0, 520.0), (60.0, 9.0)]
)
def test_pairwise_probability_is_the_integral_of_density_and_tail(c, p):
    """∫ (density of the rival's amplitude) P(candidate above it), by Gauss-Legendre.

    200 nodes over 12 standard deviations resolve a Gaussian bell to rounding; scipy's
    noncentral chi-square is good to 1e-11 there, hence 1e-10 on values above 1e-3.
    """
    nodes, weights = np.polynomial.legendre.leggauss(200)
    low, high = max(0.0, np.sqrt(p) - 12), np.sqrt(p) + 12
    r = low + (high - low) * (nodes + 1) / 2
    integrand = rice.pdf(r, np.sqrt(p)) * ncx2.sf(r**2, 2, c)
    expected = (high - low) / 2 * np.sum(weights * integrand)
    np.testing.assert_allclose(probability_to_beat(c, p), expected, rtol=1e-10)


@given(st.floats(1e-3, 3e3), st.floats(0, 1))
def test_pairwise_probability_keeps_its_digits_in_the_tail(p, ratio):
    """Against the series of Bessel functions, whose terms are positive, down to 1e-300.

    Either exponent, up to 690, rounds at 1e-16 of itself: 1e-13 each; ive is good to 1e-13.
    """
    c = p * ratio
    expected = sum_of_bessel_functions(c, p) if ratio < 1 else 0.5
    assert np.isfinite(expected)
    if expected > 1e-300:
        np.testing.assert_allclose(probability_to_beat(c, p), expected, rtol=1e-12)


@given(noncentralities, noncentralities)
def test_one_of_two_detectors_wins(c, p):
    """P(c beats p) + P(p beats c) = 1: rounding of two numbers below 1."""
    total = probability_to_beat(c, p) + probability_to_beat(p, c)
    np.testing.assert_allclose(total, 1, rtol=0, atol=2e-16)


@given(noncentralities)
def test_equal_detectors_win_equally_often(c):
    """By symmetry ½: to the bit, as the integrand is 0 and the poles' share exactly ½."""
    assert probability_to_beat(c, c) == 0.5


@given(st.floats(0, 2800))
def test_a_probe_without_signal_wins_by_the_exponential_law(p):
    """c = 0: ½ e^{-p/4}, down to 1e-304 and from the smallest p on; the exponent's rounding 1e-13.

    It is the binary error of noncoherent frequency shift keying at p/2.
    """
    np.testing.assert_allclose(probability_to_beat(0.0, p), np.exp(-p / 4) / 2, rtol=1e-12)


def test_strong_signals_compare_like_gaussians():
    """At 1e7: (a + b) / (2√(ab)) Q(b - a), up to a relative error of order 1/(ab) = 2e-7: 1e-6.

    Nothing overflows: the tail goes down to e^{-700}, then to 0.
    """
    b = np.sqrt(1e7 / 2)
    a = b - np.array([0.0, 1e-6, 1.0, 5.0, 37.0])
    expected = (a + b) / (2 * np.sqrt(a * b)) * np.exp(log_ndtr(a - b))
    np.testing.assert_allclose(probability_to_beat(2 * a**2, 1e7), expected, rtol=1e-6)
    assert probability_to_beat(1e6, 1e7) == 0
    assert probability_to_beat(1e7, 0.0) == 1


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_noncentralities_must_be_finite_and_not_negative(wrong):
    with pytest.raises(InputError, match=r"`candidate` must be finite .* but 1 of 1 are not"):
        probability_to_beat(wrong, 1.0)
    with pytest.raises(InputError, match="`rival` must be finite"):
        probability_to_beat(1.0, wrong)


def random_device(elements, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(elements, elements)) + 1j * generator.normal(
        size=(elements, elements)
    )


# Device, protocol, true angles / π, noise. The last three are near ±π, on a corner, a worn device.
SETTINGS = {
    "noisy": (dft_2d(2, 2), Protocol(2, 2, 2, 2), (0.3, -0.55), EffectiveSnr(5.0)),
    "fine grid": (dft_2d(2, 2), Protocol(2, 2, 4, 4), (-0.51, 0.12), EffectiveSnr(12.0)),
    "larger": (dft_2d(4, 4), Protocol(4, 4, 2, 2), (0.07, 0.6), EffectiveSnr(-3.0)),
    "oblong": (dft_2d(3, 2), Protocol(3, 2, 1, 3), (0.2, -0.9), EffectiveSnr(3.0)),
    "near pi": (dft_2d(2, 2), Protocol(2, 2, 2, 2), (0.97, -0.98), EffectiveSnr(10.0)),
    "corner": (dft_2d(4, 4), Protocol(4, 4, 2, 2), (-0.95, 0.93), EffectiveSnr(0.0)),
    "no DFT": (random_device(4), Protocol(2, 2, 2, 2), (0.4, 0.99), PhysicalSnr(0.0)),
}


def simulated(device, protocol, true_pi, noise, difference, *, trials=20_000):
    """Mean squared errors in x and y, with half the width of their 99 % intervals, rad²."""
    psi = [np.full(trials, angle * np.pi) for angle in true_pi]
    received = simulate_snapshots(
        device, protocol, psi_x_rad=psi[0], psi_y_rad=psi[1], noise=noise, seed=21
    )
    estimate = peak_estimate(energies(received), protocol)
    found = np.stack([estimate.psi_x_rad, estimate.psi_y_rad])
    squared = difference(found, np.stack(psi)) ** 2
    return squared.mean(axis=-1), Z_99 * squared.std(axis=-1) / np.sqrt(trials)


def bounded(device, protocol, true_pi, noise, difference):
    scale = noise.scale(device, dft_2d(protocol.columns, protocol.rows))
    bound = peak_bound(
        scale * device,
        protocol,
        psi_x_rad=true_pi[0] * np.pi,
        psi_y_rad=true_pi[1] * np.pi,
        noise_variance=noise.variance,
        difference=difference,
    )
    return np.array([bound.psi_x_rad2, bound.psi_y_rad2])


@pytest.mark.parametrize("difference", [plain_difference, wrapped_difference])
@pytest.mark.parametrize("setting", SETTINGS)
def test_bound_is_above_the_error_of_the_peak(setting, difference):
    """By the union bound, for either measure of error; up to the simulation's 99 % interval."""
    mean, half_width = simulated(*SETTINGS[setting], difference)
    assert (bounded(*SETTINGS[setting], difference) > mean - half_width).all()


def test_near_the_edge_of_the_circle_the_plain_difference_is_off_by_a_turn():
    """ψ = .97π: the bin at -π is .03π away on the circle and 1.97π by plain difference.

    Without noise the peak is that bin, whatever the device: exact but for rounding.
    """
    device, protocol, true_pi, _ = SETTINGS["near pi"]
    here = {"psi_x_rad": true_pi[0] * np.pi, "psi_y_rad": 0.0}
    plain = peak_floor(device, protocol, **here, difference=plain_difference)
    wrapped = peak_floor(device, protocol, **here)
    np.testing.assert_allclose(plain.psi_x_rad2, (1.97 * np.pi) ** 2, rtol=1e-12)
    np.testing.assert_allclose(wrapped.psi_x_rad2, (0.03 * np.pi) ** 2, rtol=1e-12)


@pytest.mark.parametrize("setting", ["noisy", "larger", "near pi", "no DFT"])
def test_bound_is_tight_at_high_snr(setting):
    """At 60 dB nothing beats the peak: bound, simulation and the peak's own error are one.

    The nearest rival is beaten to e^{-745} or less; the sums differ in their rounding: 1e-12.
    """
    device, protocol, true_pi, noise = SETTINGS[setting]
    quiet = type(noise)(60.0)
    floor = peak_floor(device, protocol, psi_x_rad=true_pi[0] * np.pi, psi_y_rad=true_pi[1] * np.pi)
    limit = np.array([floor.psi_x_rad2, floor.psi_y_rad2])
    bound = bounded(device, protocol, true_pi, quiet, wrapped_difference)
    mean, _ = simulated(device, protocol, true_pi, quiet, wrapped_difference, trials=100)
    np.testing.assert_allclose(bound, limit, rtol=1e-12)
    np.testing.assert_allclose(mean, limit, rtol=1e-12)


@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 6.0, 12.0])
def test_bound_on_the_grid_is_the_union_bound_of_orthogonal_signalling(snr_db):
    """A source on a bin of an N-point DFT, one snapshot: only one probe sees it, as of N tones.

    Symbol errors of N noncoherent tones, γ = N² SNR (J. Proakis, Digital Communications, 4th ed.,
    section 5-4): P = Σ_k (-1)^{k+1} C(N-1, k) e^{-γ k/(k+1)} / (k+1). All wrong bins are equally
    likely; in 2x2 two of the three are off by π in x. The bound is the sum's first term, and by
    Bonferroni at most its second term above the error: tight as soon as errors are rare.
    """
    gamma = 16 * 10 ** (snr_db / 10)
    first, second, third = (comb(3, k) * np.exp(-gamma * k / (k + 1)) / (k + 1) for k in (1, 2, 3))
    off = np.pi**2 * 2 / 3
    bound = peak_bound(
        dft_2d(2, 2),
        Protocol(2, 2, 1, 1),
        psi_x_rad=0.0,
        psi_y_rad=0.0,
        noise_variance=10 ** (-snr_db / 10),
    )
    # Energies that should be 0 are 1e-32; exponents up to 127 round at 1e-14: 1e-12 in all.
    np.testing.assert_allclose(bound.psi_x_rad2, off * first, rtol=1e-12)
    error = off * (first - second + third)
    assert error <= bound.psi_x_rad2 * (1 + 1e-12)
    assert bound.psi_x_rad2 <= (error + off * second) * (1 + 1e-12)
    if snr_db >= 6:
        assert bound.psi_x_rad2 < 1.01 * error


@given(st.lists(st.floats(-np.pi, np.pi), min_size=3, max_size=3), st.floats(-np.pi, np.pi))
def test_bounds_of_many_directions_are_those_of_each(psi_x, psi_y):
    """A batch is broadcast, and kept in its shape: the same numbers to rounding, 1e-12."""
    options = {"noise_variance": 0.3, "difference": wrapped_difference}
    protocol, device = Protocol(2, 3, 2, 1), dft_2d(2, 3)
    column = np.array(psi_x)[:, None]
    batch = peak_bound(
        device, protocol, psi_x_rad=column, psi_y_rad=np.array([psi_y, 0.1]), **options
    )
    assert batch.psi_x_rad2.shape == batch.psi_y_rad2.shape == (3, 2)
    for i, x in enumerate(psi_x):
        one = peak_bound(device, protocol, psi_x_rad=x, psi_y_rad=psi_y, **options)
        np.testing.assert_allclose(batch.psi_x_rad2[i, 0], one.psi_x_rad2, rtol=1e-12)
        np.testing.assert_allclose(batch.psi_y_rad2[i, 0], one.psi_y_rad2, rtol=1e-12)


def test_a_batch_too_large_for_one_piece_is_whole():
    """100 directions of 16384 candidates come in two pieces; first, last and both sides of the
    cut are as when asked for alone, to the rounding of a sum: 1e-12."""
    protocol, device, psi = Protocol(2, 2, 64, 64), dft_2d(2, 2), np.linspace(-3, 3, 100)
    setting = {"psi_y_rad": 0.4, "noise_variance": 1e-3}
    batch = peak_bound(device, protocol, psi_x_rad=psi, **setting).psi_x_rad2
    for i in (0, 63, 64, 99):
        one = peak_bound(device, protocol, psi_x_rad=psi[i], **setting).psi_x_rad2
        np.testing.assert_allclose(batch[i], one, rtol=1e-12)


@pytest.mark.parametrize("variance", [0.0, -1.0, np.nan, np.inf])
def test_noise_variance_must_be_positive(variance):
    with pytest.raises(InputError, match="`noise_variance` must be positive and finite, but is"):
        peak_bound(
            dft_2d(2, 2),
            Protocol(2, 2, 1, 1),
            psi_x_rad=0.0,
            psi_y_rad=0.0,
            noise_variance=variance,
        )
