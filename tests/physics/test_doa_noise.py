"""What the levels of noise mean, and that the noise is what they say."""

import numpy as np
import pytest
from scipy.stats import chi2, kstest

from metastack.doa import (
    EffectiveSnr,
    GaussianSource,
    Noiseless,
    PhysicalSnr,
    Protocol,
    received_field,
    simulate_snapshots,
)
from metastack.errors import InputError
from metastack.targets import dft_2d

PROTOCOL = Protocol(2, 3, 20, 25)
F = dft_2d(2, 3)
HERE = {"psi_x_rad": 0.7, "psi_y_rad": -1.3}
LOSSY = 10 ** (-30 / 20) * np.exp(1j) * F


def noise_of(level, response, seed=0, **options):
    received = simulate_snapshots(response, PROTOCOL, **HERE, noise=level, seed=seed, **options)
    return received - level.scale(response, F) * received_field(response, PROTOCOL, **HERE)


@pytest.mark.parametrize("db", [-7.0, 0.0, 20.0])
@pytest.mark.parametrize("level", [EffectiveSnr, PhysicalSnr])
def test_noise_has_variance_one_over_snr_and_is_circular(level, db):
    """2|u|² SNR is chi-square with two degrees of freedom for every sample.

    Their sum lies in the two-sided 1 - 1e-6 interval of chi-square; the distribution passes a
    Kolmogorov-Smirnov test at 1e-6; u² averages to 0 within five standard deviations, 1/√n.
    """
    u = noise_of(level(db), F).ravel() * 10 ** (db / 20)
    power = 2 * np.abs(u) ** 2
    low, high = chi2.ppf([5e-7, 1 - 5e-7], 2 * u.size)
    assert low < power.sum() < high
    assert kstest(power, chi2(2).cdf).pvalue > 1e-6
    assert abs(np.mean(u**2)) < 5 / np.sqrt(u.size)


def test_gaussian_source_has_unit_power():
    """Σ|s|² over T snapshots, twice, is chi-square with 2T degrees of freedom: 1 - 1e-6."""
    received = simulate_snapshots(
        F, PROTOCOL, **HERE, noise=Noiseless(), seed=3, source=GaussianSource()
    )
    s = (received / received_field(F, PROTOCOL, **HERE))[:, 0]
    low, high = chi2.ppf([5e-7, 1 - 5e-7], 2 * s.size)
    assert low < 2 * np.sum(np.abs(s) ** 2) < high


def test_effective_snr_hides_insertion_loss():
    """A DFT with 30 dB of loss and any phase receives the same, to rounding (values up to 6)."""
    for_each = [
        simulate_snapshots(response, PROTOCOL, **HERE, noise=EffectiveSnr(10.0), seed=4)
        for response in (F, LOSSY)
    ]
    np.testing.assert_allclose(*for_each, rtol=0, atol=1e-13)


def test_effective_snr_scales_to_the_target_that_is_given():
    """β G = F for G = F_shifted / 3 only if the shifted DFT is the target; values up to 6."""
    shifted = dft_2d(2, 3, shift_x=0.5, shift_y=0.25)
    received = simulate_snapshots(
        shifted / 3, PROTOCOL, **HERE, noise=EffectiveSnr(300.0), seed=4, target=shifted
    )
    expected = received_field(shifted, PROTOCOL, **HERE)
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-13)


def test_peak_of_an_exact_dft_has_n_squared_times_the_effective_snr():
    """On the grid the field is N and the noise 1/SNR: exact but for rounding of a sum of six."""
    level = EffectiveSnr(13.0)
    beta = level.scale(LOSSY, F)
    peak = np.abs(beta * received_field(LOSSY, PROTOCOL, psi_x_rad=0.0, psi_y_rad=0.0)).max() ** 2
    np.testing.assert_allclose(peak / level.variance, 6**2 * 10**1.3, rtol=1e-13)


def test_physical_snr_shows_every_decibel_of_insertion_loss():
    """Noise power stays, signal power falls by the loss: 30 dB, to the rounding of a logarithm."""
    level = PhysicalSnr(13.0)
    powers = [
        np.sum(np.abs(level.scale(G, F) * received_field(G, PROTOCOL, **HERE)) ** 2)
        for G in (F, LOSSY)
    ]
    np.testing.assert_allclose(10 * np.log10(powers[0] / powers[1]), 30, rtol=1e-13)
    # The same draws, recovered by subtraction from fields of up to 6.
    np.testing.assert_allclose(noise_of(level, F), noise_of(level, LOSSY), rtol=0, atol=1e-14)


def test_without_noise_the_field_is_the_device_s_alone():
    received = simulate_snapshots(LOSSY, PROTOCOL, **HERE, noise=Noiseless(), seed=0)
    np.testing.assert_array_equal(received, received_field(LOSSY, PROTOCOL, **HERE))


def test_a_seed_fixes_every_number_and_another_changes_them():
    a, b, c = (noise_of(PhysicalSnr(0.0), F, seed, source=GaussianSource()) for seed in (5, 5, 6))
    np.testing.assert_array_equal(a, b)
    assert (a != c).all()


def test_noise_is_independent_over_a_batch_of_directions():
    """The same direction three times is drawn three times, noise and source alike."""
    directions = {"psi_x_rad": np.full((3, 1), 0.7), "psi_y_rad": -1.3}
    for options in (
        {"noise": PhysicalSnr(0.0)},
        {"noise": Noiseless(), "source": GaussianSource()},
    ):
        received = simulate_snapshots(F, PROTOCOL, **directions, seed=0, **options)
        assert received.shape == (3, 1, PROTOCOL.snapshots, PROTOCOL.elements)
        assert (received[0] != received[1]).all()
        assert (received[1] != received[2]).all()


@pytest.mark.parametrize("db", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("level", [EffectiveSnr, PhysicalSnr])
def test_snr_must_be_finite(level, db):
    with pytest.raises(InputError, match=r"`db` must be finite, but is .*`Noiseless\(\)`"):
        level(db)


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (dft_2d(3, 3), r"`response` must have shape \(6, 6\) .* but has \(9, 9\)"),
        (F[:4], r"`response` must have shape \(6, 6\) .* but has \(4, 6\)"),
        (F * np.nan, "`response` must be finite"),
        (F * 0, "`response` must let something through"),
    ],
)
def test_a_response_that_does_not_fit_is_refused(response, message):
    with pytest.raises(InputError, match=message):
        simulate_snapshots(response, PROTOCOL, **HERE, noise=Noiseless(), seed=0)


def test_a_target_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"`target` must have shape \(6, 6\)"):
        simulate_snapshots(
            F, PROTOCOL, **HERE, noise=EffectiveSnr(0.0), seed=0, target=dft_2d(2, 2)
        )
