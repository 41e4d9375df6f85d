"""The air between a stack and whom it serves, against the laws that each model states."""

import jax
import numpy as np
import pytest

import metastack as ms
from metastack.errors import InputError
from metastack.systems.channels import (
    Clustered,
    CorrelatedRayleigh,
    PathLoss,
    PlaneWave,
    Rician,
    Sector,
    SphericalWave,
    fraunhofer_m,
    reactive_limit_m,
    sinc_correlation,
    square_root,
)

WAVELENGTH_M = 0.01


def grid(side, spacing_wavelengths=0.5):
    array = ms.PlanarArray(side, side, *[spacing_wavelengths * WAVELENGTH_M] * 2)
    with ms.float64():
        return np.asarray(array.positions_m)


def direct():
    return SphericalWave(grid(2), np.array([[0.0, 0.0, 5.0]]), WAVELENGTH_M)


def test_friis_at_the_reference_and_the_exponent_beyond_it():
    loss = PathLoss(exponent=3.5)
    at_reference, at_ten = np.asarray(loss.power_gain(np.array([1.0, 10.0]), WAVELENGTH_M))
    assert at_reference == pytest.approx((WAVELENGTH_M / (4 * np.pi)) ** 2, rel=1e-6)
    assert 10 * np.log10(at_reference / at_ten) == pytest.approx(35, abs=1e-4)


def test_correlation_is_the_mean_of_plane_waves_from_the_whole_half_space():
    """Quadrature over directions in place of the closed form: equal power from a half sphere."""
    positions_m = grid(2, 0.3)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    cos = (nodes + 1) / 2
    azimuth = 2 * np.pi * np.arange(120) / 120
    sin = np.sqrt(1 - cos**2)
    across = np.stack([np.outer(sin, np.cos(azimuth)), np.outer(sin, np.sin(azimuth))], -1)
    waves = np.exp(2j * np.pi * across @ positions_m[:, :2].T / WAVELENGTH_M)
    expected = np.einsum("c,cam,can->mn", weights / 2 / 120, waves, waves.conj())
    assert np.abs(sinc_correlation(positions_m, WAVELENGTH_M) - expected).max() < 1e-6


def test_rayleigh_draws_have_the_correlation_at_both_ends():
    """20 000 draws: entries of a correlation are off by 1/sqrt(20000 · 4) = .0035 a deviation."""
    from_m, to_m = grid(2, 0.25), grid(2, 0.4)
    channel = CorrelatedRayleigh.between(from_m, to_m, power_gain=3.0, wavelength_m=WAVELENGTH_M)
    H = np.asarray(channel.draw(jax.random.key(0), 20_000)) / np.sqrt(3)
    at_from = np.einsum("dtf,dtg->fg", H, H.conj()) / (20_000 * 4)
    at_to = np.einsum("dtf,dsf->ts", H, H.conj()) / (20_000 * 4)
    assert np.abs(at_from - sinc_correlation(from_m, WAVELENGTH_M)).max() < 5 * 0.0035 * 2
    assert np.abs(at_to - sinc_correlation(to_m, WAVELENGTH_M)).max() < 5 * 0.0035 * 2


def test_half_a_wavelength_leaves_fewer_degrees_of_freedom_than_elements():
    """π (D/λ)² of them in an aperture, whatever the number of elements: 8x8 at λ/4."""
    values = np.linalg.eigvalsh(sinc_correlation(grid(8, 0.25), WAVELENGTH_M))[::-1]
    freedom = np.pi * 2**2
    assert values[: int(2 * freedom)].sum() > 0.99 * values.sum()
    assert values[: int(freedom / 2)].sum() < 0.9 * values.sum()


def test_a_square_root_of_what_is_no_correlation_is_refused():
    with pytest.raises(InputError, match="negative eigenvalues"):
        square_root(np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_plane_waves_are_spherical_ones_from_far_away():
    """At a hundred Fraunhofer distances phases differ by π/800 at most."""
    from_m = grid(6)
    user_m = 100 * fraunhofer_m(from_m, WAVELENGTH_M) * np.array([[0.3, -0.2, np.sqrt(0.87)]])
    with ms.float64():
        near, far = (
            np.asarray(kind(from_m, user_m, WAVELENGTH_M).matrix)
            for kind in (SphericalWave, PlaneWave)
        )
    assert np.abs(np.angle(near / far)).max() < np.pi / 800
    assert np.abs(np.abs(near / far) - 1).max() < 1e-3


def test_plane_waves_are_refused_where_fields_are_reactive():
    from_m = grid(10)
    user_m = np.array([[0, 0, 0.9 * reactive_limit_m(from_m, WAVELENGTH_M)]])
    with pytest.raises(InputError, match="reactive near field"):
        PlaneWave(from_m, user_m, WAVELENGTH_M)


def test_rician_power_is_shared_by_the_factor():
    from_m, users_m = grid(3), np.array([[0.0, 0.0, 5.0], [1.0, 0.0, 5.0]])
    direct = SphericalWave(from_m, users_m, WAVELENGTH_M)
    with ms.float64():
        gain = np.abs(np.asarray(direct.matrix)[:, 4]) ** 2
    scattered = CorrelatedRayleigh.to_users(from_m, power_gain=gain, wavelength_m=WAVELENGTH_M)
    draws = np.asarray(Rician(direct, scattered, 4.0).draw(jax.random.key(1), 4000))
    with ms.float64():
        mean = np.abs(draws.mean(0)) ** 2 / np.abs(np.asarray(direct.matrix)) ** 2
    # The mean of 4000 scattered draws is within 5 · sqrt(.2/4000) of nothing.
    assert mean == pytest.approx(np.full_like(mean, 0.8), abs=0.07)
    power = (np.abs(draws) ** 2).mean(0)[:, 4] / gain
    assert power == pytest.approx(np.ones(2), abs=0.06)


def test_clustered_channels_lose_their_likeness_over_the_delay_spread():
    """Correlation over frequency of exponential delays: 1/(1 - j2πfτ) for equal shares."""
    delay_s, offsets_hz = 50e-9, np.array([0.0, 1e6, 10e6])
    channel = Clustered(
        grid(2), np.array([1.0]), WAVELENGTH_M, delay_s, offsets_hz, clusters=20, rays=1
    )
    H = np.asarray(channel.draw_band(jax.random.key(2), 6000))
    assert (np.abs(H) ** 2).mean() == pytest.approx(1.0, abs=0.06)
    likeness = np.einsum("dfum,dum->f", H, H[:, 0].conj()) / (6000 * 4)
    expected = 1 / (1 - 2j * np.pi * offsets_hz * delay_s)
    assert np.abs(likeness - expected).max() < 0.06
    assert abs(expected[2]) < 0.4


def test_users_fill_their_sector_evenly():
    """Over the area of a ring the mean square distance is the mean of the squares of its edges."""
    places = np.asarray(Sector(10, 30, azimuth_rad=1.0).draw(jax.random.key(3), 20_000))
    distance = np.linalg.norm(places, axis=1)
    assert (distance**2).mean() == pytest.approx((10**2 + 30**2) / 2, rel=0.01)
    assert distance.min() >= 10
    assert distance.max() <= 30
    assert np.abs(np.arctan2(places[:, 0], places[:, 2])).max() <= 1.0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Sector(30, 10), "in this order"),
        (lambda: Sector(1, 10, azimuth_rad=2.0), "below π/2"),
        (lambda: PathLoss(-1.0), "exponent"),
        (lambda: Rician(direct(), direct(), -3.0), "linear, not dB"),
    ],
)
def test_impossible_channels_are_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()
