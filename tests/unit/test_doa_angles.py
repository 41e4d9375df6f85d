"""Angles of a direction, electrical and physical, and the steering vector between them."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from metastack.doa import direction, electrical_angles, is_visible, steering_vector
from metastack.errors import InputError

WAVELENGTH_M = 0.005
HALF = {
    "spacing_x_m": WAVELENGTH_M / 2,
    "spacing_y_m": WAVELENGTH_M / 2,
    "wavelength_m": WAVELENGTH_M,
}

spacings_m = st.floats(0.05 * WAVELENGTH_M, 2 * WAVELENGTH_M)


@given(st.floats(0, np.pi / 2), st.floats(-np.pi, np.pi), spacings_m, spacings_m)
def test_direction_undoes_electrical_angles_over_the_hemisphere(theta, phi, d_x, d_y):
    """Oracle: the identity, for the lateral unit vector, which is smooth at broadside and grazing.

    Half a dozen roundings on numbers up to 1: 1e-14 is fifty of them. Not for the angles
    themselves: arcsin turns a rounding at grazing into its square root.
    """
    lengths = {"spacing_x_m": d_x, "spacing_y_m": d_y, "wavelength_m": WAVELENGTH_M}
    psi_x, psi_y = electrical_angles(theta, phi, **lengths)
    back_theta, back_phi = direction(psi_x, psi_y, **lengths)
    assert is_visible(psi_x, psi_y, **lengths)
    there = np.sin(theta) * np.array([np.cos(phi), np.sin(phi)])
    back = np.sin(back_theta) * np.array([np.cos(back_phi), np.sin(back_phi)])
    np.testing.assert_allclose(back, there, rtol=0, atol=1e-14)


def test_electrical_angles_of_known_directions():
    """By hand at d = λ/2: ψ = π sinϑ (cosφ, sinφ); one rounding of π sin 30°."""
    theta = np.deg2rad([0, 30, 30, 30, 90])
    phi = np.deg2rad([77, 0, 90, 180, 0])
    psi = np.array(electrical_angles(theta, phi, **HALF)) / np.pi
    expected = [[0, 0.5, 0, -0.5, 1], [0, 0, 0.5, 0, 0]]
    np.testing.assert_allclose(psi, expected, rtol=0, atol=1e-15)


def test_spacings_in_x_and_y_do_not_mix():
    """Doubling d_y doubles ψ_y only, eq. (2)."""
    wide = HALF | {"spacing_y_m": WAVELENGTH_M}
    psi_x, psi_y = electrical_angles(0.3, 0.4, **HALF)
    wide_x, wide_y = electrical_angles(0.3, 0.4, **wide)
    assert (wide_x, wide_y) == (psi_x, 2 * psi_y)


def test_broadside_has_azimuth_zero():
    """Every azimuth is the same direction there: the documented answer is 0."""
    assert direction(0.0, 0.0, **HALF) == (0, 0)


def test_visible_region_at_half_a_wavelength_is_the_disc_of_radius_pi():
    """No direction has angles in the corners of the square; both answers are NaN there, alone."""
    psi_x, psi_y = np.meshgrid(np.linspace(-1, 1, 41) * np.pi, np.linspace(-1, 1, 41) * np.pi)
    inside = np.hypot(psi_x, psi_y) <= np.pi * (1 + 1e-12)
    np.testing.assert_array_equal(is_visible(psi_x, psi_y, **HALF), inside)
    for angle in direction(psi_x, psi_y, **HALF):
        np.testing.assert_array_equal(np.isfinite(angle), inside)


def test_no_grazing_direction_is_lost_to_rounding():
    """Spacings whose sinϑ comes out above 1 at ϑ = 90° by a rounding: still a direction."""
    phi = np.linspace(-np.pi, np.pi, 10_001)
    lengths = {"spacing_x_m": 0.37, "spacing_y_m": 0.41, "wavelength_m": 1.0}
    theta, _ = direction(*electrical_angles(np.pi / 2, phi, **lengths), **lengths)
    np.testing.assert_allclose(np.sin(theta), 1, rtol=0, atol=1e-14)


def test_batches_broadcast():
    psi_x, psi_y = electrical_angles(np.zeros((3, 1)), np.zeros(4), **HALF)
    assert psi_x.shape == psi_y.shape == (3, 4)
    assert steering_vector(psi_x, psi_y[0], 2, 5).shape == (3, 4, 10)


@pytest.mark.parametrize("name", list(HALF))
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_impossible_lengths_are_refused(name, value):
    with pytest.raises(InputError, match=rf"`{name}` must be positive, but is {value}\."):
        electrical_angles(0.1, 0.2, **(HALF | {name: value}))


@given(st.floats(-np.pi, np.pi), st.floats(-np.pi, np.pi), st.integers(1, 6), st.integers(1, 6))
def test_steering_vector_is_the_kronecker_product_of_its_axes(psi_x, psi_y, columns, rows):
    """Eq. (3)-(5) as written, a_y ⊗ a_x.

    Phases up to 10π: their rounding and that of the product stay below 1e-14.
    """
    a_x = np.exp(1j * psi_x * np.arange(columns))
    a_y = np.exp(1j * psi_y * np.arange(rows))
    a = steering_vector(psi_x, psi_y, columns, rows)
    np.testing.assert_allclose(a, np.kron(a_y, a_x), rtol=0, atol=1e-14)
