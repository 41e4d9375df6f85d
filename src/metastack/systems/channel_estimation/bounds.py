"""The least mean squared error of a channel estimate, E‖ĥ - h‖², whatever the estimator.

Unbiased estimates have the Cramér-Rao bound; confined to a subspace, its constrained form and what
lies outside of it; those that know the covariance have the Bayesian one. For Gaussian channels and
noise each is reached: by least squares, by least squares where there is a channel, by LMMSE.

Source: S. M. Kay, Estimation Theory (1993), sections 3.8, 4.5, 11.5; P. Stoica and B. C. Ng, On
the Cramér-Rao bound under parametric constraints, 1998.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ...precision import in_float64
from .prior import ChannelPrior


def cramer_rao(sensing: Complex[np.ndarray, "readings unknowns"], noise_variance: float) -> float:
    """σ² tr (Aᴴ A)⁻¹; infinite where the readings leave something free.

    In a subspace of orthonormal columns U the unknowns are coordinates: give A U.
    """
    readings, unknowns = sensing.shape
    if readings < unknowns:
        return np.inf
    values = np.linalg.svd(sensing, compute_uv=False)
    least = values[0] * readings * np.finfo(float).eps
    return np.inf if values[-1] <= least else float(noise_variance * np.sum(1 / values**2))


def subspace_bound(
    sensing: Complex[np.ndarray, "readings atoms"],
    basis: Complex[np.ndarray, "atoms rank"],
    prior: ChannelPrior,
    noise_variance: float,
) -> float:
    """Of estimates in the subspace of `basis`, unbiased there, for a channel that is not all in it.

    What lies outside is lost, and may disturb besides.
    """
    root = np.asarray(prior.root)
    lost = root - basis @ (basis.conj().T @ root)
    return cramer_rao(sensing @ basis, noise_variance) + float(np.sum(np.abs(lost) ** 2))


@in_float64
def bayesian_bound(
    sensing: Complex[np.ndarray, "readings atoms"], prior: ChannelPrior, noise_variance: float
) -> float:
    """Tr (R⁻¹ + Aᴴ A / σ²)⁻¹, written so that R may be singular."""
    root = jnp.asarray(prior.root) / np.sqrt(noise_variance)
    return float(noise_variance * error_left(jnp.asarray(sensing), root))


def error_left(
    sensing: Complex[Array, "readings atoms"], root: Complex[Array, "atoms atoms"]
) -> Float[Array, ""]:
    """Tr S (1 + Sᴴ Aᴴ A S)⁻¹ Sᴴ for unit noise, in JAX.

    By R = S Sᴴ the same as the bound above; what is inverted is never below one.
    """
    seen = sensing @ root
    inverse = _inverse(jnp.eye(len(root)) + jnp.conj(seen).T @ seen)
    return jnp.real(jnp.sum(jnp.conj(root) * (root @ inverse)))


@jax.custom_jvp
def _inverse(matrix: Complex[Array, "n n"]) -> Complex[Array, "n n"]:
    """Of a positive definite matrix."""
    factor = jax.scipy.linalg.cho_factor(matrix, lower=True)
    return jax.scipy.linalg.cho_solve(factor, jnp.eye(len(matrix), dtype=matrix.dtype))


@_inverse.defjvp
def _inverse_slope(
    primals: tuple[Complex[Array, "n n"]], tangents: tuple[Complex[Array, "n n"]]
) -> tuple[Complex[Array, "n n"], Complex[Array, "n n"]]:
    """D M⁻¹ = -M⁻¹ dM M⁻¹: to go back through the Cholesky factor takes ten times as long."""
    inverse = _inverse(*primals)
    return inverse, -inverse @ tangents[0] @ inverse
