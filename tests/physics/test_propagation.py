"""Rayleigh-Sommerfeld propagation against closed forms and symmetries of the wave equation.

Lengths are in wavelengths, so the wave number is 2π.
"""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.special import j0

from metastack import PlanarArray, Plane, Pose, RayleighSommerfeld, make_stack, response
from metastack.propagation import hop_matrix

pytestmark = pytest.mark.usefixtures("double_precision")

K = 2 * np.pi
# Each example builds whole stacks from uncompiled operations.
few = settings(max_examples=4)
ALONG_Z = np.array([0.0, 0.0, 1.0])


def field_of(amplitudes, spacing, observers):
    """Field of a square grid of amplitudes at some points, by direct summation."""
    grid = PlanarArray(len(amplitudes), len(amplitudes), spacing, spacing)
    model = RayleighSommerfeld(spacing**2)
    lit = np.flatnonzero(amplitudes)
    sources = grid.positions_m[lit]
    W = model(sources, jnp.asarray(observers), normal=jnp.asarray(ALONG_Z), wavelength_m=1.0)
    return np.asarray(W) @ amplitudes.ravel()[lit]


def disc(radius, spacing, parts=8):
    """Share of each grid cell that lies in a disc, by subsampling."""
    cells = 2 * int(np.ceil(radius / spacing)) + 2
    centres = (np.arange(cells * parts) + 0.5 - cells * parts / 2) * spacing / parts
    inside = centres[:, None] ** 2 + centres**2 < radius**2
    return inside.reshape(cells, parts, cells, parts).mean(axis=(1, 3))


def test_on_axis_field_of_a_circular_aperture():
    """Exact: u(z) = e^{jkz} - (z/R) e^{jkR}, R = sqrt(z² + a²), for a unit plane wave.

    Cells of λ/16, weighted by their area in the disc, follow a kernel of scale λ/2π and z:
    quadrature leaves 3e-3 of the incident amplitude from z = .3λ.
    """
    radius, z = 3.0, np.array([0.3, 0.5, 0.75, 1.0, 1.6, 2.5, 4.0, 7.0, 10.0])
    on_axis = np.stack([0 * z, 0 * z, z], axis=-1)
    R = np.hypot(z, radius)
    exact = np.exp(1j * K * z) - z / R * np.exp(1j * K * R)
    field = field_of(disc(radius, 1 / 16), 1 / 16, on_axis)
    assert np.abs(field - exact).max() < 3e-3


def gaussian_beam(waist, rho, z):
    """∫ A(κ) J0(κρ) e^{j k_z z} κ dκ over travelling and evanescent waves, Gauss-Legendre."""
    node, weight = np.polynomial.legendre.leggauss(400)
    field = np.zeros(len(rho), complex)
    for low, high in ((0.0, K), (K, 14 / waist)):
        kappa = (node + 1) / 2 * (high - low) + low
        spectrum = waist**2 / 2 * np.exp(-(kappa**2) * waist**2 / 4)
        travel = np.exp(1j * np.sqrt((K**2 - kappa**2).astype(complex)) * z)
        field += (weight * (high - low) / 2 * kappa * spectrum * travel) @ j0(np.outer(kappa, rho))
    return field


@pytest.mark.parametrize("z", [0.5, 1.0, 2.5, 10.0])
def test_gaussian_beam_follows_its_angular_spectrum(z):
    """Oracle: the Hankel integral of the exact spectrum, evanescent waves included.

    A waist of λ has no spectrum beyond what a grid of λ/4 samples, and from z = λ/2 neither has
    the kernel (e^{-z sqrt((8π)² - k²)} < 1e-5): 1e-4 in the relative L2 norm.
    """
    waist, spacing = 1.0, 1 / 4
    x = (np.arange(49) - 24) * spacing
    amplitudes = np.exp(-(x[:, None] ** 2 + x**2) / waist**2)
    rho = np.linspace(0, 3 * waist, 25)
    field = field_of(amplitudes, spacing, np.stack([rho, 0 * rho, 0 * rho + z], axis=-1))
    exact = gaussian_beam(waist, rho, z)
    assert np.linalg.norm(field - exact) < 1e-4 * np.linalg.norm(exact)


