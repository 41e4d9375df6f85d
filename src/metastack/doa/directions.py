"""How the directions of a Monte Carlo run are distributed.

Source: DOA paper, section VI-D.
"""

from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import require


@dataclass(frozen=True)
class PsiSquare:
    """ψ_x and ψ_y uniform in ± `half_width_rad`; .7 π for the paper's Fig. 8."""

    half_width_rad: float = 0.7 * np.pi

    def __post_init__(self) -> None:
        require(
            0 < self.half_width_rad <= np.pi,
            f"`half_width_rad` must be in (0, π], but is {self.half_width_rad}.",
        )

    def draw(self, key: Array, count: int, dtype: jnp.dtype) -> Float[Array, "count 2"]:
        """Electrical angles, radians."""
        limit = self.half_width_rad
        return jax.random.uniform(key, (count, 2), dtype, -limit, limit)


@dataclass(frozen=True)
class Hemisphere:
    """Uniform over the directions in front of the array, equal solid angles alike.

    Spacings of the input layer in wavelengths. Above half a wavelength, ψ leaves [-π, π) and
    directions fold onto each other: the electrical angles are still read without error, but
    no longer tell one direction.
    """

    spacing_x_wavelengths: float = 0.5
    spacing_y_wavelengths: float = 0.5

    def __post_init__(self) -> None:
        for name, spacing in vars(self).items():
            require(
                bool(np.isfinite(spacing)) and spacing > 0,
                f"`{name}` must be positive, but is {spacing}.",
            )

    def draw(self, key: Array, count: int, dtype: jnp.dtype) -> Float[Array, "count 2"]:
        """Electrical angles, radians, not wrapped."""
        height, azimuth = jax.random.uniform(key, (2, count), dtype)
        sine, phi = jnp.sqrt(1 - height**2), 2 * jnp.pi * azimuth
        lateral = jnp.stack([sine * jnp.cos(phi), sine * jnp.sin(phi)], axis=-1)
        spacing = np.array([self.spacing_x_wavelengths, self.spacing_y_wavelengths])
        return lateral * (2 * np.pi * spacing).astype(dtype)


Directions: TypeAlias = PsiSquare | Hemisphere
