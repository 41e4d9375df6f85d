"""Laws of the angular spectrum and of the peak, for a device that is an exact DFT."""

import numpy as np
from hypothesis import given, strategies as st

from metastack.doa import (
    GaussianSource,
    Noiseless,
    Protocol,
    angular_spectrum,
    electrical_angles,
    energies,
    peak_estimate,
    received_field,
    simulate_snapshots,
    steering_vector,
)
from metastack.geometry import PlanarArray
from metastack.precision import float64
from metastack.targets import dft_2d

angles_rad = st.floats(-np.pi, np.pi)
ports = st.integers(2, 5)
protocols = st.builds(Protocol, ports, ports, st.integers(1, 6), st.integers(1, 6))


def dft_energies(protocol, psi_x_rad, psi_y_rad):
    F = dft_2d(protocol.columns, protocol.rows)
    return energies(received_field(F, protocol, psi_x_rad=psi_x_rad, psi_y_rad=psi_y_rad))


def circular_distance(a_rad, b_rad):
    return abs((a_rad - b_rad + np.pi) % (2 * np.pi) - np.pi)


@given(protocols, angles_rad, angles_rad)
def test_spectrum_is_the_zero_padded_fft_of_the_aperture(protocol, psi_x, psi_y):
    """Oracle: numpy.fft of the incident field, padded to N_y T_y x N_x T_x.

    Compared as power relative to the peak, where both round at 1e-16 N: 1e-13.
    """
    aperture = steering_vector(psi_x, psi_y, protocol.columns, protocol.rows)
    padded = np.fft.fft2(aperture.reshape(protocol.rows, protocol.columns), protocol.grid_shape)
    power = np.fft.fftshift(np.abs(padded) ** 2)
    spectrum = angular_spectrum(dft_energies(protocol, psi_x, psi_y), protocol)
    np.testing.assert_allclose(
        10 ** (spectrum.power_db / 10), power / power.max(), rtol=0, atol=1e-13
    )
    for axis, bins in (
        (spectrum.psi_y_rad, protocol.grid_shape[0]),
        (spectrum.psi_x_rad, protocol.grid_shape[1]),
    ):
        np.testing.assert_allclose(
            axis, 2 * np.pi * np.fft.fftshift(np.fft.fftfreq(bins)), atol=1e-15
        )


@given(protocols, angles_rad, angles_rad)
def test_parseval_over_all_snapshots_and_probes(protocol, psi_x, psi_y):
    """The bins of all snapshots are orthogonal: they hold N T times the aperture's energy N.

    Holds in each snapshot alone too, N times N. Sums of up to 900 terms: 1e-12.
    """
    values = dft_energies(protocol, psi_x, psi_y)
    np.testing.assert_allclose(values.sum(axis=-1), protocol.elements**2, rtol=1e-12)


@given(protocols, st.data())
def test_source_on_the_grid_is_found_exactly(protocol, data):
    """Only its own bin sees the source at full strength, N²: the answer is exact, to the bit."""
    snapshot = data.draw(st.integers(0, protocol.snapshots - 1))
    probe = data.draw(st.integers(0, protocol.elements - 1))
    psi_x, psi_y = (bins[snapshot, probe] for bins in protocol.bins_rad)
    values = dft_energies(protocol, psi_x, psi_y)
    estimate = peak_estimate(values, protocol)
    assert (estimate.snapshot, estimate.probe) == (snapshot, probe)
    assert (estimate.psi_x_rad, estimate.psi_y_rad) == (psi_x, psi_y)
    # N² = 625 at most, from sums of 25 terms of magnitude 1: 1e-13 relative is their rounding.
    np.testing.assert_allclose(values.max(), protocol.elements**2, rtol=1e-13)


@given(protocols, angles_rad, angles_rad)
def test_without_noise_the_peak_is_off_by_at_most_half_a_bin(protocol, psi_x, psi_y):
    """The Dirichlet kernel falls away from its peak in the main lobe and stays below it outside.

    Between two bins of equal strength rounding decides, which moves the border by less than 1e-9.
    """
    estimate = peak_estimate(dft_energies(protocol, psi_x, psi_y), protocol)
    bins_y, bins_x = protocol.grid_shape
    assert circular_distance(estimate.psi_x_rad, psi_x) <= np.pi / bins_x + 1e-9
    assert circular_distance(estimate.psi_y_rad, psi_y) <= np.pi / bins_y + 1e-9


