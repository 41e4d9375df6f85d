"""Laws of beamforming: the DFT of an array, and maximum likelihood for one source."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st

from metastack.doa.angles import wrapped_rad
from metastack.doa.beamforming import (
    MatchedPower,
    digital_beamforming,
    matched_steering,
    matched_steering_fading,
    norm_coefficients,
)
from metastack.doa.model import DirectionModel
from metastack.doa.protocol import Protocol
from metastack.doa.source import complex_normal
from metastack.doa.steering import steering_vector
from metastack.errors import InputError
from metastack.precision import float64
from metastack.targets import dft_2d

MATCHED = (matched_steering, matched_steering_fading)
# Edges of the interval, its middle, and angles that are on no grid.
EDGES = [(-np.pi, np.pi - 1e-9), (np.pi - 1e-3, -np.pi + 1e-3), (0.0, 0.0), (1.2345, -2.3456)]


def fields(model, psi):
    """s = 1: rows of the weights times steering vectors, not through the model's own field."""
    a = steering_vector(psi[..., 0], psi[..., 1], model.columns, model.rows)
    return np.einsum("tpe,...e->...tp", model.weights, a)


def random_model(generator, *, snapshots, probes, columns, rows):
    weights = complex_normal(generator, (snapshots, probes, columns * rows))
    return DirectionModel(weights, columns, rows)


def assert_mean_square(errors, variance):
    """Normal errors of variance v have a mean square of v ± v √(2 / M): four of these."""
    spread = 4 * np.sqrt(2 / len(errors))
    assert np.mean(errors**2) / variance == pytest.approx(1, abs=spread)


