"""Which directions energies confuse: pairs far apart whose detectors light up alike.

The Cramér-Rao bound is local and does not see them; the likelihood does, as a second hill.

Source: ours.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

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
    """Largest likeness of two directions a main lobe or more apart.

    Likeness is the correlation of the square roots of their energies: 1 where no measurement
    tells them apart but by power.
    """
    return float(jnp.max(likeness(model, grid_directions(model))))


def likeness(model: DirectionModel, grid_rad: Float[Array, "grid 2"]) -> Float[Array, "grid grid"]:
    """Correlation of the amplitudes of every two directions; 0 within a main lobe."""
    amplitudes = jnp.sqrt(model.energies(grid_rad)).reshape(len(grid_rad), -1)
    unit = amplitudes / jnp.linalg.norm(amplitudes, axis=1, keepdims=True)
    lobe = 2 * np.pi / np.array([model.columns, model.rows])
    apart = wrapped_rad(grid_rad[:, None] - grid_rad)
    far = jnp.any(jnp.abs(apart) >= lobe, axis=-1)
    return jnp.where(far, unit @ unit.T, 0)
