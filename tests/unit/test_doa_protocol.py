"""The protocol's index orders and bins, and what peak and spectrum make of energies."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

from metastack.doa import Protocol, angular_spectrum, energies, peak_estimate
from metastack.errors import InputError
from metastack.targets import dft_2d

counts = st.integers(1, 5)
protocols = st.builds(Protocol, counts, counts, counts, counts)
UNEVEN = Protocol(columns=3, rows=2, snapshots_x=5, snapshots_y=4)


def one_hot(protocol, snapshot, probe):
    values = np.zeros((protocol.snapshots, protocol.elements))
    values[snapshot, probe] = 1
    return values


@pytest.mark.parametrize("field", ["columns", "rows", "snapshots_x", "snapshots_y"])
@pytest.mark.parametrize("value", [0, -2, True])
def test_counts_must_be_positive_whole_numbers(field, value):
    given_counts = {"columns": 2, "rows": 2, "snapshots_x": 1, "snapshots_y": 1} | {field: value}
    with pytest.raises(InputError, match=f"`{field}` must be a whole number and at least 1, but"):
        Protocol(**given_counts)


def test_first_phase_ramp_by_hand():
    """Eq. (25) for t = 1, i.e. t_x = 1, t_y = 0: -2π n_x / (N_x T_x), x fastest."""
    ramp = UNEVEN.input_phases_rad[1]
    np.testing.assert_allclose(ramp, -2 * np.pi * np.array([0, 1, 2, 0, 1, 2]) / 15, rtol=1e-15)
    np.testing.assert_array_equal(UNEVEN.input_phases_rad[0], 0)
    ramp = UNEVEN.input_phases_rad[UNEVEN.snapshots_x]
    np.testing.assert_allclose(ramp, -2 * np.pi * np.array([0, 0, 0, 1, 1, 1]) / 8, rtol=1e-15)


@given(protocols)
def test_every_snapshot_is_a_shifted_dft(protocol):
    """F Υ_0 of snapshot (t_x, t_y) is the DFT whose bins lie t_x/T_x, t_y/T_y further, eq. (16).

    Phases up to 2π·8 turns, computed in another order: 1e-13 is ten times their rounding.
    """
    F = dft_2d(protocol.columns, protocol.rows)
    for t, phases in enumerate(protocol.input_phases_rad):
        t_y, t_x = divmod(t, protocol.snapshots_x)
        shifted = dft_2d(
            protocol.columns,
            protocol.rows,
            shift_x=t_x / protocol.snapshots_x,
            shift_y=t_y / protocol.snapshots_y,
        )
        np.testing.assert_allclose(F * np.exp(1j * phases), shifted, rtol=0, atol=1e-13)


@given(protocols)
def test_bins_are_those_of_the_paper_in_exact_arithmetic(protocol):
    """Eq. (29), (30) in fractions; the last float product may round: one part in 1e15."""
    psi_x, psi_y = protocol.bins_rad
    for t in range(protocol.snapshots):
        t_y, t_x = divmod(t, protocol.snapshots_x)
        for n in range(protocol.elements):
            n_y, n_x = divmod(n, protocol.columns)
            for psi, index, ports, step, steps in (
                (psi_x, n_x, protocol.columns, t_x, protocol.snapshots_x),
                (psi_y, n_y, protocol.rows, t_y, protocol.snapshots_y),
            ):
                turns = Fraction(index, ports) + Fraction(step, ports * steps)
                expected = (2 * turns + 1) % 2 - 1
                assert psi[t, n] / np.pi == pytest.approx(float(expected), rel=1e-15, abs=0)


@given(protocols, st.data())
def test_peak_and_spectrum_agree_on_where_an_energy_belongs(protocol, data):
    """One lit probe in one snapshot: two separate computations of the same pair of angles."""
    snapshot = data.draw(st.integers(0, protocol.snapshots - 1))
    probe = data.draw(st.integers(0, protocol.elements - 1))
    lit = one_hot(protocol, snapshot, probe)
    estimate, spectrum = peak_estimate(lit, protocol), angular_spectrum(lit, protocol)
    y, x = np.unravel_index(spectrum.power_db.argmax(), spectrum.power_db.shape)
    assert (estimate.snapshot, estimate.probe) == (snapshot, probe)
    assert (estimate.psi_x_rad, estimate.psi_y_rad) == (
        spectrum.psi_x_rad[x],
        spectrum.psi_y_rad[y],
    )


def test_spectrum_is_normalised_and_shows_zero_energy_as_minus_infinity():
    """0 dB at the peak, -inf without a warning where nothing came; axes ascend within [-π, π)."""
    spectrum = angular_spectrum(7 * one_hot(UNEVEN, 3, 4), UNEVEN)
    assert spectrum.power_db.shape == (8, 15)
    assert spectrum.power_db.max() == 0
    assert np.count_nonzero(spectrum.power_db == -np.inf) == 8 * 15 - 1
    for axis in (spectrum.psi_x_rad, spectrum.psi_y_rad):
        assert (np.diff(axis) > 0).all()
        assert axis.min() >= -np.pi
        assert axis.max() < np.pi


def test_batches_are_estimated_one_by_one():
    """A batch gives what its members give alone."""
    values = np.random.default_rng(1).exponential(size=(2, 3, 20, 6))
    estimate, spectrum = peak_estimate(values, UNEVEN), angular_spectrum(values, UNEVEN)
    for index in np.ndindex(2, 3):
        alone = peak_estimate(values[index], UNEVEN)
        for field in ("psi_x_rad", "psi_y_rad", "snapshot", "probe"):
            assert getattr(estimate, field)[index] == getattr(alone, field)
        np.testing.assert_array_equal(
            spectrum.power_db[index], angular_spectrum(values[index], UNEVEN).power_db
        )


def test_of_equal_energies_the_first_counts():
    estimate = peak_estimate(np.ones((20, 6)), UNEVEN)
    assert (estimate.snapshot, estimate.probe) == (0, 0)


@pytest.mark.parametrize("estimator", [peak_estimate, angular_spectrum])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((6, 20)), r"`energies` must end in \(20, 6\) .* but have shape \(6, 20\)"),
        (np.full((20, 6), np.nan), "`energies` must be finite and not negative, but 120 of 120"),
        (-one_hot(UNEVEN, 0, 0), "`energies` must be finite and not negative, but 1 of 120"),
        (np.zeros((20, 6)), "`energies` must not all be zero, but are"),
        (np.stack([np.zeros((20, 6)), np.ones((20, 6))]), "`energies` must not all be zero"),
    ],
)
def test_energies_that_tell_nothing_are_refused(estimator, values, message):
    with pytest.raises(InputError, match=message):
        estimator(values, UNEVEN)


def test_energy_is_the_squared_magnitude():
    np.testing.assert_array_equal(energies(np.array([3 + 4j, -2j, 0])), [25, 4, 0])
