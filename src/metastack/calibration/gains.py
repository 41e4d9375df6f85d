"""Complex gains that are not known: of the whole set-up, of each port, of each slot.

They enter linearly, so that the best ones are known in closed form and the fit of everything else
goes on in what they leave: variable projection.

Source: G. Golub and V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413; L. Kaufman, BIT 15 (1975) 49.
"""

import math
from typing import ClassVar, Protocol

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float


class Gains(Protocol):
    """Which responses share a complex gain."""

    sentence: ClassVar[str]

    def count(self, shape: tuple[int, ...]) -> int:
        """How many unknown gains responses of this shape have."""
        ...

    def fitted(
        self,
        model: Complex[Array, "slots antennas users"],
        measured: Complex[Array, "slots antennas users"],
    ) -> Complex[Array, "_ _ _"]:
        """The gains that bring the model nearest to what was measured, by least squares."""
        ...

    def projected(
        self,
        model: Complex[Array, "slots antennas users"],
        derivative: Complex[Array, "slots antennas users *unknowns"],
    ) -> Complex[Array, "slots antennas users *unknowns"]:
        """What the gains leave of derivatives of the model."""
        ...


class _SharedGains(eqx.Module):
    """One gain for all responses along `axes`."""

    axes: ClassVar[tuple[int, ...]]
    sentence: ClassVar[str]

    def count(self, shape: tuple[int, ...]) -> int:
        """How many unknown gains responses of this shape have."""
        return math.prod(size for axis, size in enumerate(shape) if axis not in self.axes)

    def fitted(
        self,
        model: Complex[Array, "slots antennas users"],
        measured: Complex[Array, "slots antennas users"],
    ) -> Complex[Array, "_ _ _"]:
        """The gains that bring the model nearest to what was measured, by least squares."""
        overlap = jnp.sum(jnp.conj(model) * measured, self.axes, keepdims=True)
        return overlap / self._power(model)

    def projected(
        self,
        model: Complex[Array, "slots antennas users"],
        derivative: Complex[Array, "slots antennas users *unknowns"],
    ) -> Complex[Array, "slots antennas users *unknowns"]:
        """What the gains leave of derivatives of the model."""
        more = (..., *[None] * (derivative.ndim - model.ndim))
        along = jnp.sum(jnp.conj(model)[more] * derivative, self.axes, keepdims=True)
        return derivative - model[more] * along / self._power(model)[more]

    def _power(self, model: Complex[Array, "slots antennas users"]) -> Float[Array, "_ _ _"]:
        return jnp.sum(model.real**2 + model.imag**2, self.axes, keepdims=True)


class OneGain(_SharedGains):
    """One unknown gain for everything: cables, transmit power, the reference of phase."""

    axes: ClassVar = (0, 1, 2)
    sentence: ClassVar = "one gain"


class GainPerPort(_SharedGains):
    """An unknown gain for each pair of antenna and user, the same in all slots."""

    axes: ClassVar = (0,)
    sentence: ClassVar = "a gain for each port"


class GainPerSlot(_SharedGains):
    """An unknown gain for each slot: a local oscillator that drifts, a source that fades."""

    axes: ClassVar = (1, 2)
    sentence: ClassVar = "a gain for each slot"


class KnownGain(eqx.Module):
    """The gain is 1: what was measured is the response itself."""

    sentence: ClassVar = "no unknown gain"

    def count(self, shape: tuple[int, ...]) -> int:
        """None."""
        return 0

    def fitted(
        self,
        model: Complex[Array, "slots antennas users"],
        measured: Complex[Array, "slots antennas users"],
    ) -> Complex[Array, "_ _ _"]:
        """Ones."""
        return jnp.ones((1, 1, 1), model.dtype)

    def projected(
        self,
        model: Complex[Array, "slots antennas users"],
        derivative: Complex[Array, "slots antennas users *unknowns"],
    ) -> Complex[Array, "slots antennas users *unknowns"]:
        """The derivatives as they are."""
        return derivative
