"""Devices calibrated by their networks: derivatives, a device of our own wires, one of NEC-2.

The small device: feeds, two layers and receivers of 2x2 half-wave wires each, gaps of .6 λ; ports
of one layer are .3 λ apart. As built, layers are off by up to 2 % and 5 % of a wavelength.
"""

from dataclasses import dataclass
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import metastack as ms
from metastack import InputError, memory
from metastack.calibration.networks import LinearPilots, MovingWireNetwork, calibrate_network
from metastack.calibration.networks.linear import symmetric
from metastack.multiport import (
    Device,
    Elements,
    LayerTolerance,
    MatchedAtoms,
    PortNetwork,
    Screen,
    ThinWires,
    Wiring,
    impedance_matrix,
    in_our_time,
    scattering_from_impedance,
    wired_device,
)

MOM = Path(__file__).parents[1] / "data" / "mom"
DEPTHS = (0.0, 0.6, 0.9, 1.5, 1.8, 2.4)
GRID = np.array([[x, 0.0, z] for z in (-0.25, 0.25) for x in (-0.25, 0.25)])
TOLERANCE = np.array([0.02, 0.05]) / 3**0.5


@dataclass(frozen=True, eq=False)
class Wires:
    """Two layers that move along the axis and upwards, in deviations of their tolerances."""

    size: int = 4

    def _scattering(self, values):
        along_and_up = jnp.asarray(values).reshape(2, 2) * TOLERANCE
        moved = jnp.concatenate([jnp.zeros((2, 1)), along_and_up], axis=1)
        of_planes = jnp.zeros((6, 3)).at[1:5].set(jnp.repeat(moved, 2, axis=0))
        depths = jnp.array([[0.0, depth, 0.0] for depth in DEPTHS])
        centres = (depths[:, None] + of_planes[:, None] + GRID).reshape(-1, 3)
        up = jnp.tile(jnp.array([0.0, 0.0, 1.0]), (24, 1))
        Z = impedance_matrix(ThinWires(centres, up, 0.46, 1e-3), 1.0)
        return scattering_from_impedance(Z, 50.0)

    def at(self, values):
        with ms.float64():
            return np.asarray(self._scattering(values))

    def with_slopes(self, values):
        with ms.float64():
            slopes = jax.jacfwd(self._scattering)(jnp.asarray(values))
            return self.at(values), np.moveaxis(np.asarray(slopes), -1, 0)


def small_device(values):
    network = PortNetwork.measured(Wires().at(values), 50.0, 28e9)
    return Device.of(network, feeds=4, layers=2, atoms=4)


def configurations(slots, seed):
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (slots, 2, 4))
    return MatchedAtoms.of_phases(phases)


def with_noise(y, snr_db, seed=0):
    variance = np.mean(np.abs(y) ** 2) * 10 ** (-snr_db / 10)
    parts = np.random.default_rng(seed).normal(scale=np.sqrt(variance / 2), size=(2, *y.shape))
    return y + parts[0] + 1j * parts[1], variance


def error_db(found, truth):
    """After the best complex gain."""
    gain = np.vdot(found, truth) / np.vdot(found, found)
    return 10 * np.log10(np.sum(np.abs(gain * found - truth) ** 2) / np.sum(np.abs(truth) ** 2))


def test_responses_follow_the_network_as_their_derivatives_say():
    """Against central differences of the whole solution, whose error is the third derivative's."""
    rng = np.random.default_rng(0)
    device, layers = small_device(np.zeros(4)), configurations(3, 0)
    linear = LinearPilots.of(device, layers)
    np.testing.assert_allclose(linear.response, np.asarray(device.response(layers)), atol=1e-14)
    entries = rng.normal(size=300) + 1j * rng.normal(size=300)
    deviation = np.abs(symmetric(rng.normal(size=300) + 0j, 24))
    change = symmetric(entries, 24) * deviation

    def moved(step):
        there = eqx.tree_at(lambda each: each.scattering, device, device.scattering + step * change)
        return np.asarray(there.response(layers))

    expected = ((moved(1e-6) - moved(-1e-6)) / 2e-6).ravel()
    scale = np.abs(expected).max()
    np.testing.assert_allclose(linear.along(change), expected, atol=1e-8 * scale)
    np.testing.assert_allclose(linear.slopes(deviation) @ entries, expected, atol=1e-8 * scale)


