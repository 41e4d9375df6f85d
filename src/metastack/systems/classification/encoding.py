"""How an image becomes the field of the input layer, one pixel an element.

Source: X. Lin et al., Science 361 (2018): digits in the amplitude, fashion in the phase.
"""

from typing import Protocol

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact


class Encoding(Protocol):
    """From pixels of 0 … 1 to the field that they send."""

    def __call__(self, pixels: Float[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        """Field of every element of the input layer."""
        ...


class AmplitudeEncoding(eqx.Module):
    """The field is the pixel: a mask that lets bright pixels through."""

    def __call__(self, pixels: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Field of every element of the input layer."""
        return pixels


class PhaseEncoding(eqx.Module):
    """The field has amplitude 1 and a phase from 0 (dark) to `range_rad`: a programmable layer."""

    range_rad: float = eqx.field(static=True, default=jnp.pi)

    def __call__(self, pixels: Float[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        """Field of every element of the input layer."""
        return jnp.exp(1j * self.range_rad * pixels)
