"""Targets and figures of merit against NumPy's FFT and least squares."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from metastack import best_scale, decibels, dft_2d, insertion_loss_db, nmse

pytestmark = pytest.mark.usefixtures("double_precision")

counts = st.integers(1, 5)
seeds = st.integers(0, 2**32 - 1)


def random_complex(seed, *shape):
    generator = np.random.default_rng(seed)
    return generator.normal(size=shape) + 1j * generator.normal(size=shape)


@given(counts, counts)
def test_dft_2d_is_the_fft_of_every_impulse(columns, rows):
    """Oracle: numpy.fft.fft2 of each unit image, rows = y; rounding of phases below 50 rad."""
    size = columns * rows
    images = np.eye(size).reshape(size, rows, columns)
    expected = np.fft.fft2(images).reshape(size, size).T
    np.testing.assert_allclose(dft_2d(columns, rows), expected, atol=1e-12)


@given(counts, counts, st.floats(-1, 1), st.floats(-1, 1))
def test_shifted_bins_are_the_fft_of_a_modulated_field(columns, rows, shift_x, shift_y):
    """Oracle: fft2 of the image times e^{-j2π(n_x s_x / N_x + n_y s_y / N_y)}; rounding."""
    image = random_complex(0, rows, columns)
    ramp_x = np.exp(-2j * np.pi * np.arange(columns) * shift_x / columns)
    ramp_y = np.exp(-2j * np.pi * np.arange(rows) * shift_y / rows)
    expected = np.fft.fft2(image * ramp_x * ramp_y[:, None])
    transform = dft_2d(columns, rows, shift_x=shift_x, shift_y=shift_y)
    np.testing.assert_allclose(transform @ image.ravel(), expected.ravel(), atol=1e-11)


@given(counts, counts, st.floats(-1, 1), st.floats(-1, 1))
def test_shifted_dft_is_unitary_up_to_its_size(columns, rows, shift_x, shift_y):
    """F^H F = N I; sums of up to 25 rounded terms."""
    F = dft_2d(columns, rows, shift_x=shift_x, shift_y=shift_y)
    np.testing.assert_allclose(F.conj().T @ F, len(F) * np.eye(len(F)), atol=1e-12)


@given(seeds)
def test_best_scale_is_the_least_squares_factor(seed):
    """Oracle: numpy.linalg.lstsq on the stacked entries; condition number 1, so rounding."""
    G, F = random_complex(seed, 3, 4), random_complex([seed, 1], 3, 4)
    expected = np.linalg.lstsq(G.reshape(-1, 1), F.ravel())[0][0]
    np.testing.assert_allclose(best_scale(G, F)[0, 0], expected, rtol=1e-12)


@given(seeds)
def test_no_other_scale_has_a_smaller_error(seed):
    """||(beta + e) G - F||² = least + |e|²||G||², in four directions e; rounding only."""
    G, F = random_complex(seed, 3, 4), random_complex([seed, 1], 3, 4)
    least = float(nmse(G, F)) * np.linalg.norm(F) ** 2
    for step in 1e-2 * np.array([1, -1, 1j, -1j]):
        error = np.linalg.norm((np.asarray(best_scale(G, F)) + step) * G - F) ** 2
        np.testing.assert_allclose(error, least + 1e-4 * np.linalg.norm(G) ** 2, rtol=1e-12)


@given(seeds, st.floats(-3, 3), st.floats(1e-6, 1e6))
def test_nmse_does_not_see_a_complex_factor(seed, angle, modulus):
    """NMSE(cG) = NMSE(G), by definition of the best scale; rounding only."""
    G, F = random_complex(seed, 3, 4), random_complex([seed, 1], 3, 4)
    factor = modulus * np.exp(1j * angle)
    np.testing.assert_allclose(nmse(factor * G, F), nmse(G, F), rtol=1e-11)


@given(seeds)
def test_nmse_is_one_minus_the_squared_correlation(seed):
    """Closed form of a projection: 1 - |<G, F>|²/(||G||²||F||²); rounding only."""
    G, F = random_complex(seed, 3, 4), random_complex([seed, 1], 3, 4)
    correlation = abs(np.vdot(G, F)) ** 2 / (np.linalg.norm(G) * np.linalg.norm(F)) ** 2
    np.testing.assert_allclose(nmse(G, F), 1 - correlation, rtol=1e-12)


def test_figures_of_a_batch_are_those_of_its_members():
    """The same numbers one by one; rounding only."""
    G, F = random_complex(0, 5, 3, 4), random_complex(1, 3, 4)
    np.testing.assert_allclose(nmse(G, F), [nmse(one, F) for one in G], rtol=1e-13)
    losses = [insertion_loss_db(one) for one in G]
    np.testing.assert_allclose(insertion_loss_db(G), losses, rtol=1e-13)


@given(counts, counts)
def test_a_lossless_dft_has_no_insertion_loss(columns, rows):
    """F / sqrt(N) is unitary: 0 dB; ten times less field is 20 dB. Rounding only."""
    F = dft_2d(columns, rows)
    unitary = F / np.sqrt(len(F))
    np.testing.assert_allclose(insertion_loss_db(unitary), 0, atol=1e-13)
    np.testing.assert_allclose(insertion_loss_db(unitary / 10), 20, atol=1e-12)


@given(counts, counts, st.floats(-60, 60))
def test_insertion_loss_is_the_best_scale_of_an_exact_dft(columns, rows, loss_db):
    """10 log10(|beta|²/N) once fitted (DESIGN); rounding only."""
    F = dft_2d(columns, rows)
    G = F / np.sqrt(len(F)) * 10 ** (-loss_db / 20)
    beta = np.abs(best_scale(G, F)[0, 0])
    np.testing.assert_allclose(10 * np.log10(beta**2 / len(F)), loss_db, atol=1e-11)
    np.testing.assert_allclose(insertion_loss_db(G), loss_db, atol=1e-11)


def test_decibels_are_ten_logs_of_power():
    """By hand; -inf for nothing; rounding only."""
    ratios = decibels(np.array([1.0, 10.0, 0.01, 0.0]))
    np.testing.assert_allclose(ratios, [0, 10, -20, -np.inf], rtol=1e-15)
