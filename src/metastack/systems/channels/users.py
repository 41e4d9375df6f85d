"""Where users are: drawn evenly over a sector before the stack."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ...errors import require
from ...precision import in_float64


class Sector(eqx.Module):
    """A part of a ring before the stack: distances, and angles from its axis, each way.

    Evenly over the area of the ring in the horizontal plane (x, z), and evenly in elevation.

    Raises:
        InputError: distances out of order, angles outside of 0 … 90°.
    """

    nearest_m: float
    farthest_m: float
    azimuth_rad: float = float(np.pi / 3)
    elevation_rad: float = 0.0

    def __check_init__(self) -> None:
        """Refuse what cannot be."""
        require(
            0 < self.nearest_m <= self.farthest_m < np.inf,
            "Users must be between a nearest and a farthest distance, in this order and positive, "
            f"but these are {self.nearest_m} and {self.farthest_m} m.",
        )
        for name in ("azimuth_rad", "elevation_rad"):
            angle = getattr(self, name)
            require(
                0 <= angle < np.pi / 2,
                f"`{name}` must be from 0 to below π/2 (90°), but is {angle}.",
            )

    @in_float64
    def draw(self, key: Key[Array, ""], users: int) -> Float[Array, "users 3"]:
        """Positions of so many users in the frame of the stack, metres.

        Raises:
            InputError: fewer than one.
        """
        require(users >= 1, f"There must be at least one user, but there are {users}.")
        of_distance, of_azimuth, of_elevation = jax.random.split(key, 3)
        near2, far2 = self.nearest_m**2, self.farthest_m**2
        distance_m = jnp.sqrt(jax.random.uniform(of_distance, (users,), minval=near2, maxval=far2))
        azimuth = self.azimuth_rad * jax.random.uniform(of_azimuth, (users,), minval=-1)
        elevation = self.elevation_rad * jax.random.uniform(of_elevation, (users,), minval=-1)
        across = jnp.cos(elevation) * jnp.sin(azimuth), jnp.sin(elevation)
        ahead = jnp.cos(elevation) * jnp.cos(azimuth)
        return distance_m[:, None] * jnp.stack([*across, ahead], axis=-1)
