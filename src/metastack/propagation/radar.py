"""Geometric radar: every pair of meta-atoms is a link of two antennas, by the radar equation.

w = sqrt(g G(θt) G(θr)) λ/(4πr) e^{jkr}, G(θ) = 2(q + 1) cos^q θ before an element and 0 behind it,
which radiates all its power: ∫ G dΩ = 4π. θt and θr are both taken from the radiating plane's
normal, as if planes were parallel; where they are tilted against each other by ε, the receiving
gain is off by a share of q ε tan θ.

Holds in the far field of an element. Blind to coupling between atoms and to reactive fields;
nothing keeps it passive where atoms stand close.

Source: calibration paper, section II-B; H. Friis, A note on a simple transmission formula, 1946;
the pattern as in S. Ellingson, Path loss in RIS-enabled channels, 2021, whose 2q is q here.
"""

from math import pi
from typing import Self

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .._types import Number
from ..geometry import distances
from .model import Nearest


class GeometricRadar(eqx.Module):
    """Links of equal elements with a gain pattern 2(q + 1) cos^q θ.

    `exponent`: q, 0 for equal gain everywhere in front. `gain`: factor on the power of a link, 1
    for elements without loss.
    """

    exponent: Number
    gain: Number = 1.0

    @classmethod
    def of_area(cls, element_area_m2: float, wavelength_m: float, *, gain: float = 1.0) -> Self:
        """Elements that collect on their axis what meets their area: G(0) = 4πA/λ².

        An element that radiates only forwards has a gain of 2 at least: that is what cells below
        .4 λ are given.
        """
        return cls(max(0.0, 2 * pi * element_area_m2 / wavelength_m**2 - 1), gain)

    @property
    def follows_geometry(self) -> bool:
        """Only distances and angles count."""
        return True

    def nearest(self, wavelength_m: Number) -> Nearest:
        """2D²/λ, D the diagonal of a square that collects what an element does on its axis."""
        area_m2 = self.directivity(jnp.ones(())) * wavelength_m**2 / (4 * pi)
        return Nearest(4 * area_m2 / wavelength_m, "it needs the far field of an element, 2D²/λ")

    def directivity(self, cos_theta: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """G(θ), what an element radiates over what an isotropic one would."""
        q, is_ahead = jnp.asarray(self.exponent), cos_theta > 0
        return jnp.where(is_ahead, 2 * (q + 1) * jnp.where(is_ahead, cos_theta, 1.0) ** q, 0.0)

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
        wavelength_m = jnp.asarray(wavelength_m)
        # G(θt) = G(θr), so that the root of their product is either.
        both_gains = jnp.sqrt(jnp.asarray(self.gain)) * self.directivity(cos_theta)
        wave = jnp.exp(2j * jnp.pi * r / wavelength_m)
        return both_gains * wavelength_m / (4 * jnp.pi * r) * wave
