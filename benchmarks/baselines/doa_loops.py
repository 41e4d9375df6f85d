"""Monte Carlo of the paper's peak estimator in NumPy, one trial at a time.

Directions are drawn, and errors taken, for all trials at once, outside the loops: that is cheaper,
and favours the loops.
"""

from dataclasses import dataclass

import numpy as np

from metastack.doa import Protocol
from metastack.targets import dft_2d

HALF_WIDTH_RAD = 0.7 * np.pi


@dataclass(frozen=True)
class ExactDft:
    """A stack that is the DFT, its protocol, and noise of 1/SNR on every probe."""

    protocol: Protocol
    snr_db: float

    @property
    def deviation(self) -> float:
        """Standard deviation of the real and of the imaginary part of the noise."""
        return float(np.sqrt(10 ** (-self.snr_db / 10) / 2))

    @property
    def response(self) -> np.ndarray:
        return np.asarray(dft_2d(self.protocol.columns, self.protocol.rows))

    @property
    def ramps(self) -> np.ndarray:
        return np.exp(1j * self.protocol.input_phases_rad)

    @property
    def bins_rad(self) -> np.ndarray:
        return np.stack(self.protocol.bins_rad, axis=-1).reshape(-1, 2)

    def advances(self) -> np.ndarray:
        """1j times the place of every element: (ψ_x, ψ_y) @ this is the phase of the wave."""
        n_y, n_x = np.divmod(np.arange(self.protocol.elements), self.protocol.columns)
        return 1j * np.stack([n_x, n_y])


def whole_trials(stack: ExactDft, trials: int, seed: int, dtype: type) -> np.ndarray:
    """Squared errors; all snapshots of a trial as one product, energies and maximum vectorised."""
    real = np.zeros(0, dtype).real.dtype.type
    response = stack.response * stack.ramps[:, None, :]
    H = response.reshape(-1, stack.protocol.elements).astype(dtype)
    generator, psi_rad = _directions(trials, seed)
    advances, deviation, n = stack.advances().astype(dtype), real(stack.deviation), len(H)
    psi = psi_rad.astype(real)
    strongest = np.empty(trials, int)
    noise = np.empty(2 * n, real)
    for trial in range(trials):
        generator.standard_normal(dtype=real, out=noise)
        noise *= deviation
        received = H @ np.exp(psi[trial] @ advances) + noise.view(dtype)
        strongest[trial] = (received.real**2 + received.imag**2).argmax()
    return _squared_errors(stack, strongest, psi_rad)


def snapshot_by_snapshot(stack: ExactDft, trials: int, seed: int) -> np.ndarray:
    """Squared errors; every snapshot received, detected and compared on its own, as described."""
    response, ramps, advances = stack.response, stack.ramps, stack.advances()
    probes, deviation = stack.protocol.elements, stack.deviation
    generator, psi_rad = _directions(trials, seed)
    strongest = np.empty(trials, int)
    for trial in range(trials):
        steering = np.exp(psi_rad[trial] @ advances)
        highest = -1.0
        for t, ramp in enumerate(ramps):
            real, imaginary = deviation * generator.standard_normal((2, probes))
            energies = np.abs(response @ (ramp * steering) + real + 1j * imaginary) ** 2
            probe = energies.argmax()
            if energies[probe] > highest:
                highest, strongest[trial] = energies[probe], t * probes + probe
    return _squared_errors(stack, strongest, psi_rad)


def _directions(trials: int, seed: int) -> tuple[np.random.Generator, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator, generator.uniform(-HALF_WIDTH_RAD, HALF_WIDTH_RAD, (trials, 2))


def _squared_errors(stack: ExactDft, strongest: np.ndarray, psi_rad: np.ndarray) -> np.ndarray:
    error = stack.bins_rad[strongest] - psi_rad
    return ((error + np.pi) % (2 * np.pi) - np.pi) ** 2
