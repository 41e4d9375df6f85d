"""Directions from energies in NumPy and SciPy, one run or one direction at a time.

One source of unknown steady power, known noise: the same model and the same laws as ours.
"""

import numpy as np
from scipy import optimize, special

from metastack.doa import DirectionModel

# Nodes of the table of Fisher informations, from far below the noise to 80 dB above it.
SNRS = np.concatenate([[0.0], np.logspace(-5, 8, 1000)])


class Device:
    """Weights as one matrix, noise variance, and what a wave does from element to element."""

    def __init__(self, model: DirectionModel, noise_variance: float) -> None:
        self.weights = np.asarray(model.weights).reshape(-1, model.elements)
        self.noise_variance = noise_variance
        n_y, n_x = np.divmod(np.arange(model.elements), model.columns)
        self.advances = 1j * np.stack([n_x, n_y])

    def snr_and_slopes(self, psi_rad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """λ of every energy for a unit source, and its derivatives."""
        a = np.exp(psi_rad @ self.advances)
        field, *slopes = (self.weights @ np.stack([a, *(self.advances * a)], axis=1)).T
        snr = np.abs(field) ** 2 / self.noise_variance
        return snr, 2 * (field.conj() * np.stack(slopes)).real / self.noise_variance


def most_likely(device: Device, energies: np.ndarray, start_rad: np.ndarray) -> np.ndarray:
    """ψ_x and ψ_y by SciPy's BFGS with the analytic gradient, from one start."""
    x = energies.ravel() / device.noise_variance
    template, _ = device.snr_and_slopes(start_rad)
    power = np.maximum((x - 1) @ template / (template @ template), 1e-6)

    def evaluate(unknowns: np.ndarray) -> tuple[float, np.ndarray]:
        snr, slopes = device.snr_and_slopes(unknowns[:2])
        gain = np.exp(unknowns[2])
        snr, slopes = gain * snr, gain * slopes
        y = 2 * np.sqrt(x * snr)
        i0 = special.i0e(y)
        score = 2 * x * special.i1e(y) / np.where(y > 0, y * i0, 1) - 1
        value = np.log(i0) - (np.sqrt(x) - np.sqrt(snr)) ** 2
        return -value.sum(), -np.concatenate([slopes @ score, [snr @ score]])

    first = np.array([*start_rad, np.log(power)])
    # The gradient is analytic; 1e-3 nats a radian is far below what moves an estimate.
    found = optimize.minimize(evaluate, first, jac=True, method="BFGS", options={"gtol": 1e-3})
    return found.x[:2]


def informations() -> np.ndarray:
    """Fisher information of λ at `SNRS`, by the trapezoidal rule over the amplitude."""
    centre = np.sqrt(SNRS)[:, None]
    amplitude = np.maximum(centre + np.linspace(-8, 8, 2001), 1e-9)
    y = 2 * amplitude * np.maximum(centre, 1e-9)
    density = 2 * amplitude * np.exp(-((amplitude - centre) ** 2)) * special.i0e(y)
    score = 2 * amplitude**2 * special.i1e(y) / (y * special.i0e(y)) - 1
    return np.trapezoid(density * score**2, amplitude, axis=1)


def bound(device: Device, psi_rad: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Cramér-Rao bound of (ψ_x, ψ_y) beside an unknown power, interpolated in the table."""
    snr, slopes = device.snr_and_slopes(psi_rad)
    seen = np.concatenate([slopes, snr[None]])
    information = seen * np.interp(snr, SNRS, table) @ seen.T
    return np.linalg.inv(information)[:2, :2]
