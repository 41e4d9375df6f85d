"""Dispersion of atoms, against circuits and against the table that was measured."""

import jax.numpy as jnp
import numpy as np
import pytest

import metastack as ms
from metastack.errors import InputError

CENTRE_HZ = 28e9
BAND_HZ = CENTRE_HZ * np.linspace(0.9, 1.1, 9)
PHASES = np.linspace(-0.99 * np.pi, 0.99 * np.pi, 41)

pytestmark = pytest.mark.usefixtures("double_precision")


def at(dispersion, transmission, frequency_hz):
    """Transmission at another frequency, in NumPy."""
    return np.asarray(
        dispersion(jnp.asarray(transmission), frequency_hz=frequency_hz, centre_hz=CENTRE_HZ)
    )


def reflection_of_tank(resonance_hz, quality, frequency_hz):
    """Of a line that ends in a parallel inductance and capacitance, in the engineers' e^{+jωt}.

    At resonance each has the line's admittance times `quality`.
    """
    w, w_r = 2 * np.pi * frequency_hz, 2 * np.pi * resonance_hz
    capacitance, inductance = quality / w_r, 1 / (quality * w_r)
    admittance = 1j * w * capacitance + 1 / (1j * w * inductance)
    return (1 - admittance) / (1 + admittance)


def table_of(dispersion, settings):
    """What a table of a dispersion would hold, settings x frequencies."""
    return np.stack([at(dispersion, np.exp(1j * settings), f) for f in BAND_HZ], axis=1)


@pytest.mark.parametrize("quality", [0.5, 5, 50])
def test_a_resonator_reflects_as_a_tank_circuit_tuned_to_the_wanted_phase(quality):
    """In the other convention of time, so conjugated. The resonance is searched for by bisection;
    1e-9 is what that leaves of a phase, at the steepest."""
    for phase in PHASES:
        low, high = CENTRE_HZ * 1e-6, CENTRE_HZ * 1e6
        for _ in range(200):
            middle = np.sqrt(low * high)
            found = np.angle(np.conj(reflection_of_tank(middle, quality, CENTRE_HZ)))
            low, high = (middle, high) if found > phase else (low, middle)
        expected = np.conj(reflection_of_tank(middle, quality, BAND_HZ))
        shown = [at(ms.ResonatorDispersion(quality), np.exp(1j * phase), f) for f in BAND_HZ]
        np.testing.assert_allclose(shown, expected, atol=1e-9)


def test_the_delay_of_a_resonator_is_positive_and_4q_over_the_frequency_at_resonance():
    """Causality in e^{-jωt}: phase grows with frequency, whatever is shown."""
    step = 1e-6
    later, sooner = (
        np.angle(at(ms.ResonatorDispersion(20), np.exp(1j * PHASES), CENTRE_HZ * (1 + s)))
        for s in (step, -step)
    )
    slope = (np.exp(1j * (later - sooner)).imag) / (2 * step)
    assert slope.min() > 0
    np.testing.assert_allclose(slope.max(), 4 * 20, rtol=1e-6)
    assert abs(PHASES[np.argmax(slope)]) < 1e-12


@pytest.mark.parametrize("dispersion", [ms.NoDispersion(), ms.ResonatorDispersion(8)])
def test_nothing_changes_at_the_centre_and_dead_atoms_stay_dead(dispersion):
    """Whatever the amplitude; to rounding."""
    shown = np.concatenate([0.7 * np.exp(1j * PHASES), [0, -1, 1]])
    np.testing.assert_allclose(at(dispersion, shown, CENTRE_HZ), shown, atol=1e-14)
    assert at(dispersion, np.zeros(1, complex), BAND_HZ[0]) == 0
    np.testing.assert_allclose(np.abs(at(dispersion, shown, BAND_HZ[0])), np.abs(shown), atol=1e-14)


def test_a_measured_table_comes_back_in_its_settings():
    """Amplitudes and phases of eight settings, which start anywhere in the turn: atoms of the
    table's centre, dispersed, give every entry to rounding."""
    rng = np.random.default_rng(0)
    commands = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    ideal = table_of(ms.ResonatorDispersion(6), commands + 2 + 0.2 * np.sin(commands))
    table = ideal * rng.uniform(0.6, 0.9, ideal.shape)
    middle = table[:, len(BAND_HZ) // 2]
    atoms = ms.MeasuredAtoms.from_table(commands, np.abs(middle), np.angle(middle))
    measured = ms.MeasuredDispersion.from_table(BAND_HZ, table, centre_hz=CENTRE_HZ)
    for column, frequency_hz in enumerate(BAND_HZ):
        shown = at(measured, atoms(jnp.asarray(commands)[None])[0], frequency_hz)
        np.testing.assert_allclose(shown, table[:, column], atol=1e-12)


def test_a_fine_table_disperses_as_the_resonator_that_was_measured():
    """Linear interpolation leaves an eighth of step² times curvature: four times less of a table
    with twice the settings."""
    resonator, off = ms.ResonatorDispersion(6), []
    for many in (90, 180):
        settings = 2 * np.pi * np.arange(many) / many
        measured = ms.MeasuredDispersion.from_table(
            BAND_HZ, table_of(resonator, settings), centre_hz=CENTRE_HZ
        )
        shown = np.exp(1j * np.linspace(-3.1, 3.1, 1001))
        misses = at(measured, shown, BAND_HZ[-1]) - at(resonator, shown, BAND_HZ[-1])
        off.append(np.sqrt(np.mean(np.abs(misses) ** 2)))
    assert off[1] < 2e-4
    assert 3 < off[0] / off[1] < 5


@pytest.mark.parametrize(
    ("table", "frequencies", "said"),
    [
        (np.ones((1, 9)), BAND_HZ, "at least 2 x 2"),
        (np.ones((3, 8)), BAND_HZ, "a column for each of the 9"),
        (np.ones((3, 9)), BAND_HZ[::-1], "must increase"),
        (np.zeros((3, 9)), BAND_HZ, "not zero"),
        (np.ones((3, 9)), BAND_HZ + 10e9, "must hold the centre"),
        (np.ones((3, 9)), BAND_HZ, "must increase within one turn"),
    ],
)
def test_impossible_tables_are_refused_in_one_line(table, frequencies, said):
    """With what is wrong."""
    with pytest.raises(InputError, match=said) as caught:
        ms.MeasuredDispersion.from_table(frequencies, table.astype(complex), centre_hz=CENTRE_HZ)
    assert len(str(caught.value).splitlines()) == 1
