"""Small random distortions of images while training, so that few images stand for many.

A stack has fewer free phases than a digit has variants: thousands of images are learned by
heart unless each is met shifted, turned and stretched a little differently every time.

Source: P. Simard et al., Best practices for convolutional neural networks, ICDAR 2003.
"""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..._types import Number


class Distortion(Protocol):
    """Other images of the same classes."""

    def __call__(
        self, pixels: Float[Array, "images rows columns"], key: Key[Array, ""]
    ) -> Float[Array, "images rows columns"]:
        """Every image distorted in its own way."""
        ...


class NoDistortion(eqx.Module):
    """The images as they are."""

    def __call__(
        self, pixels: Float[Array, "images rows columns"], key: Key[Array, ""]
    ) -> Float[Array, "images rows columns"]:
        """The same images."""
        del key
        return pixels


class SmallMotions(eqx.Module):
    """A shift, a turn, a slant and a stretch, each uniform within plus or minus its limit.

    `shift` is a share of the image's width, `slant` and `stretch` are relative lengths. Pixels are
    interpolated linearly; what comes in from outside is dark.
    """

    shift: Number = 0.04
    turn_rad: Number = 0.15
    slant: Number = 0.1
    stretch: Number = 0.1

    def __call__(
        self, pixels: Float[Array, "images rows columns"], key: Key[Array, ""]
    ) -> Float[Array, "images rows columns"]:
        """Every image distorted in its own way."""
        rows, columns = pixels.shape[1:]
        chance = jax.random.uniform(key, (6, len(pixels), 1, 1), pixels.dtype, -1, 1)
        turn, slant, wider, higher, along_x, along_y = chance
        cos, sin = jnp.cos(self.turn_rad * turn), jnp.sin(self.turn_rad * turn)
        y, x = (_centred(size, pixels.dtype) for size in (rows, columns))
        y, x = y[:, None], x[None, :]
        from_x = (1 + self.stretch * wider) * (cos * x - sin * y) + self.slant * slant * y
        from_y = (1 + self.stretch * higher) * (sin * x + cos * y)
        column = from_x + (columns - 1) / 2 + self.shift * columns * along_x
        row = from_y + (rows - 1) / 2 + self.shift * rows * along_y
        return _interpolated(pixels, row, column)


def _centred(size: int, dtype: jnp.dtype) -> Float[Array, " size"]:
    return jnp.arange(size, dtype=dtype) - (size - 1) / 2


def _interpolated(
    pixels: Float[Array, "images rows columns"],
    row: Float[Array, "images rows columns"],
    column: Float[Array, "images rows columns"],
) -> Float[Array, "images rows columns"]:
    """Every image at fractional rows and columns, from its four nearest pixels."""
    # Dark pixels all around stand for what lies outside.
    framed = jnp.pad(pixels, ((0, 0), (1, 1), (1, 1)))
    rows, columns = framed.shape[1:]
    row, column = (jnp.clip(v + 1, 0, n - 1) for v, n in ((row, rows), (column, columns)))
    top, left = (jnp.minimum(v.astype(int), n - 2) for v, n in ((row, rows), (column, columns)))
    down, across = row - top, column - left
    place = top * columns + left
    flat = framed.reshape(len(pixels), -1)

    @jax.vmap
    def at(image: Float[Array, " framed"], place: Int[Array, "rows columns"]) -> Array:
        return image.at[place].get(mode="promise_in_bounds")

    upper = at(flat, place) * (1 - across) + at(flat, place + 1) * across
    lower = at(flat, place + columns) * (1 - across) + at(flat, place + columns + 1) * across
    return upper * (1 - down) + lower * down
