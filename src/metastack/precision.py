"""Double precision for the functions that need it, without touching JAX's global switch."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import ParamSpec, TypeVar

import jax

_P = ParamSpec("_P")
_R = TypeVar("_R")


def float64() -> AbstractContextManager[None]:
    """Context in which JAX computes in double precision.

    Enter it around your own `jax.grad` or `jax.jit` of metastack functions:
    `with metastack.float64(): jax.grad(loss)(phases)`.
    """
    return jax.enable_x64(True)


def in_float64(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run `function` in double precision whatever the caller's JAX settings are."""

    @wraps(function)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with float64():
            return function(*args, **kwargs)

    return wrapped
