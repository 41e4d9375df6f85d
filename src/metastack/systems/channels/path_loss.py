"""How much of the power arrives: free space up to a reference distance, an exponent beyond it.

Source: T. Rappaport, Wireless Communications, close-in reference model; J. An et al., Stacked
intelligent metasurfaces for efficient holographic MIMO communications in 6G, 2023.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._types import AnyArray
from ...errors import require


class PathLoss(eqx.Module):
    """Power gain (λ/(4π d0))² (d0/d)^exponent between isotropic antennas a distance d apart.

    Nearer than d0 = `reference_m` the exponent is that of free space, 2.

    Raises:
        InputError: an exponent below zero, a reference distance that is not positive.
    """

    exponent: float = 2.0
    reference_m: float = 1.0

    def __check_init__(self) -> None:
        """Refuse what cannot be."""
        require(
            np.isfinite(self.exponent) and self.exponent >= 0,
            f"A path loss exponent must not be negative, but is {self.exponent}.",
        )
        require(
            np.isfinite(self.reference_m) and self.reference_m > 0,
            f"`reference_m` must be positive, but is {self.reference_m}.",
        )

    def power_gain(
        self, distance_m: Float[AnyArray, "*links"], wavelength_m: float
    ) -> Float[Array, "*links"]:
        """Share of the transmitted power that arrives, linear."""
        at_reference = (wavelength_m / (4 * jnp.pi * self.reference_m)) ** 2
        ratio = self.reference_m / jnp.asarray(distance_m)
        return at_reference * ratio ** jnp.where(ratio > 1, 2.0, self.exponent)