def test_few_pilots_find_layers_that_a_model_of_their_poses_explains():
    """Five configurations of 16 responses at 40 dB for a network of 300 elements: held-out
    responses are at the noise or below, four poses where they are to .1 deviation; without the
    model of poses nothing can be told from so few."""
    truth = np.random.default_rng(1).uniform(-1, 1, 4) * 3**0.5
    designed, built = small_device(np.zeros(4)), small_device(truth)
    shown, held_out = configurations(5, 1), configurations(50, 2)
    clean, expected = (np.asarray(built.response(each)) for each in (shown, held_out))
    y, variance = with_noise(clean, 40)
    before = error_db(np.asarray(designed.response(held_out)), expected)
    found = calibrate_network(designed, shown, y, variance, moving=Wires())
    assert before > -20
    assert error_db(found.predicted(held_out), expected) < -40
    np.testing.assert_allclose(found.values, truth, atol=0.1)
    blind = calibrate_network(designed, shown, y, variance)
    assert error_db(blind.predicted(held_out), expected) > -30


@dataclass(frozen=True, eq=False)
class BuiltByNec:
    """NEC-2's four-layer device: as designed, and responses of it as built, in our time."""

    nominal: PortNetwork
    positions: np.ndarray
    phases_rad: np.ndarray
    received: np.ndarray

    @property
    def designed(self):
        return Device.of(self.nominal, feeds=4, layers=4, atoms=9)

    def layers(self, first, last):
        return MatchedAtoms.of_phases(self.phases_rad[first:last])

    def held_out_error_db(self, found):
        return error_db(found.predicted(self.layers(200, 300)), self.received[200:])


@pytest.fixture(scope="module")
def nec():
    network, pilots = (
        np.load(MOM / f"device_{part}.npz") for part in ("nominal_network", "built_pilots")
    )
    nominal = PortNetwork.from_impedance(in_our_time(network["Z_ohm"]), 50.0, 28e9)
    places = network["port_position_m"] / network["wavelength_m"]
    return BuiltByNec(nominal, places, -pilots["phases_rad"], in_our_time(pilots["response"]))


@pytest.fixture(scope="module")
def wires_of_nec(nec):
    """A model of our own of its wires, of which axial errors, heights and turns are unknown."""
    tolerance = LayerTolerance(axial=0.02, vertical=0.05, rotation_rad=np.radians(1))
    wiring = Wiring(Elements((0, 0, 1), 0.46, 1e-3), tolerance, Screen((1.7, 1.7), (21, 21)))
    device = wired_device(wiring, nec.positions, feeds=4, layers=4, atoms=9)
    return MovingWireNetwork.of(nec.nominal, device.prepared(28e9).wires)


@pytest.mark.slow
def test_a_device_of_the_method_of_moments_is_found_from_200_pilots(nec):
    """With screens of which no formula of ours knows: 3240 elements about the designed ones, 3200
    responses. The designed network predicts the other 100 configurations to -10 dB; -60 dB are
    asked for, -94 were found."""
    expected = nec.received[200:]
    before = error_db(np.asarray(nec.designed.response(nec.layers(200, 300))), expected)
    assert before == pytest.approx(-10, abs=0.1)
    found = calibrate_network(nec.designed, nec.layers(0, 200), nec.received[:200], 0.0)
    assert nec.held_out_error_db(found) < -60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pilots", "snr_db", "most_db"),
    [(25, None, -35), (100, None, -35), (100, 40, -40), (100, 30, -30), (200, 40, -40)],
)
def test_poses_of_its_wires_are_worth_many_pilots(nec, wires_of_nec, pilots, snr_db, most_db):
    """Held-out responses at or below the noise, and to -35 dB from 100 pilots (from 25, even):
    without poses they are at -14.6 dB from 25 and -25.9 dB from 100."""
    y, variance = nec.received[:pilots], 0.0
    if snr_db is not None:
        y, variance = with_noise(y, snr_db)
    layers = nec.layers(0, pilots)
    found = calibrate_network(nec.designed, layers, y, variance, moving=wires_of_nec)
    assert nec.held_out_error_db(found) < most_db


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: (y[:, :3], 0.0), "must be slots x 4 receivers x 4 feeds, but has shape"),
        (lambda y: (y[:2], 0.0), "a configuration for each of the 2 slots, of 2 layers of 4 atoms"),
        (lambda y: (np.full_like(y, np.nan), 0.0), "`received` must be finite"),
        (lambda y: (y, -1.0), "`noise_variance` must be finite and not negative, but is -1.0"),
    ],
)
def test_pilots_of_another_device_are_refused(change, message):
    device, layers = small_device(np.zeros(4)), configurations(3, 0)
    received, variance = change(np.asarray(device.response(layers)))
    with pytest.raises(InputError, match=message):
        calibrate_network(device, layers, received, variance)


def test_pilots_that_do_not_fit_in_memory_are_refused(monkeypatch):
    """48 responses by 300 elements, three times, and by themselves, are .7 MB."""
    device, layers = small_device(np.zeros(4)), configurations(3, 0)
    y = np.asarray(device.response(layers))
    monkeypatch.setattr(memory.os, "sysconf", lambda _name: 700)
    with pytest.raises(InputError, match=r"must fit in memory \(0.0 GB\), but 48 responses of 300"):
        calibrate_network(device, layers, y, 0.0)
