"""What else is unknown besides the direction: the source's power and the noise.

Whoever estimates or bounds a direction must say what is known beforehand; each answer is a type.
Powers enter as their logarithms η, one a group of detectors that share it: none if the power is
known, one for a steady source, one a snapshot for a source that fades.
"""

from typing import TypeAlias

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from .._types import Number
from ..errors import require


class KnownPower(eqx.Module):
    """The power of the source at an element of the input layer is known."""

    power: Number = 1.0

    def totals(
        self, values: Inexact[Array, "*batch snapshots probes"]
    ) -> Inexact[Array, "*batch groups"]:
        """Sums over each group; here there is none."""
        return jnp.zeros((*values.shape[:-2], 0), values.dtype)

    def gains(self, log_powers: Float[Array, " groups"], snapshots: int) -> Float[Array, "_ 1"]:
        """Power in every snapshot, as a column."""
        return jnp.full((snapshots, 1), jnp.asarray(self.power, log_powers.dtype))

    def match(
        self,
        amplitudes: Float[Array, "snapshots probes"],
        templates: Float[Array, "grid snapshots probes"],
    ) -> Float[Array, " grid"]:
        """How well measured amplitudes fit those of each direction: minus the squared distance."""
        root = jnp.sqrt(jnp.asarray(self.power, amplitudes.dtype))
        overlap = jnp.tensordot(templates, amplitudes)
        return root * (2 * overlap - root * jnp.sum(templates**2, axis=(1, 2)))


class SteadyPower(eqx.Module):
    """The power is unknown and the same in all snapshots."""

    def totals(
        self, values: Inexact[Array, "*batch snapshots probes"]
    ) -> Inexact[Array, "*batch groups"]:
        """The sum over all detectors and snapshots."""
        return jnp.sum(values, axis=(-2, -1))[..., None]

    def gains(self, log_powers: Float[Array, " groups"], snapshots: int) -> Float[Array, "_ 1"]:
        """Power in every snapshot, as a column."""
        return jnp.broadcast_to(jnp.exp(log_powers), (snapshots, 1))

    def match(
        self,
        amplitudes: Float[Array, "snapshots probes"],
        templates: Float[Array, "grid snapshots probes"],
    ) -> Float[Array, " grid"]:
        """How well measured amplitudes fit those of each direction, at its best power."""
        overlap = jnp.tensordot(templates, amplitudes)
        return overlap / jnp.sqrt(jnp.sum(templates**2, axis=(1, 2)))


class FadingPower(eqx.Module):
    """The power is unknown and another in every snapshot: only probes of one snapshot compare."""

    def totals(
        self, values: Inexact[Array, "*batch snapshots probes"]
    ) -> Inexact[Array, "*batch groups"]:
        """The sum over the detectors of each snapshot."""
        return jnp.sum(values, axis=-1)

    def gains(self, log_powers: Float[Array, " groups"], snapshots: int) -> Float[Array, "_ 1"]:
        """Power in every snapshot, as a column."""
        return jnp.exp(log_powers)[:, None]

    def match(
        self,
        amplitudes: Float[Array, "snapshots probes"],
        templates: Float[Array, "grid snapshots probes"],
    ) -> Float[Array, " grid"]:
        """How well measured amplitudes fit those of each direction, at its best powers."""
        overlap = jnp.einsum("gtp,tp->gt", templates, amplitudes)
        return jnp.sum(overlap**2 / jnp.sum(templates**2, axis=2), axis=1)


Power: TypeAlias = KnownPower | SteadyPower | FadingPower


class KnownNoise(eqx.Module):
    """The noise power of a detector is known, in the unit of the energies."""

    variance: Number

    def __check_init__(self) -> None:
        if isinstance(self.variance, float | int):
            require(
                0 < self.variance < float("inf"),
                f"`variance` must be positive and finite, but is {self.variance}.",
            )


class UnknownNoise(eqx.Module):
    """The noise power is the same for all detectors, and is estimated along with the rest.

    `variance`: where a bound or a first guess needs it, in the unit of the energies.
    """

    variance: Number


Noise: TypeAlias = KnownNoise | UnknownNoise
