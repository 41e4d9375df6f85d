"""Complex gains that are not known: of the whole set-up, of each port, of each slot.

They enter linearly, so that the best ones are known in closed form and the fit of everything else
goes on in what they leave: variable projection. Responses may have a last axis of frequencies, each
of which has gains of its own.

Source: G. Golub and V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413; L. Kaufman, BIT 15 (1975) 49.
"""

import math
from typing import ClassVar, Protocol

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float


class LinearGains(Protocol):
    """Unknown factors that least squares takes out."""

    sentence: ClassVar[str]

    def count(self, shape: tuple[int, ...]) -> int:
        """How many unknown gains responses of this shape have."""
        ...

    def fitted(
        self,
        model: Complex[Array, "slots antennas users *frequencies"],
        measured: Complex[Array, "slots antennas users *frequencies"],
    ) -> Complex[Array, "_ _ _ ..."]:
        """The gains that bring the model nearest to what was measured, by least squares."""
        ...

    def projected(
        self,
        model: Complex[Array, "slots antennas users *frequencies"],
        derivative: Complex[Array, "slots antennas users *more"],
    ) -> Complex[Array, "slots antennas users *more"]:
        """What the gains leave of derivatives of the model."""
        ...


class Gains(LinearGains, Protocol):
    """Which responses share a complex gain."""

    def totals(
        self, each: Float[Array, "*more slots antennas users"]
    ) -> Float[Array, "*more gains"]:
        """Sums over the responses that share a gain."""
        ...

    def spread(
        self, gains: Float[Array, " gains"], shape: tuple[int, ...]
    ) -> Float[Array, "#slots #antennas #users"]:
        """What each response of this shape has, in an order as of `totals`."""
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
        model: Complex[Array, "slots antennas users *frequencies"],
        measured: Complex[Array, "slots antennas users *frequencies"],
    ) -> Complex[Array, "_ _ _ ..."]:
        """The gains that bring the model nearest to what was measured, by least squares."""
        overlap = jnp.sum(jnp.conj(model) * measured, self.axes, keepdims=True)
        return overlap / self._power(model)

    def projected(
        self,
        model: Complex[Array, "slots antennas users *frequencies"],
        derivative: Complex[Array, "slots antennas users *more"],
    ) -> Complex[Array, "slots antennas users *more"]:
        """What the gains leave of derivatives of the model."""
        more = (..., *[None] * (derivative.ndim - model.ndim))
        along = jnp.sum(jnp.conj(model)[more] * derivative, self.axes, keepdims=True)
        return derivative - model[more] * along / self._power(model)[more]

    def totals(
        self, each: Float[Array, "*more slots antennas users"]
    ) -> Float[Array, "*more gains"]:
        """Sums over the responses that share a gain."""
        sums = jnp.sum(each, tuple(axis - 3 for axis in self.axes))
        return sums.reshape(*each.shape[:-3], self.count(each.shape[-3:]))

    def spread(
        self, gains: Float[Array, " gains"], shape: tuple[int, ...]
    ) -> Float[Array, "#slots #antennas #users"]:
        """What each response of this shape has, in an order as of `totals`."""
        sizes = (1 if axis in self.axes else size for axis, size in enumerate(shape))
        return gains.reshape(tuple(sizes))

    def _power(
        self, model: Complex[Array, "slots antennas users *frequencies"]
    ) -> Float[Array, "_ _ _ ..."]:
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
        model: Complex[Array, "slots antennas users *frequencies"],
        measured: Complex[Array, "slots antennas users *frequencies"],
    ) -> Complex[Array, "_ _ _ ..."]:
        """Ones."""
        return jnp.ones((1, 1, 1), model.dtype)

    def projected(
        self,
        model: Complex[Array, "slots antennas users *frequencies"],
        derivative: Complex[Array, "slots antennas users *more"],
    ) -> Complex[Array, "slots antennas users *more"]:
        """The derivatives as they are."""
        return derivative

    def totals(
        self, each: Float[Array, "*more slots antennas users"]
    ) -> Float[Array, "*more gains"]:
        """None."""
        return jnp.zeros((*each.shape[:-3], 0), each.dtype)

    def spread(
        self, gains: Float[Array, " gains"], shape: tuple[int, ...]
    ) -> Float[Array, "#slots #antennas #users"]:
        """Zero, the logarithm of 1."""
        return jnp.zeros((1, 1, 1), gains.dtype)
