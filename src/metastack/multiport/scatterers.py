"""Programmable layers as networks: each connects the ports of its two sides.

Atoms by themselves are two-ports, with loss and reflection if they have them. Layers whose atoms
are connected among each other (beyond-diagonal) have a full matrix. Both answer the same questions.

Source: ours; for beyond-diagonal surfaces H. Li, S. Shen, B. Clerckx, IEEE Trans. Wirel. Commun. 22
(2023) 2340.
"""

from typing import Protocol

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..precision import in_float64


class Layer(Protocol):
    """One programmable layer."""

    def in_front_of(
        self,
        seen: Complex[Array, "*#batch atoms atoms"],
        through: Complex[Array, "*#batch receivers atoms"],
    ) -> tuple[Complex[Array, "*#batch atoms atoms"], Complex[Array, "*#batch receivers atoms"]]:
        """What is seen through the layer, and what becomes of it at the receivers.

        `seen`: reflection of all that is behind the layer; `through`: what a wave that enters
        there makes at the receivers.
        """
        ...


class Scatterers(Protocol):
    """All programmable layers of a device."""

    @property
    def many(self) -> int:
        """Number of layers."""
        ...

    def at(self, layer: int) -> Layer:
        """One of them."""
        ...

    def matrix(self) -> Complex[Array, "*batch ports ports"]:
        """Scattering of all their ports: of each layer the side of the feeds, then the other."""
        ...


class MatchedAtoms(eqx.Module):
    """Atoms that each connect their own two ports, both ways alike, and reflect nothing."""

    transmission: Complex[AnyArray, "*batch layers atoms"]

    @classmethod
    @in_float64
    def of_phases(cls, phases_rad: Float[AnyArray, "*batch layers atoms"]) -> "MatchedAtoms":
        """Atoms without loss, e^{jξ} both ways."""
        return cls(jnp.exp(1j * jnp.asarray(phases_rad)))

    @property
    def many(self) -> int:
        """Number of layers."""
        return self.transmission.shape[-2]

    def at(self, layer: int) -> "MatchedLayer":
        """One of them."""
        return MatchedLayer(self.transmission[..., layer, :])

    @in_float64
    def matrix(self) -> Complex[Array, "*batch ports ports"]:
        """Scattering of all ports: of each layer the side of the feeds, then the other."""
        nothing = jnp.zeros_like(jnp.asarray(self.transmission))
        return TwoPortAtoms(self.transmission, nothing, nothing).matrix()


class MatchedLayer(eqx.Module):
    """One layer of atoms that reflect nothing."""

    transmission: Complex[AnyArray, "*batch atoms"]

    def in_front_of(
        self,
        seen: Complex[Array, "*#batch atoms atoms"],
        through: Complex[Array, "*#batch receivers atoms"],
    ) -> tuple[Complex[Array, "*#batch atoms atoms"], Complex[Array, "*#batch receivers atoms"]]:
        """What is seen through the layer, and what becomes of it at the receivers."""
        t = jnp.asarray(self.transmission)
        return t[..., :, None] * seen * t[..., None, :], through * t[..., None, :]


class TwoPortAtoms(eqx.Module):
    """Atoms that each connect their own two ports, both ways alike, and reflect.

    `transmission` both ways; `left_reflection` is that on the side of the feeds.
    """

    transmission: Complex[AnyArray, "*batch layers atoms"]
    left_reflection: Complex[AnyArray, "*batch layers atoms"]
    right_reflection: Complex[AnyArray, "*batch layers atoms"]

    @property
    def many(self) -> int:
        """Number of layers."""
        return self.transmission.shape[-2]

    def at(self, layer: int) -> "TwoPortLayer":
        """One of them."""
        return TwoPortLayer(
            self.transmission[..., layer, :],
            self.left_reflection[..., layer, :],
            self.right_reflection[..., layer, :],
        )

    @in_float64
    def matrix(self) -> Complex[Array, "*batch ports ports"]:
        """Scattering of all ports: of each layer the side of the feeds, then the other."""
        t, left, right = self.transmission, self.left_reflection, self.right_reflection
        own = jnp.stack([left, right], axis=-2).reshape(*t.shape[:-2], -1)
        places = jnp.arange(own.shape[-1]).reshape(self.many, 2, -1)
        near, far = places[:, 0].ravel(), places[:, 1].ravel()
        across = t.reshape(*t.shape[:-2], -1)
        matrix = own[..., None] * jnp.eye(own.shape[-1])
        return matrix.at[..., near, far].set(across).at[..., far, near].set(across)


class TwoPortLayer(eqx.Module):
    """One layer of atoms that each connect their own two ports."""

    transmission: Complex[AnyArray, "*batch atoms"]
    left_reflection: Complex[AnyArray, "*batch atoms"]
    right_reflection: Complex[AnyArray, "*batch atoms"]

    def in_front_of(
        self,
        seen: Complex[Array, "*#batch atoms atoms"],
        through: Complex[Array, "*#batch receivers atoms"],
    ) -> tuple[Complex[Array, "*#batch atoms atoms"], Complex[Array, "*#batch receivers atoms"]]:
        """What is seen through the layer, and what becomes of it at the receivers."""
        t, unit = self.transmission, jnp.eye(self.transmission.shape[-1])
        between = unit - self.right_reflection[..., :, None] * seen
        behind = jnp.linalg.solve(between, t[..., :, None] * unit)
        reflected = t[..., :, None] * (seen @ behind)
        return reflected + self.left_reflection[..., :, None] * unit, through @ behind


class ConnectedAtoms(eqx.Module):
    """Layers whose atoms are connected among each other: a full scattering matrix each.

    Ports of a layer: the side of the feeds, then the other.
    """

    scattering: Complex[AnyArray, "*batch layers ports ports"]

    @property
    def many(self) -> int:
        """Number of layers."""
        return self.scattering.shape[-3]

    def at(self, layer: int) -> "ConnectedLayer":
        """One of them."""
        return ConnectedLayer(self.scattering[..., layer, :, :])

    @in_float64
    def matrix(self) -> Complex[Array, "*batch ports ports"]:
        """Scattering of all ports: of each layer the side of the feeds, then the other."""
        S = jnp.asarray(self.scattering)
        many, ports = S.shape[-3:-1]
        blocks = S[..., :, :, None, :] * jnp.eye(many)[:, None, :, None]
        return blocks.reshape(*S.shape[:-3], many * ports, many * ports)


class ConnectedLayer(eqx.Module):
    """One layer with a full scattering matrix."""

    scattering: Complex[AnyArray, "*batch ports ports"]

    def in_front_of(
        self,
        seen: Complex[Array, "*#batch atoms atoms"],
        through: Complex[Array, "*#batch receivers atoms"],
    ) -> tuple[Complex[Array, "*#batch atoms atoms"], Complex[Array, "*#batch receivers atoms"]]:
        """What is seen through the layer, and what becomes of it at the receivers."""
        half = self.scattering.shape[-1] // 2
        S = jnp.asarray(self.scattering)
        left, to_left = S[..., :half, :half], S[..., :half, half:]
        to_right, right = S[..., half:, :half], S[..., half:, half:]
        behind = jnp.linalg.solve(jnp.eye(half) - right @ seen, to_right)
        return left + to_left @ (seen @ behind), through @ behind
