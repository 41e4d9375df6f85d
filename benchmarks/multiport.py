"""Reflections between layers, summed layer by layer, against one solution of everything.

Four layers of 100 atoms, 64 configurations: `Cascade.response` against NumPy's solution of the
800 x 800 system of each configuration, as time of one, and how far both are apart.
"""

from collections.abc import Iterator

import numpy as np

from metastack.multiport import Device, MatchedAtoms, PortNetwork

from .rows import Row, limit_row, rate_row
from .timing import alternate, clocked

LAYERS, ATOMS, PORTS, CONFIGURATIONS = 4, 100, 16, 64


def rows() -> Iterator[Row]:
    device, phases = _device(), _phases()
    cascade, layers = device.cascade(), MatchedAtoms.of_phases(phases)
    together = clocked(lambda run: np.asarray(cascade.response(layers)))
    each = alternate(
        lambda run: together(run) / CONFIGURATIONS,
        clocked(lambda run: _solved(device, phases[run % CONFIGURATIONS])),
        rounds=5,
    )
    yield rate_row("star cascade of 4 x 100 atoms: global solution", each, "global", 10)
    expected = _solved(device, phases[0])
    error = np.linalg.norm(np.asarray(cascade.response(layers))[0] - expected)
    yield limit_row("  difference, relative", error / np.linalg.norm(expected), 1e-12, "")


def _phases() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 2 * np.pi, (CONFIGURATIONS, LAYERS, ATOMS))


def _device() -> Device:
    """Ports that couple within gaps, reciprocally and without gain."""
    rng = np.random.default_rng(0)
    sizes = [PORTS + ATOMS, *[2 * ATOMS] * (LAYERS - 1), ATOMS + PORTS]
    S, at = np.zeros((sum(sizes), sum(sizes)), complex), 0
    for size in sizes:
        part = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
        part += part.T
        S[at : at + size, at : at + size] = 0.9 * part / np.linalg.norm(part, 2)
        at += size
    network = PortNetwork.measured(S, 50.0, 28e9)
    return Device.of(network, feeds=PORTS, layers=LAYERS, atoms=ATOMS)


def _solved(device: Device, phases: np.ndarray) -> np.ndarray:
    """One configuration by NumPy."""
    S, inner, last = np.asarray(device.scattering), device.inner, device.inner.stop
    gamma = np.zeros((inner.stop - inner.start,) * 2, complex)
    places = np.arange(len(gamma)).reshape(LAYERS, 2, ATOMS)
    near, far = places[:, 0].ravel(), places[:, 1].ravel()
    gamma[near, far] = gamma[far, near] = np.exp(1j * phases.ravel())
    waves = np.linalg.solve(np.eye(len(gamma)) - S[inner, inner] @ gamma, S[inner, : device.feeds])
    return S[last:, : device.feeds] + S[last:, inner] @ (gamma @ waves)
