"""Near field: spherical waves at exact distances, the receiving element's area projected.

w = sqrt(g A cosθ / (2πr²)) e^{jkr}: an atom spreads its power evenly over the half space before
it, and the next one takes what falls into the solid angle A cosθ/r² that it fills. A plane full of
atoms so receives all power, at any distance. Of a source that radiates backwards too, as in the
channel models of large arrays, half is lost: g = 1/2. θ is taken from the radiating plane's
normal, as if planes were parallel; a tilt ε between them is a share of ε tan θ of the power.

Holds from about an element's own size: its true solid angle is met within about half a decibel
from its diagonal on. Power is right and phases are those of a point source, but powers of atoms
that stand close do not add up to a passive device. Blind to coupling between atoms.

Source: H. Lu and Y. Zeng, Communicating with extremely large-scale array/surface, 2022 (projected
aperture, non-uniform spherical wave); E. Björnson and L. Sanguinetti, Power scaling laws and
near-field behaviors, 2020, integrate over the element; calibration paper, Table I, [9] and [15].
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .._types import Number
from ..geometry import distances
from .model import Nearest


class NearField(eqx.Module):
    """Spherical waves onto elements of an area; `gain`: factor on the power, 1 without loss."""

    element_area_m2: Number
    gain: Number = 1.0

    @property
    def follows_geometry(self) -> bool:
        """Only distances and angles count."""
        return True

    def nearest(self, wavelength_m: Number) -> Nearest:
        """The diagonal of a square element, or half a wavelength if that is more."""
        diagonal_m = jnp.sqrt(2 * jnp.asarray(self.element_area_m2))
        return Nearest(
            jnp.maximum(diagonal_m, jnp.asarray(wavelength_m) / 2),
            "an element is no point below its own diagonal, nor are fields free below λ/2",
        )

    def __call__(
        self,
        from_m: Float[Array, "from 3"],
        to_m: Float[Array, "to 3"],
        *,
        normal: Float[Array, "3"],
        wavelength_m: Number,
    ) -> Complex[Array, "to from"]:
        """Square root of the power that reaches each element from each, with the phase of r.

        `from_m`, `to_m`: positions in metres, the wave travelling towards +z.
        `normal`: unit normal of the radiating plane, and of the receiving one.
        """
        r, cos_theta = distances(from_m, to_m, normal)
        is_ahead = cos_theta > 0
        projected_m2 = jnp.asarray(self.element_area_m2) * jnp.where(is_ahead, cos_theta, 1.0)
        share = jnp.asarray(self.gain) * projected_m2 / (2 * jnp.pi * r**2)
        wave = jnp.exp(2j * jnp.pi * r / jnp.asarray(wavelength_m))
        return jnp.where(is_ahead, jnp.sqrt(share), 0.0) * wave
