"""Which directions energies confuse: pairs far apart whose detectors light up alike.

The Cramér-Rao bound is local and does not see them; the likelihood does, as a second hill.

Source: ours.
"""

import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array, Bool, Float

from .._types import Number
from .angles import wrapped_rad
from .model import DirectionModel

# Energies are trigonometric polynomials of degree N - 1: 2N - 1 points an axis describe them.
_POINTS_AN_ELEMENT = 4


def grid_directions(
    model: DirectionModel, per_element: int = _POINTS_AN_ELEMENT
) -> Float[Array, "grid 2"]:
    """Directions over [-π, π)², `per_element` for each column by as many for each row."""
    x, y = (
        2 * np.pi * (np.arange(count) - count // 2) / count
        for count in (per_element * model.columns, per_element * model.rows)
    )
    return jnp.asarray(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))


def worst_ambiguity(model: DirectionModel) -> float:
    """Largest likeness of two directions half a main lobe or more apart.

    Likeness is the correlation of the square roots of their energies: 1 where no measurement
    tells them apart but by power.
    """
    return float(jnp.max(likeness(model, grid_directions(model))))


def likeness(model: DirectionModel, grid_rad: Float[Array, "grid 2"]) -> Float[Array, "grid grid"]:
    """Correlation of the amplitudes of every two directions; 0 within half a main lobe."""
    amplitudes = jnp.sqrt(model.energies(grid_rad)).reshape(len(grid_rad), -1)
    unit = amplitudes / jnp.linalg.norm(amplitudes, axis=1, keepdims=True)
    apart = wrapped_rad(grid_rad[:, None] - grid_rad)
    return jnp.where(near(model, apart), 0, unit @ unit.T)


def outlier_mse(
    model: DirectionModel, psi_rad: Float[Array, "directions 2"], noise_variance: Number
) -> Float[Array, " directions"]:
    """Mean squared error, of one angle in rad², that confusion with far directions adds.

    A union bound: each far place of a grid counts with its squared error times the chance that
    its energies, at the power that suits them best, fit better than the true ones. The square
    roots of energies are taken as Gaussian of variance σ²/2, which they are but for the weakest.
    """
    rivals = grid_directions(model, 2)
    own, other = (jnp.sqrt(model.energies(psi)).reshape(len(psi), -1) for psi in (psi_rad, rivals))
    overlap = (own @ other.T) ** 2 / jnp.sum(other**2, axis=1)
    distance = jnp.maximum(jnp.sum(own**2, axis=1)[:, None] - overlap, 0)
    apart = wrapped_rad(psi_rad[:, None] - rivals)
    # Half the distance in standard deviations; the floor keeps the gradient finite.
    chance = norm.sf(jnp.sqrt(distance / (2 * noise_variance) + 1e-12))
    error = jnp.mean(apart**2, axis=-1)
    return jnp.sum(jnp.where(near(model, apart), 0, chance * error), axis=1)


def near(
    model: DirectionModel, apart_rad: Float[Array, "*batch 2"], lobes: float = 0.5
) -> Bool[Array, "*batch"]:
    """Whether directions this far apart are within some main lobes, of 2π/N, on both axes.

    The likelihood of one source has one hill within half a main lobe.
    """
    reach = lobes * 2 * np.pi / np.array([model.columns, model.rows])
    return jnp.all(jnp.abs(wrapped_rad(apart_rad)) < reach, axis=-1)
