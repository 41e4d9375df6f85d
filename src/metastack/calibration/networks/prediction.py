"""What a calibrated device does in other configurations, and how surely that is known.

The posterior of a calibration, Gaussian to first order about the network that was found: what
moves has real values of unit variance, every element of the remainder a complex one, circular, of
the deviation that its strengths say. There are fewer pilots than elements, so that all is solved in
the space of pilots, as the calibration was.

Source: ours; for the dual form C. Rasmussen, C. Williams, Gaussian Processes for Machine Learning,
section 2.1.
"""

from dataclasses import dataclass
from typing import Self

import jax
import numpy as np
import scipy.linalg
from jaxtyping import Complex, Float

from ...multiport import Device, Scatterers
from .fit import NetworkCalibration
from .linear import LinearPilots, gram

# Derivatives of so many configurations are held at a time.
_AT_ONCE = 20


@dataclass(frozen=True, eq=False)
class Prediction:
    """Responses, and the standard deviation of each: the root of E|error|², without noise."""

    response: Complex[np.ndarray, "slots receivers feeds"]
    deviation: Float[np.ndarray, "slots receivers feeds"]


@dataclass(frozen=True, eq=False)
class NetworkPosterior:
    """What pilots leave unknown of a network. Make one with `NetworkPosterior.of`.

    `rows`: derivatives of the pilots by the remainder, in its deviations, 16 bytes for each of
    responses x elements; `root`: of the pilots' covariance without what moves; `along`: derivatives
    by what moves, whitened; `values_root`: of the covariance of its values.
    """

    device: Device
    deviation: Float[np.ndarray, "ports ports"]
    slopes: Complex[np.ndarray, "values ports ports"]
    rows: Complex[np.ndarray, "numbers entries"]
    root: Complex[np.ndarray, "numbers numbers"]
    along: Complex[np.ndarray, "numbers values"]
    values_root: Float[np.ndarray, "values values"]

    @classmethod
    def of(cls, found: NetworkCalibration, layers: Scatterers) -> Self:
        """That of a calibration by pilots in the configurations `layers`."""
        linear, slopes = LinearPilots.of(found.device, layers), found.slopes
        deviation = found.deviation
        rows = linear.slopes(deviation)
        K = gram(rows)
        K[np.diag_indices(len(K))] += found.strengths.noise_variance
        root = scipy.linalg.cholesky(K, lower=True, overwrite_a=True, check_finite=False)
        along = scipy.linalg.solve_triangular(root, _along(linear, slopes), lower=True)
        # E|n|² is 1 of a whitened complex number, 1/2 of each of its parts.
        precision = 2 * np.real(along.conj().T @ along) + np.eye(len(slopes))
        values_root = np.linalg.inv(np.linalg.cholesky(precision)).T
        return cls(found.device, deviation, slopes, rows, root, along, values_root)

    def predicted(self, layers: Scatterers) -> Prediction:
        """Responses in other configurations."""
        many = len(layers.matrix())
        parts = [
            self._predicted(jax.tree.map(lambda each, at=at: each[at : at + _AT_ONCE], layers))
            for at in range(0, many, _AT_ONCE)
        ]
        return Prediction(
            np.concatenate([part.response for part in parts]),
            np.concatenate([part.deviation for part in parts]),
        )

    def _predicted(self, layers: Scatterers) -> Prediction:
        linear = LinearPilots.of(self.device, layers)
        rows = linear.slopes(self.deviation)
        told = self.rows @ rows.conj().T
        told = scipy.linalg.solve_triangular(self.root, told, lower=True, overwrite_b=True)
        expected = np.sum(np.abs(rows) ** 2, axis=1)
        left = np.maximum(expected - np.sum(np.abs(told) ** 2, axis=0), 0)
        # Values that move count by what the remainder does not take back.
        beyond = _along(linear, self.slopes) - told.conj().T @ self.along
        left += np.sum(np.abs(beyond @ self.values_root) ** 2, axis=1)
        return Prediction(linear.response, np.sqrt(left).reshape(linear.response.shape))


def _along(
    linear: LinearPilots, slopes: Complex[np.ndarray, "values ports ports"]
) -> Complex[np.ndarray, "numbers values"]:
    """Derivatives of responses by what moves, a column each."""
    columns = [linear.along(slope) for slope in slopes]
    return np.stack(columns, axis=-1) if columns else np.zeros((linear.response.size, 0), complex)
