"""Climbing a likelihood with damped steps: a step is kept only if it leads higher.

Source: D. W. Marquardt (1963).
"""

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

_U = TypeVar("_U")

_FIRST_DAMPING = 1e-3
_DAMPING_RANGE = (1e-9, 1e9)
# A promised gain below this, in nats, moves no estimate by a thousandth of its deviation.
_SMALLEST_GAIN = 1e-7
_MOST_STEPS = 200


class _State(eqx.Module):
    unknowns: object
    value: Float[Array, ""]
    damping: Float[Array, ""]
    arrived: Bool[Array, ""]
    steps: Int[Array, ""]


def ascend(
    unknowns: _U,
    value: Callable[[_U], Float[Array, ""]],
    step: Callable[[_U, Float[Array, ""]], tuple[_U, Float[Array, ""]]],
) -> tuple[_U, Float[Array, ""]]:
    """The unknowns at the maximum of `value` that is reached from the given ones, and its value.

    `step`: from unknowns and damping to the next candidate and the gain that it promises. The
    climb ends when that gain is negligible, when no damping finds a higher place, or after 200
    steps.
    """

    def under_way(state: _State) -> Array:
        return jnp.logical_not(state.arrived) & (state.steps < _MOST_STEPS)

    def move(state: _State) -> _State:
        candidate, promised = step(state.unknowns, state.damping)  # pyright: ignore[reportArgumentType] an eqx.Module cannot be generic in a pytree
        height = value(candidate)
        higher = height >= state.value
        damping = jnp.where(higher, state.damping / 10, state.damping * 10)
        kept, reached = jax.tree.map(
            lambda new, old: jnp.where(higher, new, old),
            (candidate, height),
            (state.unknowns, state.value),
        )
        arrived = (promised < _SMALLEST_GAIN) | (damping > _DAMPING_RANGE[1])
        return _State(
            kept, reached, jnp.maximum(damping, _DAMPING_RANGE[0]), arrived, state.steps + 1
        )

    height = value(unknowns)
    damping = jnp.asarray(_FIRST_DAMPING, height.dtype)
    first = _State(unknowns, height, damping, jnp.asarray(False), jnp.asarray(0))
    last = jax.lax.while_loop(under_way, move, first)
    return last.unknowns, last.value  # pyright: ignore[reportReturnType] as above
