"""Cramér-Rao bounds: the least covariance of an unbiased estimate, of ψ and of the angles.

Source: S. M. Kay, Estimation Theory (1993), sections 3.7, 3.8; the angles by DOA paper, eq. (1),
(2).
"""

import numpy as np
from jaxtyping import Float

from .._types import AnyArray, Number


def cramer_rao(information: Float[AnyArray, "*batch 2 2"]) -> Float[np.ndarray, "*batch 2 2"]:
    """Covariance bound: the inverse of the information; infinite where that is singular."""
    F = np.asarray(information, float)
    determinant = F[..., 0, 0] * F[..., 1, 1] - F[..., 0, 1] * F[..., 1, 0]
    # Below rounding of its own terms, the determinant is that of a singular matrix.
    singular = ~(determinant > 1e-14 * np.abs(F[..., 0, 0] * F[..., 1, 1]))
    adjugate = np.stack(
        [
            np.stack([F[..., 1, 1], -F[..., 0, 1]], -1),
            np.stack([-F[..., 1, 0], F[..., 0, 0]], -1),
        ],
        -2,
    )
    inverse = adjugate / np.where(singular, 1, determinant)[..., None, None]
    return np.where(singular[..., None, None], np.inf, inverse)


def angle_jacobian(
    theta_rad: Float[Number, "*#batch"],
    phi_rad: Float[Number, "*#batch"],
    *,
    spacing_x_m: float,
    spacing_y_m: float,
    wavelength_m: float,
) -> Float[np.ndarray, "*batch 2 2"]:
    """∂(ψ_x, ψ_y)/∂(ϑ, φ) at a direction.

    Singular at broadside, where the azimuth is undefined, and along the array, where ψ does not
    feel the elevation.
    """
    theta, phi = np.broadcast_arrays(np.asarray(theta_rad, float), np.asarray(phi_rad, float))
    x, y = (2 * np.pi * spacing / wavelength_m for spacing in (spacing_x_m, spacing_y_m))
    of_theta = np.cos(theta)[..., None] * np.stack([x * np.cos(phi), y * np.sin(phi)], -1)
    of_phi = np.sin(theta)[..., None] * np.stack([-x * np.sin(phi), y * np.cos(phi)], -1)
    return np.stack([of_theta, of_phi], -1)


def angle_information(
    information: Float[AnyArray, "*batch 2 2"], jacobian: Float[np.ndarray, "*batch 2 2"]
) -> Float[np.ndarray, "*batch 2 2"]:
    """Information about (ϑ, φ), 1/rad², from that about (ψ_x, ψ_y)."""
    return np.swapaxes(jacobian, -1, -2) @ np.asarray(information, float) @ jacobian
