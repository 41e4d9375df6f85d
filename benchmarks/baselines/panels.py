"""Loss and analytic gradient in NumPy, in panel form: one N x M panel a layer each way.

Source: DOA paper, eq. (14), (17), (19)-(21), (24), with the sums over n and the products P q
gathered into two recursions of matrix products.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from metastack import Stack


@dataclass(frozen=True)
class Panels:
    """The hops of an unperturbed uniform stack as matrices, and the target."""

    first: np.ndarray
    """Input ports to the first layer, atoms x inputs."""
    inner: np.ndarray
    """One layer to the next, atoms x atoms."""
    last: np.ndarray
    """Last layer to the receivers, receivers x atoms."""
    target: np.ndarray
    layers: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.layers, len(self.inner)

    @cached_property
    def energy(self) -> float:
        return float(np.vdot(self.target, self.target).real)


def panels_of(stack: Stack, target: np.ndarray) -> Panels:
    """Build the matrices from the four-tuple with NumPy alone, eq. (7)."""
    gap_m = float(stack.gaps_m[0])
    ports, atoms = _grid(stack.input_array), _grid(stack.layer_array)
    area_m2 = stack.layer_array.spacing_x_m * stack.layer_array.spacing_y_m

    def hop(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        offsets = end[:, None] - start[None]
        r = np.sqrt(np.sum(offsets**2, axis=-1) + gap_m**2)
        wave = np.exp(2j * np.pi * r / stack.wavelength_m)
        return area_m2 * gap_m / r**2 * (1 / (2 * np.pi * r) - 1j / stack.wavelength_m) * wave

    return Panels(hop(ports, atoms), hop(atoms, atoms), hop(atoms, ports), target, stack.layers)


def _grid(array) -> np.ndarray:
    row, column = np.divmod(np.arange(array.size), array.columns)
    x = (column - (array.columns - 1) / 2) * array.spacing_x_m
    y = (row - (array.rows - 1) / 2) * array.spacing_y_m
    return np.stack([x, y], axis=-1)


def nmse_and_gradient(panels: Panels, phases_rad: np.ndarray) -> tuple[float, np.ndarray]:
    """NMSE at the best scale and its gradient: one panel recursion forward, one backward."""
    transmission = np.exp(1j * phases_rad)
    leaving = [panels.first.T * transmission[0]]
    for layer in transmission[1:]:
        leaving.append((leaving[-1] @ panels.inner.T) * layer)
    response = panels.last @ leaving[-1].T
    beta = np.vdot(response, panels.target) / np.vdot(response, response).real
    error = beta * response - panels.target
    weights = (beta * error.conj()).T @ panels.last
    gradient = np.empty(phases_rad.shape)
    for layer in reversed(range(len(phases_rad))):
        gradient[layer] = np.sum(leaving[layer] * weights, axis=0).imag
        if layer:
            weights = (weights * transmission[layer]) @ panels.inner
    return np.vdot(error, error).real / panels.energy, gradient * (-2 / panels.energy)
