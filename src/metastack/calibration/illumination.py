"""How users light a stack while it is measured: whose waves meet which plane.

A wave is counted relative to its own value at the origin, the centre of the input layer as
designed; what it is there belongs to the unknown gain.

Source: calibration paper, section III-A (a user far beyond the stack); plane waves, waves through
the input layer and its ports are ours.
"""

from typing import Protocol, Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray, Number
from ..errors import require
from ..geometry import Plane
from ..propagation import hop_matrix
from ..stack import Stack


class Waves(Protocol):
    """Waves of several users, each known by a few coordinates."""

    coordinates: Float[AnyArray, "users _"]

    def __call__(
        self, points_m: Float[Array, "points 3"], wavelength_m: Number
    ) -> Complex[Array, "points users"]:
        """Field of every user at every point."""
        ...


class SphericalWaves(eqx.Module):
    """Users nearby: `coordinates` are their positions in the frame of the stack, metres."""

    coordinates: Float[AnyArray, "users 3"]

    @classmethod
    def from_directions(
        cls,
        azimuth_rad: Float[AnyArray, " users"],
        elevation_rad: Float[AnyArray, " users"],
        distance_m: Float[AnyArray, " users"],
    ) -> Self:
        """Users seen from the stack: azimuth from its axis towards x, elevation towards y.

        Raises:
            InputError: a distance that is not positive, or a direction behind the stack.
        """
        azimuth, elevation, distance = map(np.asarray, (azimuth_rad, elevation_rad, distance_m))
        require(
            bool(np.isfinite(distance).all() and (distance > 0).all()),
            f"`distance_m` of a user must be positive, but is {distance}.",
        )
        across = np.cos(elevation) * np.sin(azimuth), np.sin(elevation)
        ahead = np.cos(elevation) * np.cos(azimuth)
        require(
            bool((ahead > 0).all()),
            "A user must be in front of the stack, azimuth and elevation within ±90°, but are "
            f"{np.degrees(azimuth)}° and {np.degrees(elevation)}°.",
        )
        return cls(distance[:, None] * np.stack([*across, -ahead], axis=-1))

    def __call__(
        self, points_m: Float[Array, "points 3"], wavelength_m: Number
    ) -> Complex[Array, "points users"]:
        """Field of every user at every point: e^{jkr}/r over that at the origin."""
        positions_m = jnp.asarray(self.coordinates)
        at_origin_m = jnp.linalg.norm(positions_m, axis=-1)
        r = jnp.linalg.norm(points_m[:, None] - positions_m, axis=-1)
        turns = (r - at_origin_m) / jnp.asarray(wavelength_m)
        return at_origin_m / r * jnp.exp(2j * jnp.pi * turns)


class PlaneWaves(eqx.Module):
    """Users far away: `coordinates` are the direction cosines, x and y, of the way they travel."""

    coordinates: Float[AnyArray, "users 2"]

    @classmethod
    def from_angles(
        cls, theta_rad: Float[AnyArray, " users"], phi_rad: Float[AnyArray, " users"]
    ) -> Self:
        """Waves that travel at `theta_rad` to the axis, towards azimuth `phi_rad` from x.

        Raises:
            InputError: a wave that does not travel through the stack.
        """
        theta, phi = np.asarray(theta_rad), np.asarray(phi_rad)
        require(
            bool(((theta >= 0) & (theta < np.pi / 2)).all()),
            f"`theta` of a wave must be from 0 to 90°, but is {np.degrees(theta)}°.",
        )
        return cls(np.sin(theta)[:, None] * np.stack([np.cos(phi), np.sin(phi)], axis=-1))

    def __call__(
        self, points_m: Float[Array, "points 3"], wavelength_m: Number
    ) -> Complex[Array, "points users"]:
        """Field of every user at every point."""
        across = jnp.asarray(self.coordinates)
        ahead = jnp.sqrt(1 - jnp.sum(across**2, axis=-1, keepdims=True))
        path_m = points_m @ jnp.concatenate([across, ahead], axis=-1).T
        return jnp.exp(2j * jnp.pi * path_m / jnp.asarray(wavelength_m))


class Illumination(Protocol):
    """What the first programmable layer receives from every user."""

    def users(self, stack: Stack) -> int:
        """Number of users."""
        ...

    def first_link(self, stack: Stack) -> Complex[Array, "atoms users"]:
        """A_0, the field that meets the first layer's atoms from unit users."""
        ...


class OntoFirstLayer(eqx.Module):
    """Waves that meet the first programmable layer, as in the calibration paper."""

    waves: Waves

    def users(self, stack: Stack) -> int:
        """Number of users."""
        return len(self.waves.coordinates)

    def first_link(self, stack: Stack) -> Complex[Array, "atoms users"]:
        """A_0, the field that meets the first layer's atoms from unit users."""
        return self.waves(stack.planes[1].positions_m, stack.wavelength_m)


class OntoInputLayer(eqx.Module):
    """Waves that meet the input layer, all of whose elements show phase 0."""

    waves: Waves

    def users(self, stack: Stack) -> int:
        """Number of users."""
        return len(self.waves.coordinates)

    def first_link(self, stack: Stack) -> Complex[Array, "atoms users"]:
        """A_0, the field that meets the first layer's atoms from unit users."""
        inputs = stack.planes[0]
        return _first_hop(stack, inputs) @ self.waves(inputs.positions_m, stack.wavelength_m)


class FromInputPorts(eqx.Module):
    """Every element of the input layer is fed by itself: a network analyser with a switch."""

    def users(self, stack: Stack) -> int:
        """Number of users."""
        return stack.input_array.size

    def first_link(self, stack: Stack) -> Complex[Array, "atoms users"]:
        """A_0, the field that meets the first layer's atoms from unit users."""
        return _first_hop(stack, stack.planes[0])


def _first_hop(stack: Stack, inputs: Plane) -> Complex[Array, "atoms inputs"]:
    return hop_matrix(inputs, stack.planes[1], stack.model, stack.wavelength_m)
