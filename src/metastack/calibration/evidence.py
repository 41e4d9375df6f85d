"""The evidence for a model: how probable it makes the pilots, all its unknowns integrated out.

About what was fitted the pilots are taken to be linear in the unknowns v and in the gains g, so
that the integral is that of a Gaussian. Unknowns have the prior that they were fitted with. Gains
have a common value and differ from it, C = s² (1 1ᴴ + t² I); how much they differ is not known, and
every size t is as likely as another.

Source: D. MacKay, Neural Computation 4 (1992) 415.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from ..errors import require
from ..precision import in_float64
from .gains import Gains
from .geometric import Calibration
from .pilot_model import linearised

# Gains differ from each other by between a thousandth and all of themselves.
_SPREADS = np.logspace(-3, 0, 13)
# Noise that leaves nothing but rounding tells of no model's merit.
_ROUNDING_NMSE = 1e-20


@in_float64
def log_evidence(calibration: Calibration) -> float:
    """Natural logarithm of the evidence for the model that was fitted, of noise as known or found.

    Raises:
        InputError: an unknown of which nothing is known beforehand.
    """
    require(
        bool((calibration.fit.precision > 0).all()),
        "Every unknown must have a tolerance to weigh the evidence, but one has none.",
    )
    expansion = _Expansion.of(calibration)
    each = [expansion.log_evidence(spread**2) for spread in _SPREADS]
    return float(np.logaddexp.reduce(each) - np.log(len(each)))


@dataclass(frozen=True, eq=False)
class _Expansion:
    """||r - J δv - F δg||² about what was fitted; no residual r is left along gains, Fᴴ r = 0."""

    responses: int
    noise_variance: float
    residual_energy: float
    values: Float[np.ndarray, " unknowns"]
    precision: Float[np.ndarray, " unknowns"]
    slope: Float[np.ndarray, " unknowns"]
    """Re Jᴴ r."""
    matrix: Float[np.ndarray, "unknowns unknowns"]
    """Re Jᴴ J."""
    gain: Complex[np.ndarray, " gains"]
    gain_power: Float[np.ndarray, " gains"]
    """Fᴴ F, which is diagonal: no response has two gains."""
    mixed: Complex[np.ndarray, "gains unknowns"]
    """Fᴴ J."""

    @classmethod
    def of(cls, calibration: Calibration) -> "_Expansion":
        fit, received = calibration.fit, calibration.pilots.received
        f, slopes = linearised(calibration.model, jnp.asarray(fit.values))
        f, J = np.asarray(f), fit.gain[..., None] * np.asarray(slopes)
        at = J.reshape(f.size, -1)
        gains, number = calibration.gains, calibration.gains.count(f.shape)
        mixed = _totals(gains, np.moveaxis(np.conj(f)[..., None] * J, -1, 0))
        return cls(
            f.size,
            max(fit.noise_variance, _ROUNDING_NMSE * float(np.mean(np.abs(received) ** 2))),
            float(np.sum(np.abs(fit.residual) ** 2)),
            fit.values,
            fit.precision,
            np.real(at.conj().T @ fit.residual.ravel()),
            np.real(at.conj().T @ at),
            fit.gain.ravel()[:number],
            np.real(_totals(gains, np.abs(f) ** 2)),
            mixed.T,
        )

    def log_evidence(self, spread: float) -> float:
        """For gains whose differences have this share of their common power."""
        noise, many = self.noise_variance, len(self.gain)
        # Without gains any size serves: nothing is multiplied by it.
        common = float(np.mean(np.abs(self.gain) ** 2)) if many else 1.0
        own, all_in_all = spread * common, (spread + many) * common
        # σ² C⁻¹ = u I - c 1 1ᴴ, and E - c 1 1ᴴ is what data and prior tell of gains.
        u, c = noise / own, noise * common / (own * all_in_all)
        E = self.gain_power + u
        left = 1 - c * np.sum(1 / E)

        def solved(each: Complex[np.ndarray, "gains any"]) -> Complex[np.ndarray, "gains any"]:
            share = each / E[:, None]
            return share + (c / left) * share.sum(axis=0) / E[:, None]

        pull = (u * self.gain - c * self.gain.sum())[:, None]
        bound = np.real(np.vdot(self.gain, pull) - np.vdot(pull, solved(pull)))
        told = self.matrix - np.real(self.mixed.conj().T @ solved(self.mixed))
        slope = self.slope + np.real(self.mixed.conj().T @ solved(pull))[:, 0]
        determinant = (
            (many - 1) * np.log(own)
            + np.log(all_in_all)
            + np.sum(np.log(E))
            + np.log(left)
            + (self.responses - many) * np.log(noise)
        )
        energy = (self.residual_energy + bound) / noise
        return -self.responses * np.log(np.pi) - determinant - energy + self._poses(told, slope)

    def _poses(
        self, told: Float[np.ndarray, "unknowns unknowns"], slope: Float[np.ndarray, " unknowns"]
    ) -> float:
        """What integrating over the unknowns adds, with what is told of them and where to."""
        scale = 1 / np.sqrt(self.precision)
        pull = 2 / self.noise_variance * slope * scale - self.values / scale
        curvature = np.eye(len(scale)) + 2 / self.noise_variance * told * np.outer(scale, scale)
        gained = pull @ np.linalg.solve(curvature, pull) - self.precision @ self.values**2
        return (gained - np.linalg.slogdet(curvature)[1]) / 2


def _totals(gains: Gains, each: np.ndarray) -> Complex[np.ndarray, "*more gains"]:
    """Complex sums over the responses that share a gain."""
    real, imaginary = jnp.asarray(np.real(each)), jnp.asarray(np.imag(each))
    return np.asarray(gains.totals(real)) + 1j * np.asarray(gains.totals(imaginary))
