"""From the phase that is asked to the transmission that comes."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from metastack import IdealAtoms, InputError, MeasuredAtoms, QuantisedAtoms, StuckAtoms

pytestmark = pytest.mark.usefixtures("double_precision")

phases = arrays(float, (2, 3), elements=st.floats(-20, 20)).map(jnp.asarray)

SETTINGS_RAD = np.array([0.2, 1.0, 2.5, 4.0, 5.5])
AMPLITUDES = np.array([0.9, 0.7, 0.8, 0.6, 0.95])
# As a network analyser shows it: wrapped, and with an offset.
PHASES_RAD = np.angle(np.exp(1j * (SETTINGS_RAD + 0.3 * np.sin(SETTINGS_RAD) + 1)))


def measured():
    return MeasuredAtoms.from_table(SETTINGS_RAD, AMPLITUDES, PHASES_RAD)


@given(phases)
def test_ideal_atoms_lose_nothing_and_give_the_phase(phase_rad):
    """|e^{j phase}| = 1 and its angle is the phase modulo a turn; rounding of 20 rad."""
    transmission = IdealAtoms()(phase_rad)
    np.testing.assert_allclose(np.abs(transmission), 1, rtol=1e-14)
    np.testing.assert_allclose(transmission * np.exp(-1j * phase_rad), 1, atol=1e-13)


@given(phases, st.integers(1, 5))
def test_quantised_atoms_take_the_nearest_code(phase_rad, bits):
    """Oracle: the largest projection on all codes, by trying each. Ties may go either way, so
    distances are compared, not codes; rounding only.
    """
    atoms = QuantisedAtoms(bits)
    all_codes = np.exp(2j * np.pi * np.arange(2**bits) / 2**bits)
    best = np.abs(np.exp(1j * np.asarray(phase_rad))[..., None] - all_codes).min(axis=-1)
    transmission = np.asarray(atoms(phase_rad))
    np.testing.assert_allclose(
        np.abs(np.exp(1j * np.asarray(phase_rad)) - transmission), best, atol=1e-12
    )
    codes = np.asarray(atoms.codes(phase_rad))
    assert codes.min() >= 0
    assert codes.max() < 2**bits
    np.testing.assert_allclose(all_codes[codes], transmission, atol=1e-12)


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_settings_of_quantised_atoms_are_their_codes(bits):
    """Each setting gives itself: e^{j setting}; rounding only."""
    atoms = QuantisedAtoms(bits)
    assert len(atoms.settings_rad) == 2**bits
    given_back = atoms(jnp.asarray(atoms.settings_rad)[:, None])[:, 0]
    np.testing.assert_allclose(given_back, np.exp(1j * atoms.settings_rad), atol=1e-14)


def test_measured_atoms_are_exact_at_the_rows():
    """Amplitude and phase of the table at its settings; rounding only."""
    expected = AMPLITUDES * np.exp(1j * PHASES_RAD)
    np.testing.assert_allclose(
        measured()(jnp.asarray(SETTINGS_RAD)[None, :])[0], expected, atol=1e-14
    )


def test_measured_atoms_are_linear_between_rows():
    """Half-way: the mean amplitude and the mean unwrapped phase; rounding only."""
    middle = (SETTINGS_RAD[1:] + SETTINGS_RAD[:-1]) / 2
    turned = np.unwrap(PHASES_RAD)
    expected = (AMPLITUDES[1:] + AMPLITUDES[:-1]) / 2
    expected = expected * np.exp(1j * (turned[1:] + turned[:-1]) / 2)
    np.testing.assert_allclose(measured()(jnp.asarray(middle)[None, :])[0], expected, atol=1e-14)


def test_measured_atoms_close_the_turn():
    """Half-way through the last interval, to the first row one turn later, by hand."""
    turned = np.unwrap(PHASES_RAD)
    half_way = (SETTINGS_RAD[-1] + SETTINGS_RAD[0] + 2 * np.pi) / 2
    expected = (AMPLITUDES[-1] + AMPLITUDES[0]) / 2
    expected = expected * np.exp(1j * (turned[-1] + turned[0] + 2 * np.pi) / 2)
    np.testing.assert_allclose(measured()(jnp.array([[half_way]])), expected, atol=1e-14)


@given(phases, st.integers(-2, 2))
def test_measured_atoms_repeat_after_a_turn(phase_rad, turns):
    """t(phase + 2 pi n) = t(phase); the slope is below 2, the shift rounds at 1e-14."""
    atoms = measured()
    shifted = atoms(phase_rad + 2 * np.pi * turns)
    np.testing.assert_allclose(atoms(phase_rad), shifted, atol=1e-12)


def test_stuck_atoms_stay_and_the_others_follow():
    """Where stuck the given transmission, elsewhere the base's; exact."""
    is_stuck = np.array([[True, False, False], [False, False, True]])
    transmission = np.where(is_stuck, [[0, 1, 1], [1, 1, 0.5j]], 0)
    phase_rad = jnp.arange(6.0).reshape(2, 3)
    atoms = StuckAtoms(QuantisedAtoms(2), is_stuck, transmission)
    expected = np.where(is_stuck, transmission, QuantisedAtoms(2)(phase_rad))
    np.testing.assert_array_equal(atoms(phase_rad), expected)
    np.testing.assert_array_equal(atoms(jnp.stack([phase_rad] * 2))[1], expected)


def test_only_rounding_atoms_jump():
    is_stuck, transmission = np.zeros((1, 1), bool), np.zeros((1, 1), complex)
    assert IdealAtoms().is_smooth
    assert measured().is_smooth
    assert not QuantisedAtoms(2).is_smooth
    assert StuckAtoms(IdealAtoms(), is_stuck, transmission).is_smooth
    assert not StuckAtoms(QuantisedAtoms(2), is_stuck, transmission).is_smooth


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"setting_rad": [0.0], "amplitude": [1.0], "phase_rad": [0.0]}, "at least 2"),
        ({"amplitude": [1.0, 1.0]}, r"shapes \(3,\), \(2,\), \(3,\)"),
        ({"phase_rad": [0.0, np.nan, 2.0]}, "must be finite"),
        ({"amplitude": [1.0, np.inf, 1.0]}, "must be finite"),
        ({"setting_rad": [0.0, 2.0, 1.0]}, "must increase within one turn"),
        ({"setting_rad": [0.0, 1.0, 1.0]}, "must increase within one turn"),
        ({"setting_rad": [0.0, 1.0, 2 * np.pi]}, "must increase within one turn"),
        ({"amplitude": [1.0, -0.1, 1.0]}, "must not be negative, but is -0.1"),
    ],
)
def test_a_table_that_means_nothing_is_refused(changes, message):
    table = {
        "setting_rad": [0.0, 1.0, 2.0],
        "amplitude": [1.0, 1.0, 1.0],
        "phase_rad": [0.0, 1.0, 2.0],
    }
    columns = {name: np.array(column) for name, column in (table | changes).items()}
    with pytest.raises(InputError, match=message):
        MeasuredAtoms.from_table(**columns)
