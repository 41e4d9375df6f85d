"""Named arrays of a file of pilots: what there is, and single numbers among them."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np
from jaxtyping import Shaped

from ..errors import require

Array: TypeAlias = Shaped[np.ndarray, "..."]
Arrays: TypeAlias = Mapping[str, Array]


def listed(names: Iterable[str]) -> str:
    """Names for a message."""
    return ", ".join(f"`{name}`" for name in names) or "nothing"


def number_in(arrays: Arrays, name: str) -> float | None:
    """A single real number, where the file has it.

    Raises:
        InputError: it is an array, or not real.
    """
    if name not in arrays:
        return None
    array = np.asarray(arrays[name])
    require(
        array.size == 1 and array.dtype.kind in "iuf",
        f"`{name}` must be one real number, but has shape {array.shape} of {array.dtype}.",
    )
    return float(array.item())


def positive_in(arrays: Arrays, name: str) -> float | None:
    """A single positive number, where the file has it.

    Raises:
        InputError: it is not one finite positive number.
    """
    value = number_in(arrays, name)
    require(
        value is None or 0 < value < np.inf,
        f"`{name}` must be positive and finite, but is {value}.",
    )
    return value


def whole_in(arrays: Arrays, name: str, most: int) -> int | None:
    """A single whole number from 1 to `most`, where the file has it.

    Raises:
        InputError: it is something else.
    """
    value = number_in(arrays, name)
    if value is None:
        return None
    require(
        1 <= value <= most and value == np.floor(value),
        f"`{name}` must be a whole number from 1 to {most}, but is {value:g}.",
    )
    return int(value)
