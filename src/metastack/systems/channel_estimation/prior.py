"""What is known of a channel before any pilot: how strong its parts are, and how they go together.

Behind a covariance R = S Sᴴ stands h = S x, x of independent CN(0, 1). R may be singular, as it is
for atoms closer than half a wavelength; nothing here inverts it.

Source: E. Björnson and L. Sanguinetti, Rayleigh fading modeling and channel hardening for
reconfigurable intelligent surfaces, 2021, for isotropic scattering; Ö. Demir, E. Björnson and L.
Sanguinetti, Channel modeling and channel estimation for holographic massive MIMO with planar
arrays, 2022, for its dominant subspace.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from ..._types import AnyArray
from ...errors import require
from ...precision import in_float64
from ..channels import sinc_correlation


class ChannelPrior(eqx.Module):
    """A channel of mean zero; `root`: S, the Hermitian square root of its covariance."""

    root: Complex[AnyArray, "atoms atoms"]

    @classmethod
    def isotropic(cls, positions_m: Float[AnyArray, "atoms 3"], wavelength_m: float) -> Self:
        """Waves from everywhere before the stack, of unit power on every atom."""
        return cls.of_covariance(sinc_correlation(positions_m, wavelength_m))

    @classmethod
    def flat(cls, atoms: int) -> Self:
        """Nothing is known but the power, one on every atom."""
        return cls(np.eye(atoms, dtype=complex))

    @classmethod
    def of_draws(cls, channels: Complex[AnyArray, "draws atoms"]) -> Self:
        """What draws of any model of a channel, or measured channels, have in common."""
        h = np.asarray(channels, complex)
        return cls.of_covariance(h.T @ h.conj() / len(h))

    @classmethod
    def of_covariance(cls, covariance: Complex[AnyArray, "a a"] | Float[AnyArray, "a a"]) -> Self:
        """From the covariance itself.

        Raises:
            InputError: a matrix that is no covariance: not finite, not Hermitian, with a negative
                eigenvalue, or all zero.
        """
        R = np.asarray(covariance, complex)
        require(bool(np.isfinite(R).all()), "A covariance must be finite, but has NaN or infinity.")
        require(np.allclose(R, R.conj().T), "A covariance must be Hermitian, but is not.")
        values, vectors = np.linalg.eigh(R)
        require(
            values[-1] > 0 and values[0] > -1e-9 * values[-1] * len(values),
            "A covariance must have no negative eigenvalue and one that is positive, but they go "
            f"from {values[0]:.3g} to {values[-1]:.3g}.",
        )
        return cls((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.conj().T)

    @property
    def covariance(self) -> Complex[np.ndarray, "atoms atoms"]:
        """R."""
        root = np.asarray(self.root)
        return root @ root.conj().T

    @property
    def power(self) -> float:
        """Mean of ‖h‖²: the squared error of knowing nothing more."""
        return float(np.sum(np.abs(np.asarray(self.root)) ** 2))

    def subspace(self, rank: int) -> Complex[np.ndarray, "atoms rank"]:
        """Orthonormal columns: where most of the power is, in so many dimensions.

        Raises:
            InputError: a rank that is not from one to the number of atoms.
        """
        atoms = len(self.root)
        require(1 <= rank <= atoms, f"A rank must be from 1 to {atoms}, the atoms, but is {rank}.")
        _, vectors = np.linalg.eigh(self.covariance)
        return vectors[:, : -rank - 1 : -1]

    @in_float64
    def draw(self, key: Key[Array, ""], draws: int) -> Complex[Array, "draws atoms"]:
        """So many independent channels."""
        parts = jax.random.normal(key, (2, draws, len(self.root))) / jnp.sqrt(2)
        return jax.lax.complex(parts[0], parts[1]) @ jnp.asarray(self.root).T
