"""Straight thin wires, each fed at its centre: how much voltage one's current makes in another.

The current of each is a sine that vanishes at both ends. Its field is known in closed form, as
three spherical waves from both ends and the centre; the voltage is the field along the other wire,
weighted by the other's current (induced electromotive force). Each of the three integrals is taken
in the variable u, t = d sinh u, t along the wire from the foot of the perpendicular of length d:
what is left to integrate is smooth however near the wires are, down to a wire's own surface.

Good for wires much thinner than long, up to about half a wavelength, in free space. Against the
method of moments: see docs/multiport.md.

Source: S. Orfanidis, Electromagnetic Waves and Antennas, sections 25.3 and 25.4; C. Balanis,
Antenna Theory, section 8.6. Impedances are in our time convention, e^{-jωt}: those of books are
their conjugates.
"""

from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray, Number
from ..errors import require
from ..precision import in_float64

FREE_SPACE_OHM = 376.730313668
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
# Squares of distances in wavelengths that are told from none: of points of one wire from ends of
# another, and from its line, on which the field has no part across.
_NOTHING, _ON_THE_LINE = 1e-24, 1e-10


class ThinWires(eqx.Module):
    """Centre-fed wires: where they are, where they point, how long and how thick they are.

    Make them with `ThinWires.checked`.
    """

    centre_m: Float[AnyArray, "wires 3"]
    direction: Float[AnyArray, "wires 3"]
    length_m: Number
    radius_m: Number

    @classmethod
    def checked(
        cls,
        centre_m: Float[AnyArray, "wires 3"],
        direction: Float[AnyArray, "wires 3"],
        length_m: float,
        radius_m: float,
    ) -> "ThinWires":
        """Wires that can be; directions are made unit vectors.

        Raises:
            InputError: shapes that are not wires x 3, values that are not finite, a direction of
                no length, a length or radius that is not positive, wires that are not thin.
        """
        centre, towards = np.asarray(centre_m, float), np.asarray(direction, float)
        for name, value in (("centre_m", centre), ("direction", towards)):
            require(
                value.shape == (len(centre), 3) and bool(np.isfinite(value).all()),
                f"`{name}` must be wires x 3 finite numbers, but has shape {value.shape}.",
            )
        norm = np.linalg.norm(towards, axis=1, keepdims=True)
        require(bool((norm > 0).all()), "`direction` must not be zero, but one is.")
        for name, value in (("length_m", length_m), ("radius_m", radius_m)):
            require(bool(np.isfinite(value) and value > 0), f"`{name}` must be positive: {value}.")
        require(
            10 * radius_m <= length_m,
            f"Wires must be at least ten radii long to be thin, but {length_m:g} m are "
            f"{length_m / radius_m:.3g} radii.",
        )
        return cls(centre, towards / norm, float(length_m), float(radius_m))


@in_float64
@eqx.filter_jit
def impedance_matrix(wires: ThinWires, wavelength_m: Number) -> Complex[Array, "wires wires"]:
    """Impedances between the terminals of all wires, in ohm, time e^{-jωt}. Differentiable.

    That of a wire with itself is between its axis and its surface.
    """
    centre, towards = jnp.asarray(wires.centre_m) / wavelength_m, jnp.asarray(wires.direction)
    length, radius = wires.length_m / wavelength_m, wires.radius_m / wavelength_m

    def row(to: tuple[Array, Array]) -> Complex[Array, " wires"]:
        every = jax.vmap(lambda c, u: _mutual((c, u), to, length))
        return every(centre, towards)

    Z = jax.lax.map(row, (centre, towards))
    along = _parallel(radius, jnp.zeros(()), length)
    return jnp.where(jnp.eye(len(centre), dtype=bool), along, Z)


@in_float64
@eqx.filter_jit
def mutual_impedance(
    distance_m: Number, offset_m: Number, length_m: Number, wavelength_m: Number
) -> Complex[Array, ""]:
    """Impedance of two equal parallel wires, in ohm, time e^{-jωt}.

    `distance_m`: between their lines, or the radius, for a wire with itself; `offset_m`: between
    their centres along them.
    """
    d, h, length = (jnp.asarray(each) / wavelength_m for each in (distance_m, offset_m, length_m))
    return _parallel(d, h, length)


_Wire: TypeAlias = tuple[Float[Array, "3"], Float[Array, "3"]]


def _parallel(distance: Number, offset: Number, length: Number) -> Complex[Array, ""]:
    """Lengths in wavelengths."""
    start, towards = jnp.zeros(3), jnp.array([0.0, 0.0, 1.0])
    end = jnp.stack([jnp.asarray(distance), jnp.zeros(()), jnp.asarray(offset)])
    return _mutual((start, towards), (end, towards), length)


def _mutual(start: _Wire, end: _Wire, length: Number) -> Complex[Array, ""]:
    """Of two equal wires, centre and direction each; lengths in wavelengths.

    [E along the other wire] = Σ_m c_m G(R_m) [cos α - (z - m) ρ·u / ρ²], of waves from the points
    m = l, -l and 0 of the first, c_m = 1, 1, -2 cos kl.
    """
    half, k = jnp.asarray(length) / 2, 2 * jnp.pi
    (here, along), (there, towards) = start, end
    cos_alpha = along @ towards
    across = towards - cos_alpha * along

    def from_point(place: Array, strength: Array) -> Complex[Array, ""]:
        to_point = here + place * along - there
        foot = to_point @ towards
        d = jnp.sqrt(jnp.sum((to_point - foot * towards) ** 2) + _NOTHING)
        total = jnp.zeros((), complex)
        for low, high in ((-half, 0.0), (0.0, half)):
            ends = jnp.arcsinh(jnp.stack([low - foot, high - foot]) / d)
            u = ends.mean() + (ends[1] - ends[0]) / 2 * _NODES
            s = foot + d * jnp.sinh(u)
            r = there + s[:, None] * towards - here
            z = r @ along
            rho2 = jnp.sum((r - z[:, None] * along) ** 2, axis=1)
            is_off = rho2 > _ON_THE_LINE
            away = jnp.where(is_off, r @ across, 0) / jnp.where(is_off, rho2, 1)
            pull = cos_alpha - (z - place) * away
            wave = jnp.exp(1j * k * d * jnp.cosh(u))
            current = jnp.sin(k * (half - jnp.abs(s)))
            total += (ends[1] - ends[0]) / 2 * jnp.sum(_WEIGHTS * wave * current * pull)
        return strength * total

    places = jnp.stack([half, -half, 0 * half])
    strengths = jnp.stack([jnp.ones(()), jnp.ones(()), -2 * jnp.cos(k * half)])
    field = jax.vmap(from_point)(places, strengths).sum()
    return -1j * FREE_SPACE_OHM / (4 * jnp.pi * jnp.sin(k * half) ** 2) * field
