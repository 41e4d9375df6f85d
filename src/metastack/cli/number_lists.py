"""Several numbers in one option: separated by commas, or from, step and to."""

# What anyone would wait for.
_MOST_LEVELS = 1000


def numbers(name: str, text: str) -> list[float]:
    """Numbers separated by commas, or FIRST:STEP:LAST with both ends.

    Raises:
        InputError: it is neither, or gives too many.
    """
    import numpy as np

    from ..errors import InputError

    message = f"`{name}` must be numbers separated by commas, or FIRST:STEP:LAST, but is {text!r}."
    try:
        parts = [float(part) for part in text.split(":" if ":" in text else ",")]
        if ":" not in text:
            return parts
        first, step, last = parts
        steps = int(np.floor((last - first) / step + 1e-9))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise InputError(message) from None
    if steps < 0 or not np.isfinite([first, step, last]).all():
        raise InputError(message)
    if steps >= _MOST_LEVELS:
        raise InputError(f"`{name}` must give at most {_MOST_LEVELS} values, but is {text!r}.")
    return [first + step * k for k in range(steps + 1)]


def check_positive(name: str, value: float) -> None:
    """Refuse what is not positive and finite.

    Raises:
        InputError: it is not.
    """
    from math import inf

    from ..errors import require

    require(0 < value < inf, f"`{name}` must be positive and finite, but is {value}.")
