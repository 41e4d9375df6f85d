"""Devices as networks: cascades against global solutions, and against the method of moments."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import metastack as ms
from metastack import InputError
from metastack.multiport import (
    ConnectedAtoms,
    Device,
    MatchedAtoms,
    PortNetwork,
    TwoPortAtoms,
    TwoSided,
    in_our_time,
    star,
)

LAYERS, ATOMS, FEEDS, RECEIVERS = 3, 5, 2, 4
PORTS = FEEDS + 2 * LAYERS * ATOMS + RECEIVERS
MOM = Path(__file__).parents[1] / "data" / "mom"


def passive(rng, ports, gain=0.9):
    """A reciprocal matrix of this largest singular value."""
    A = rng.normal(size=(ports, ports)) + 1j * rng.normal(size=(ports, ports))
    return gain * (A + A.T) / np.linalg.norm(A + A.T, 2)


def unconnected_past_layers(rng):
    """A device whose ports couple only within a gap."""
    sizes = [FEEDS + ATOMS, *[2 * ATOMS] * (LAYERS - 1), ATOMS + RECEIVERS]
    S, at = np.zeros((PORTS, PORTS), complex), 0
    for size in sizes:
        S[at : at + size, at : at + size] = passive(rng, size)
        at += size
    return Device.of(PortNetwork.measured(S, 50.0, 28e9), feeds=FEEDS, layers=LAYERS, atoms=ATOMS)


def reflecting_atoms(rng, batch=()):
    shape = (*batch, LAYERS, ATOMS)
    t, left, right = (size * np.exp(2j * np.pi * rng.random(shape)) for size in (0.6, 0.2, 0.3))
    return TwoPortAtoms(t, left, right)


def connected_atoms(rng):
    return ConnectedAtoms(np.stack([passive(rng, 2 * ATOMS) for _ in range(LAYERS)]))


def matched_atoms(rng):
    return MatchedAtoms.of_phases(rng.uniform(0, 2 * np.pi, (LAYERS, ATOMS)))


def by_iteration(device, layers, times=4000):
    """Waves that run to and fro until they have died away: no matrix is inverted."""
    S, gamma = np.asarray(device.scattering), np.asarray(layers.matrix())
    inner, last = device.inner, device.inner.stop
    b = arriving = S[inner, : device.feeds]
    for _ in range(times):
        b = arriving + S[inner, inner] @ (gamma @ b)
    return S[last:, : device.feeds] + S[last:, inner] @ (gamma @ b)


@pytest.mark.parametrize("atoms", [matched_atoms, reflecting_atoms, connected_atoms])
def test_the_cascade_is_the_global_solution(atoms):
    """And both are what waves come to that run to and fro, all to rounding."""
    rng = np.random.default_rng(0)
    device, layers = unconnected_past_layers(rng), atoms(rng)
    whole = np.asarray(device.response(layers))
    in_a_row = np.asarray(device.cascade().response(layers))
    scale = np.abs(whole).max()
    np.testing.assert_allclose(in_a_row, whole, atol=1e-12 * scale)
    np.testing.assert_allclose(by_iteration(device, layers), whole, atol=1e-12 * scale)


def test_the_cascade_is_a_chain_of_star_products():
    """The whole network of gaps and layers, and of it the transmission."""
    rng = np.random.default_rng(1)
    device, layers = unconnected_past_layers(rng), reflecting_atoms(rng)
    gaps, matrix = device.cascade().gaps, np.asarray(layers.matrix())
    with ms.float64():
        whole = gaps[0]
        for layer, gap in enumerate(gaps[1:]):
            ports = slice(2 * ATOMS * layer, 2 * ATOMS * (layer + 1))
            whole = star(star(whole, TwoSided.split(matrix[ports, ports], ATOMS)), gap)
    found = np.asarray(device.cascade().response(layers))
    np.testing.assert_allclose(np.asarray(whole.to_right), found, atol=1e-13)


def test_the_star_product_is_associative_and_keeps_energy():
    """Unitary networks in a row are a unitary network."""
    rng = np.random.default_rng(2)
    parts = [
        TwoSided.split(np.linalg.qr(rng.normal(size=(6, 6)) + 1j * rng.normal(size=(6, 6)))[0], 3)
        for _ in range(3)
    ]
    with ms.float64():
        one = star(star(parts[0], parts[1]), parts[2]).scattering
        other = star(parts[0], star(parts[1], parts[2])).scattering
    one = np.asarray(one)
    np.testing.assert_allclose(one, np.asarray(other), atol=1e-12)
    np.testing.assert_allclose(one.conj().T @ one, np.eye(6), atol=1e-12)


def test_without_reflections_it_is_the_product_of_matrices():
    rng = np.random.default_rng(3)
    device, layers = unconnected_past_layers(rng), matched_atoms(rng)
    one_way = device.cascade().without_reflections()
    product, *others = (np.asarray(gap.to_right) for gap in one_way.gaps)
    for transmission, matrix in zip(np.asarray(layers.transmission), others, strict=True):
        product = matrix @ (transmission[:, None] * product)
    found = np.asarray(one_way.response(layers))
    np.testing.assert_allclose(found, product, rtol=1e-12)
    whole = np.asarray(device.response(layers))
    assert np.linalg.norm(found - whole) > 0.1 * np.linalg.norm(found)


def test_configurations_are_batched_and_differentiable():
    """Against one by one, and the gradient against a central difference."""
    rng = np.random.default_rng(4)
    cascade = unconnected_past_layers(rng).cascade()
    phases = rng.uniform(0, 2 * np.pi, (4, LAYERS, ATOMS))
    together = np.asarray(cascade.response(MatchedAtoms.of_phases(phases)))
    for found, each in zip(together, phases, strict=True):
        alone = np.asarray(cascade.response(MatchedAtoms.of_phases(each)))
        np.testing.assert_allclose(found, alone, atol=1e-14)

    def power(phases):
        return jnp.sum(jnp.abs(cascade.response(MatchedAtoms.of_phases(phases))[0, 0]) ** 2)

    with ms.float64():
        gradient = np.asarray(jax.grad(power)(jnp.asarray(phases[0])))
        step = 1e-6 * rng.standard_normal(phases[0].shape)
        change = power(phases[0] + step) - power(phases[0] - step)
    assert float(np.sum(gradient * step)) == pytest.approx(float(change) / 2, rel=1e-6)


def test_a_batch_of_reflecting_atoms_is_solved_one_by_one():
    rng = np.random.default_rng(5)
    device, layers = unconnected_past_layers(rng), reflecting_atoms(rng, (3,))
    found = np.asarray(device.cascade().response(layers))
    np.testing.assert_allclose(found, np.asarray(device.response(layers)), atol=1e-12)


def test_our_solver_is_that_of_the_method_of_moments():
    """NEC-2's network of the four-layer device in 50 ohm, closed by 20 configurations by others'
    code, which counts time as e^{+jωt}: their numbers, to 1e-9 of the largest."""
    network, pilots = (
        np.load(MOM / f"device_nominal_{part}.npz") for part in ("network", "pilots_20")
    )
    nominal = PortNetwork.from_impedance(in_our_time(network["Z_ohm"]), 50.0, 28e9)
    device = Device.of(nominal, feeds=4, layers=4, atoms=9)
    # A phase of theirs is a delay of ours.
    layers = MatchedAtoms.of_phases(-pilots["phases_rad"])
    expected = in_our_time(pilots["response"])
    found = np.asarray(device.response(layers))
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())


def test_counts_that_cannot_be_are_refused():
    network = PortNetwork.measured(np.eye(10) + 0j, 50.0, 28e9)
    with pytest.raises(InputError, match="must have more than 10 ports, but the network has 10"):
        Device.of(network, feeds=2, layers=2, atoms=2)
    with pytest.raises(InputError, match="`atoms` must be at least 1, but are 0"):
        Device.of(network, feeds=2, layers=2, atoms=0)
