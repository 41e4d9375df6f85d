"""Wires as an interlayer model: what one dipole's current induces in another across a gap.

w = Z_mn / (2 Re Z_nn): the wave out of a matched wire per unit wave into another, both tuned to
their own resistance, no other wire carrying a current. Far away it is the radar equation with the
true pattern of a wire; near it has reactive fields and all. That is one way, as a product of
matrices wants it: what is thrown back, and what neighbours carry on, belongs to a `Device`, whose
scattering no product can hold.

All wires stand along y, whatever the pose of their plane: a layer that is turned in its plane by
1° moves them, and their lean, of which the cosine counts, is left out. Wires of one length, which
may be up to about half a wavelength. From .3 λ on, entries are those of the method of moments to
.11 % for wires of .1 λ and to 2.1 % for .25 λ, but for a common scale.

Source: C. Balanis, Antenna Theory, section 8.6 (induced EMF); calibration paper, [7].
"""

from math import sqrt
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .._types import Number
from ..propagation import Nearest
from .thin_wire import mutual_impedance

_LONGEST, _FILLING, _LENGTH_OVER_RADIUS = 0.46, 0.92, 460.0
_HOLDS_FROM = 0.3


class WireDipoles(eqx.Module):
    """Links of equal thin wires along y, fed at their centres and matched."""

    length_m: Number
    radius_m: Number

    @classmethod
    def of_area(cls, element_area_m2: float, wavelength_m: float) -> Self:
        """Resonant wires, of .46 λ, or as long as they fit into a square of this area."""
        length_m = min(_LONGEST * wavelength_m, _FILLING * sqrt(element_area_m2))
        return cls(length_m, length_m / _LENGTH_OVER_RADIUS)

    @property
    def follows_geometry(self) -> bool:
        """Only distances across and along the wires count."""
        return True

    def nearest(self, wavelength_m: Number) -> Nearest:
        """As far as it was compared with the method of moments."""
        return Nearest(
            _HOLDS_FROM * jnp.asarray(wavelength_m), "nearer wires change each other's currents"
        )

    def __call__(
        self,
        from_m: Float[Array, "from 3"],
        to_m: Float[Array, "to 3"],
        *,
        normal: Float[Array, "3"],
        wavelength_m: Number,
    ) -> Complex[Array, "to from"]:
        """Transmission from each matched wire to each; `normal` has no say, as wires have none."""
        across = jnp.array([1.0, 0.0, 1.0])

        def between(start: Float[Array, "3"], end: Float[Array, "3"]) -> Complex[Array, ""]:
            apart = end - start
            distance_m = jnp.sqrt(jnp.sum(across * apart**2))
            return mutual_impedance(distance_m, apart[1], self.length_m, wavelength_m)

        own = mutual_impedance(self.radius_m, 0.0, self.length_m, wavelength_m)
        # Row by row: every entry is an integral.
        Z = jax.lax.map(lambda end: jax.vmap(lambda start: between(start, end))(from_m), to_m)
        return Z / (2 * own.real)
