"""Power poured over parallel channels until it is used up.

Source: T. Cover and J. Thomas, Elements of Information Theory, section 9.4; W. Yu, Sum-capacity
computation for the Gaussian vector broadcast channel, 2006, and Multiuser water-filling in the
presence of crosstalk, 2007, for channels that disturb each other.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._types import AnyArray, Number

_BISECTIONS = 60


def water_filling(
    gains: Float[AnyArray, "*batch channels"], power: Number
) -> Float[Array, "*batch channels"]:
    """Powers (μ - 1/g)⁺ that sum to `power` and maximise Σ log(1 + p g); exact.

    `gains`: signal power over noise power of each channel for one unit of power; zeros get none.
    """
    sorted_gains = -jnp.sort(-gains, axis=-1)
    floor = 1 / jnp.maximum(sorted_gains, 1e-300)
    counts = jnp.arange(1, gains.shape[-1] + 1)
    levels = (power + jnp.cumsum(floor, axis=-1)) / counts
    # The best k channels are filled together as long as the worst of them is below the level.
    filled = jnp.sum((levels > floor) & (sorted_gains > 0), axis=-1, keepdims=True)
    level = jnp.take_along_axis(levels, jnp.maximum(filled - 1, 0), axis=-1)
    powers = jnp.maximum(level - 1 / jnp.maximum(gains, 1e-300), 0)
    return jnp.where(gains > 0, powers, 0)


def priced_water_filling(
    gains: Float[AnyArray, "users streams"],
    powers: Float[AnyArray, " streams"],
    power: Number,
) -> Float[Array, " streams"]:
    """One round of water filling where every stream pays for the interference that it makes.

    The stationary points of the sum rate are its fixed points: p = (1/(μ + t) - d)⁺, d what user
    k's channel has of interference and noise, t what a unit of its power costs the others.
    `gains[k, s]`: power that user k hears of one unit of stream s, over noise.
    """
    wanted = jnp.diagonal(gains)
    heard = gains @ powers
    signal = wanted * powers
    disturbance = heard - signal + 1
    cost = signal / (disturbance * (disturbance + signal))
    price = gains.T @ cost - wanted * cost
    floor = disturbance / jnp.maximum(wanted, 1e-300)

    def at(level: Float[Array, ""]) -> Float[Array, " streams"]:
        return jnp.maximum(1 / (level + price) - floor, 0)

    def halve(_: Int[Array, ""], bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = (low + high) / 2
        too_much = at(middle).sum() > power
        return jnp.where(too_much, middle, low), jnp.where(too_much, high, middle)

    # At this level no stream gets any power.
    most = (1 / floor).max()
    low, high = jax.lax.fori_loop(0, _BISECTIONS, halve, (jnp.zeros(()), most))
    found = at((low + high) / 2)
    # Where prices alone keep powers below the budget, what is left helps only all streams together.
    return jnp.where(at(jnp.zeros(())).sum() <= power, at(jnp.zeros(())), found)