def uneven_stack(scale=1.0):
    """Ports unlike the layers, x unlike y, all gaps alike; every length times `scale`."""
    ports = PlanarArray(2, 3, 0.5 * scale, 0.6 * scale)
    return make_stack(
        input_array=ports,
        layer_array=PlanarArray(4, 3, 0.45 * scale, 0.55 * scale),
        receiver_array=ports,
        gaps_m=[0.8 * scale] * 4,
        frequency_hz=1 / scale,
        wave_speed_m_per_s=1.0,
    )


def test_a_hop_there_is_the_transpose_of_the_hop_back():
    """Reciprocity: with equal ports and gaps, W_0 = W_L^T; the same numbers, rounding only."""
    planes = uneven_stack().planes
    model = RayleighSommerfeld(0.2)
    W_0 = hop_matrix(planes[0], planes[1], model, wavelength_m=1.0)
    W_L = hop_matrix(planes[-2], planes[-1], model, wavelength_m=1.0)
    np.testing.assert_allclose(W_0, W_L.T, rtol=1e-12)


@few
@given(st.integers(0, 2**32 - 1))
def test_a_reversed_stack_has_the_transposed_response(seed):
    """Reciprocity end to end: layers in the opposite order give G^T; rounding only."""
    stack = uneven_stack()
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, stack.phases_shape)
    G = np.asarray(response(stack, phases))
    backwards = np.asarray(response(stack, phases[::-1]))
    np.testing.assert_allclose(backwards, G.T, atol=1e-12 * np.abs(G).max())


@few
@given(st.floats(1e-4, 1e4))
def test_only_lengths_in_wavelengths_matter(scale):
    """All lengths and the wavelength times s, the area times s²: the same W, dimensionless.

    Phases of 20 rad round at 1e-14.
    """
    phases = np.linspace(0, 6, 36).reshape(3, 12)
    G = np.asarray(response(uneven_stack(), phases))
    scaled = np.asarray(response(uneven_stack(scale), phases))
    np.testing.assert_allclose(scaled, G, atol=1e-11 * np.abs(G).max())


def test_far_field_is_a_spherical_wave_with_obliquity():
    """For r >> λ, W → -j A cosχ e^{jkr} / (λ r); the rest is λ/(2πr), 1.6e-6 at 1e5 λ."""
    towards = np.array([[0.6, 0.0, 0.8], [0.0, 0.0, 1.0], [0.3, -0.4, np.sqrt(0.75)]]) * 1e5
    W = RayleighSommerfeld(0.25)(
        jnp.zeros((1, 3)), jnp.asarray(towards), normal=jnp.asarray(ALONG_Z), wavelength_m=1.0
    )
    expected = -0.25j * towards[:, 2] / 1e10 * np.exp(1j * K * 1e5)
    np.testing.assert_allclose(W[:, 0], expected, rtol=2e-6)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_tilted_pair_of_planes_is_a_rotated_world(rx, ry):
    """Tilting source and receivers together about one point changes nothing; rounding only."""
    start, grid = Plane(PlanarArray(2, 3, 0.5, 0.6), 0.0), PlanarArray(3, 2, 0.4, 0.7)
    end = Plane(grid, 2.0, Pose(dx_m=0.3, dy_m=-0.2))
    model = RayleighSommerfeld(0.2)
    turn = Pose(rx_rad=rx, ry_rad=ry)
    dx, dy, dz = np.asarray(turn.rotation) @ [0.3, -0.2, 2.0]
    turned_end = Plane(grid, 0.0, Pose(dx, dy, dz, rx, ry))
    turned = hop_matrix(Plane(start.array, 0.0, turn), turned_end, model, wavelength_m=1.0)
    np.testing.assert_allclose(turned, hop_matrix(start, end, model, wavelength_m=1.0), rtol=1e-11)