@given(protocols, angles_rad, angles_rad)
def test_mirroring_the_source_mirrors_the_energies(protocol, psi_x, psi_y):
    """F has conjugate symmetry: -ψ lights the bins -m in the fine grid, with the same energies.

    Bin k goes to bin -k modulo N T. Energies up to 625 round at 1e-13; 1e-11 covers their sums.
    """
    spectrum = {}
    for sign in (1, -1):
        values = dft_energies(protocol, sign * psi_x, sign * psi_y)
        grid = angular_spectrum(values, protocol).power_db
        spectrum[sign] = 10 ** (np.fft.ifftshift(grid) / 10)
    mirrored = np.roll(spectrum[1][::-1, ::-1], 1, axis=(0, 1))
    np.testing.assert_allclose(spectrum[-1], mirrored, rtol=0, atol=1e-11)


def test_received_field_is_the_product_of_the_paper_for_any_device():
    """Eq. (15) written out, G diag(e^{jξ}) a, for a response without any symmetry.

    Sums of six terms of magnitude near 1: 1e-13 is a hundred roundings.
    """
    protocol = Protocol(3, 2, 2, 4)
    generator = np.random.default_rng(2)
    G = generator.normal(size=(6, 6)) + 1j * generator.normal(size=(6, 6))
    field = received_field(G, protocol, psi_x_rad=0.4, psi_y_rad=-2.2)
    a = np.kron(np.exp(-2.2j * np.arange(2)), np.exp(0.4j * np.arange(3)))
    for t in range(8):
        t_y, t_x = divmod(t, 2)
        xi = [-2 * np.pi * (n_x * t_x / 6 + n_y * t_y / 8) for n_y in range(2) for n_x in range(3)]
        expected = G @ np.diag(np.exp(1j * np.array(xi))) @ a
        np.testing.assert_allclose(field[t], expected, rtol=0, atol=1e-13)


def test_a_far_point_source_makes_the_steering_vector():
    """The wave e^{jkr} of a point 100 km away, at azimuth φ + π behind the stack, is the paper's
    plane wave of azimuth φ, on positions from `metastack.geometry`.

    At 100 km kr is 1.3e8 rad, rounded at 2e-8; curvature over 1 cm adds 6e-7: 1e-5.
    """
    wavelength_m, spacing_m, theta, phi = 0.005, 0.0025, 0.6, 0.9
    with float64():
        positions_m = np.asarray(PlanarArray(3, 4, spacing_m, spacing_m).positions_m)
        assert positions_m.dtype == np.float64
    towards = np.array([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])
    distance_m = np.linalg.norm(positions_m + 1e5 * towards, axis=-1)
    field = np.exp(2j * np.pi * distance_m / wavelength_m)
    psi = electrical_angles(
        theta, phi, spacing_x_m=spacing_m, spacing_y_m=spacing_m, wavelength_m=wavelength_m
    )
    np.testing.assert_allclose(field / field[0], steering_vector(*psi, 3, 4), atol=1e-5)


def test_a_fading_source_scales_whole_snapshots():
    """s multiplies every probe of a snapshot alike: ratios between probes do not change.

    Ratios of magnitudes of order 1 to 16, three roundings: 1e-12 with room for a small probe.
    """
    protocol = Protocol(2, 2, 3, 3)
    F = dft_2d(2, 2)
    steady = received_field(F, protocol, psi_x_rad=0.3, psi_y_rad=-1.1)
    fading = simulate_snapshots(
        F,
        protocol,
        psi_x_rad=0.3,
        psi_y_rad=-1.1,
        noise=Noiseless(),
        seed=0,
        source=GaussianSource(),
    )
    s = fading / steady
    np.testing.assert_allclose(s, np.broadcast_to(s[:, :1], s.shape), rtol=1e-12)
    assert len(np.unique(s[:, 0].round(6))) == protocol.snapshots
