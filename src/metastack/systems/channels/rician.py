"""A line of sight and what is scattered about it: Rician fading.

Source: D. Tse and P. Viswanath, Fundamentals of Wireless Communication, eq. (2.55).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Key

from ...errors import require
from ...precision import in_float64
from .channel import Channel


class Rician(eqx.Module):
    """`factor` parts of the power come by the line of sight, one part is scattered.

    Raises:
        InputError: a factor below zero.
    """

    line_of_sight: Channel
    scattered: Channel
    factor: float

    def __check_init__(self) -> None:
        """Refuse what cannot be."""
        require(
            np.isfinite(self.factor) and self.factor >= 0,
            f"A Rician factor must not be negative (linear, not dB), but is {self.factor}.",
        )

    @in_float64
    def draw(self, key: Key[Array, ""], draws: int) -> Complex[Array, "draws to from"]:
        """So many independent matrices."""
        of_direct, of_scattered = jax.random.split(key)
        direct = self.line_of_sight.draw(of_direct, draws)
        scattered = self.scattered.draw(of_scattered, draws)
        return (jnp.sqrt(self.factor) * direct + scattered) / jnp.sqrt(1 + self.factor)