def bound(model, psi, amplitudes, variance):
    """Cramér-Rao bound of ψ beside unknown complex amplitudes, by central differences.

    `amplitudes`: of each group of snapshots that share one. Fisher information of a mean in
    CN(0, σ²): 2/σ² Re(Jᴴ J), S. Kay, Fundamentals of Statistical Signal Processing, eq. (15.52).
    """
    groups = len(amplitudes)

    def mean(p):
        s = np.repeat(p[2 : 2 + groups] + 1j * p[2 + groups :], model.snapshots // groups)
        return (s[:, None] * fields(model, p[:2])).ravel()

    p = np.concatenate([psi, amplitudes.real, amplitudes.imag])
    J = np.stack([(mean(p + h) - mean(p - h)) / 2e-5 for h in 1e-5 * np.eye(p.size)], axis=-1)
    return np.linalg.inv(2 / variance * (J.conj().T @ J).real)[:2, :2]


@given(st.integers(1, 4), st.integers(1, 4), st.integers(4, 9), st.integers(4, 9), st.integers(0))
def test_digital_beamforming_is_the_strongest_dft_bin(columns, rows, bins_x, bins_y, seed):
    """Oracle: Σ_t |aᴴ r_t|² with explicit steering vectors over all bins; noise has no ties."""
    generator = np.random.default_rng(seed)
    r = complex_normal(generator, (2, 3, columns * rows))
    angles_x, angles_y = (2 * np.pi * np.fft.fftfreq(bins) for bins in (bins_x, bins_y))
    x, y = np.meshgrid(angles_x if columns > 1 else [0.0], angles_y if rows > 1 else [0.0])
    a = steering_vector(x.ravel(), y.ravel(), columns, rows)
    best = (np.abs(r @ a.conj().T) ** 2).sum(axis=1).argmax(axis=-1)
    estimate = digital_beamforming(r, columns, rows, bins_x=bins_x, bins_y=bins_y)
    expected = np.stack([x.ravel()[best], y.ravel()[best]], axis=-1)
    # A side of one element has equal bins up to rounding: no angle there.
    seen = [columns > 1, rows > 1]
    np.testing.assert_allclose(estimate[:, seen], expected[:, seen], atol=1e-15)
    assert np.all((estimate >= -np.pi) & (estimate < np.pi))


@pytest.mark.parametrize("estimate", MATCHED)
@pytest.mark.parametrize("psi", EDGES)
def test_matched_steering_is_exact_without_noise(estimate, psi):
    """By Cauchy-Schwarz the power is largest in the true direction; Newton leaves rounding.

    The angles themselves round at 4e-16; a condition of up to 1e4 gives 1e-11.
    """
    model = random_model(np.random.default_rng(0), snapshots=3, probes=5, columns=4, rows=3)
    found = estimate(0.3j * fields(model, np.array(psi)), model)
    np.testing.assert_allclose(wrapped_rad(found - psi), 0, atol=1e-11)
    assert np.all((found >= -np.pi) & (found < np.pi))


@pytest.mark.parametrize("estimate", MATCHED)
def test_no_direction_of_a_dense_grid_has_more_power(estimate):
    """Oracle: the criterion by its definition on 120 x 120 directions, for pure noise.

    The definition rounds at 1e-15; where the estimate stands the two differ no more than that.
    """
    generator = np.random.default_rng(1)
    model = random_model(generator, snapshots=2, probes=4, columns=3, rows=2)
    r = complex_normal(generator, (40, 2, 4))
    groups = 1 if estimate is matched_steering else 2

    def power(psi, r):
        h = fields(model, psi).reshape(*psi.shape[:-1], groups, -1)
        matched = np.abs((h.conj() * r.reshape(len(r), 1, groups, -1)).sum(axis=-1)) ** 2
        return (matched / (np.abs(h) ** 2).sum(axis=-1)).sum(axis=-1)

    axis = np.linspace(-np.pi, np.pi, 120, endpoint=False)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(1, -1, 2)
    found = power(estimate(r, model)[:, None], r)[:, 0]
    assert np.all(found >= power(grid, r).max(axis=-1) * (1 - 1e-12))


@pytest.mark.parametrize(("columns", "rows"), [(6, 1), (4, 3)])
def test_matched_steering_reaches_the_bound_of_an_array(columns, rows):
    """Cramér-Rao bound of one source: 6 / (T SNR N_x N_y (N_x² - 1)).

    P. Stoica, A. Nehorai, IEEE Trans. ASSP 37(5), 1989, for a line; the rows of a planar array
    act as snapshots. At 20 dB the bound is reached up to terms of second order in it, 1e-3.
    """
    generator = np.random.default_rng(2)
    T, variance = 4, 1e-2
    model = DirectionModel.of_array(columns, rows, snapshots=T)
    psi = generator.uniform(-np.pi, np.pi, (3000, 2)) * [1, rows > 1]
    r = fields(model, psi) + np.sqrt(variance) * complex_normal(
        generator, (3000, T, columns * rows)
    )
    errors = wrapped_rad(matched_steering(r, model) - psi)
    assert_mean_square(errors[:, 0], 6 * variance / (T * columns * rows * (columns**2 - 1)))
    if rows > 1:
        assert_mean_square(errors[:, 1], 6 * variance / (T * columns * rows * (rows**2 - 1)))
    else:
        assert not errors[:, 1].any()


@pytest.mark.parametrize("estimate", MATCHED)
def test_matched_steering_through_any_response_is_unbiased_and_reaches_the_bound(estimate):
    """Whitened by their own bounds, errors in ψ are standard normal: mean 0, mean square 1.

    Oracle: `bound`, by finite differences, with one amplitude or one a snapshot. Its differences
    are good to 1e-9. The mean of M normals is within 4 / √M.
    """
    generator = np.random.default_rng(3)
    T, variance = 3, 1e-4
    model = random_model(generator, snapshots=T, probes=5, columns=4, rows=3)
    psi = generator.uniform(-np.pi, np.pi, (600, 2))
    groups = 1 if estimate is matched_steering else T
    # Magnitudes from 1/2 to 2: no fade so deep that the errors stop being small.
    s = np.exp(generator.uniform(-1, 1, (600, groups)) * np.log(2))
    s = s * np.exp(2j * np.pi * generator.uniform(size=s.shape))
    r = np.repeat(s, T // groups, axis=1)[..., None] * fields(model, psi)
    r = r + np.sqrt(variance) * complex_normal(generator, r.shape)
    errors = wrapped_rad(estimate(r, model) - psi)
    roots = [np.linalg.cholesky(bound(model, p, a, variance)) for p, a in zip(psi, s, strict=True)]
    white = np.linalg.solve(np.stack(roots), errors[..., None])[..., 0]
    assert np.all(np.abs(white.mean(axis=0)) < 4 / np.sqrt(len(white)))
    assert_mean_square(white.ravel(), 1)


def test_a_unitary_response_changes_nothing():
    """F / N is unitary: in white noise the probes behind a DFT know what the elements know.

    Two different trigonometric series lead to the same maximum, each up to rounding.
    """
    generator = np.random.default_rng(4)
    protocol = Protocol(4, 3, 2, 2)
    F = np.asarray(dft_2d(4, 3))
    psi = generator.uniform(-np.pi, np.pi, (50, 2))
    array = DirectionModel.of_array(4, 3, snapshots=protocol.snapshots)
    x = fields(array, psi) + complex_normal(generator, (50, protocol.snapshots, 12)) / 2
    r = (x * np.exp(1j * protocol.input_phases_rad)) @ F.T
    stack = DirectionModel.of_stack(F, protocol)
    for estimate in MATCHED:
        np.testing.assert_allclose(estimate(r, stack), estimate(x, array), atol=1e-10)


def test_slopes_and_curvatures_are_those_of_the_power():
    """Oracle: automatic differentiation of the power on the grid, another code path.

    Values up to 1e4, where both round at 1e-16 relative: 1e-9 of the largest.
    """
    generator = np.random.default_rng(5)
    weights = complex_normal(generator, (2, 4, 6))
    apertures = complex_normal(generator, (2, 2, 3))
    with float64():
        power = MatchedPower(jnp.asarray(apertures), jnp.asarray(norm_coefficients(weights, 3, 2)))

        def height(psi):
            return power.on_grid(psi[:1], psi[1:])[0, 0]

        psi = jnp.array([0.7, -2.0])
        found = eqx.filter_jit(power.height_slope_curvature)(psi)
        for own, oracle in zip(found, (height, jax.grad(height), jax.hessian(height)), strict=True):
            np.testing.assert_allclose(own, jax.jit(oracle)(psi), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("estimate", MATCHED)
def test_runs_in_a_batch_do_not_change_each_other(estimate):
    """Alone or among others, in any arrangement of the batch: compiled differently, 1e-10."""
    generator = np.random.default_rng(6)
    model = random_model(generator, snapshots=2, probes=3, columns=2, rows=2)
    r = complex_normal(generator, (2, 3, 2, 3))
    together = estimate(r, model)
    assert together.shape == (2, 3, 2)
    assert together.dtype == float
    np.testing.assert_allclose(together[1, 2], estimate(r[1, 2], model), atol=1e-10)


def test_beamforming_refuses_what_it_cannot_use():
    """One sentence that names the thing and the value seen."""
    array = DirectionModel.of_array(2, 2)
    r = np.ones((1, 4), complex)
    for bad, words in (
        (r[:, :3], r"`received` must end in \(1, 4\).*\(1, 3\)"),
        (0 * r, "`received` must not be all zero"),
        (np.full((1, 4), np.nan + 0j), "`received` must be finite, but 4 of 4"),
    ):
        with pytest.raises(InputError, match=words):
            matched_steering(bad, array)
    with pytest.raises(InputError, match="one reading for each of the 2 x 2 elements"):
        digital_beamforming(r[:, :3], 2, 2, bins_x=2, bins_y=2)
    with pytest.raises(InputError, match=r"`bins_x` must be at least the 2 elements.*is 1"):
        digital_beamforming(r, 2, 2, bins_x=1, bins_y=2)


def test_one_probe_tells_nothing_of_a_source_with_unknown_fading():
    """One number a snapshot, and one unknown: only a steady source can be located."""
    generator = np.random.default_rng(7)
    model = random_model(generator, snapshots=6, probes=1, columns=2, rows=2)
    psi = np.array([0.4, -1.0])
    np.testing.assert_allclose(matched_steering(fields(model, psi), model), psi, atol=1e-11)
    with pytest.raises(
        InputError, match=r"at least 2 independent readings.*gives multiples of one"
    ):
        matched_steering_fading(fields(model, psi), model)


def test_wrapping_never_answers_with_pi():
    """[-π, π) is half open: angles a rounding off ±π must not come back as π."""
    angles = np.array([np.pi, -np.pi, np.nextafter(-np.pi, -4), 3 * np.pi, 0.5, np.nan])
    wrapped = wrapped_rad(angles)
    assert not (wrapped >= np.pi).any()
    off = np.exp(1j * wrapped) - np.exp(1j * angles)
    np.testing.assert_allclose(off[:-1], 0, rtol=0, atol=1e-15)
    assert np.isnan(wrapped[-1])
