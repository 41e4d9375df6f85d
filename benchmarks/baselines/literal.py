"""Loss and gradient as the paper's eq. (19)-(21) are printed, input port by input port."""

import numpy as np

from .panels import Panels


def nmse_and_gradient(panels: Panels, phases_rad: np.ndarray) -> tuple[float, np.ndarray]:
    """NMSE at the best scale and its gradient, one sum a layer over the ports n."""
    layers, ports = panels.layers, panels.target.shape[1]
    transmission = np.exp(1j * phases_rad)
    q = _arriving(panels, transmission)
    response = np.stack([panels.last @ (transmission[-1] * q[-1][n]) for n in range(ports)], axis=1)
    beta = np.vdot(response, panels.target) / np.vdot(response, response).real
    error = beta * response - panels.target
    gradient = np.zeros(phases_rad.shape)
    carried = panels.last
    for layer in reversed(range(layers)):
        for n in range(ports):
            P = carried * q[layer][n]  # W_L Y_L … W_l diag(q_{l,n}), eq. (20)
            pulled = np.conj(beta) * transmission[layer].conj() * (P.conj().T @ error[:, n])
            gradient[layer] += 2 * pulled.imag
        if layer:
            carried = (carried * transmission[layer]) @ panels.inner
    return np.linalg.norm(error) ** 2 / panels.energy, gradient / panels.energy


def _arriving(panels: Panels, transmission: np.ndarray) -> list[list[np.ndarray]]:
    """q_{l,n} = W_{l-1} Y_{l-1} … w_{0,n} for every layer and port, eq. (21)."""
    q = [list(panels.first.T)]
    for layer in transmission[:-1]:
        q.append([panels.inner @ (layer * one) for one in q[-1]])
    return q
