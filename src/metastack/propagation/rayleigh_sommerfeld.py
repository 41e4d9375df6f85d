"""Rayleigh-Sommerfeld propagation between two planes of meta-atoms.

Every atom re-radiates as a Huygens source into the half space beyond it. Exact for a scalar
field on a fine grid; blind to coupling between atoms. Planes that are near create power: those of
λ/4 cells below a gap of about λ/3, those of λ/2 cells, too coarse for it, below about λ.

Source: J. Goodman, Introduction to Fourier Optics; DOA paper, eq. (7)-(11).
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .._types import Number
from ..geometry import distances
from .model import Nearest


class RayleighSommerfeld(eqx.Module):
    """The interlayer model of the DOA paper, with the area of one radiating element.

    `element_area_m2` scales the response and so the insertion loss, not the shape of the fit.
    """

    element_area_m2: Number

    @property
    def follows_geometry(self) -> bool:
        """Only distances and angles count."""
        return True

    def nearest(self, wavelength_m: Number) -> Nearest:
        """Half a wavelength."""
        return Nearest(wavelength_m / 2, "atoms couple below half a wavelength, which it neglects")

    def __call__(
        self,
        from_m: Float[Array, "from 3"],
        to_m: Float[Array, "to 3"],
        *,
        normal: Float[Array, "3"],
        wavelength_m: Number,
    ) -> Complex[Array, "to from"]:
        """Field at each receiving point per unit field on each radiating atom, eq. (7).

        `from_m`, `to_m`: positions in metres, the wave travelling towards +z.
        `normal`: unit normal of the radiating plane.
        """
        r, cos_chi = distances(from_m, to_m, normal)
        wavelength_m = jnp.asarray(wavelength_m)
        near_and_far = 1 / (2 * jnp.pi * r) - 1j / wavelength_m
        wave = jnp.exp(2j * jnp.pi * r / wavelength_m)
        return jnp.asarray(self.element_area_m2) * cos_chi / r * near_and_far * wave
