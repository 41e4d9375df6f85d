"""What pilots of a device tell of its network, to first order.

A response is H = S_RT + S_RS Γ (1 - S_SS Γ)⁻¹ S_ST. A small change of the network moves it by
B dS A: A is what waves come to at all ports for a unit wave from each feed, B what a wave that
leaves each port makes at the receivers, both with all reflections.

Source: ours; DESIGN.md, Calibration.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Complex, Float

from ...multiport import Device, Scatterers


@dataclass(frozen=True, eq=False)
class LinearPilots:
    """Responses of a device in every configuration, and how they follow its network.

    `entering`: waves that enter each port from outside; `weight`: of a wave that leaves it.
    """

    response: Complex[np.ndarray, "slots receivers feeds"]
    entering: Complex[np.ndarray, "slots ports feeds"]
    weight: Complex[np.ndarray, "slots receivers ports"]

    @classmethod
    def of(cls, device: Device, layers: Scatterers) -> "LinearPilots":
        """Those of a device as it is believed to be, in as many configurations as `layers` hold."""
        S, inner, last = np.asarray(device.scattering), device.inner, device.inner.stop
        gamma = np.asarray(layers.matrix())
        slots, ports = len(gamma), len(S)
        unknown = np.eye(gamma.shape[-1]) - S[inner, inner] @ gamma
        feeds = np.broadcast_to(S[inner, : device.feeds], (*gamma.shape[:-1], device.feeds))
        waves = gamma @ np.linalg.solve(unknown, feeds)
        entering = np.zeros((slots, ports, device.feeds), complex)
        entering[:, : device.feeds] = np.eye(device.feeds)
        entering[:, inner] = waves
        weight = np.zeros((slots, device.receivers, ports), complex)
        weight[:, :, last:] = np.eye(device.receivers)
        weight[:, :, inner] = _solved_from_right(S[last:, inner] @ gamma, unknown)
        response = S[last:, : device.feeds] + S[last:, inner] @ waves
        return cls(response, entering, weight)

    def along(self, change: Complex[np.ndarray, "ports ports"]) -> Complex[np.ndarray, " numbers"]:
        """What a change of the network does to all responses, to first order."""
        return (self.weight @ change @ self.entering).ravel()

    def slopes(
        self, deviation: Float[np.ndarray, "ports ports"]
    ) -> Complex[np.ndarray, "numbers entries"]:
        """Derivatives by the entries of a symmetric change, in units of their deviations.

        An entry stands for both of its places; entries are those of the upper triangle.
        """
        i, j = np.triu_indices(self.weight.shape[-1])
        B, A = self.weight[:, :, None, :], np.swapaxes(self.entering, 1, 2)[:, None]
        slopes = B[..., i] * A[..., j]
        slopes += B[..., j] * A[..., i]
        slopes *= deviation[i, j] * np.where(i == j, 0.5, 1.0)
        return slopes.reshape(-1, len(i))


def gram(rows: Complex[np.ndarray, "numbers entries"]) -> Complex[np.ndarray, "numbers numbers"]:
    """Rows times their own adjoint; of the Hermitian result only the lower triangle."""
    (zherk,) = scipy.linalg.get_blas_funcs(["herk"], (rows,))
    return zherk(1.0, rows.T, trans=2, lower=0).T


def symmetric(
    entries: Complex[np.ndarray, " entries"], ports: int
) -> Complex[np.ndarray, "ports ports"]:
    """The symmetric matrix whose upper triangle these are."""
    matrix = np.zeros((ports, ports), complex)
    matrix[np.triu_indices(ports)] = entries
    return matrix + matrix.T - np.diag(np.diag(matrix))


def _solved_from_right(
    rows: Complex[np.ndarray, "slots rows ports"], matrix: Complex[np.ndarray, "slots ports ports"]
) -> Complex[np.ndarray, "slots rows ports"]:
    """`rows` times the inverse of `matrix`."""
    turned = np.linalg.solve(np.swapaxes(matrix, 1, 2), np.swapaxes(rows, 1, 2))
    return np.swapaxes(turned, 1, 2)
