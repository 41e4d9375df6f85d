"""What can be asked of the warm process: one file a page, each function an answer.

Modules are imported when they are first needed: they bring JAX with them.
"""

from importlib import import_module
from typing import Any

from ...errors import require
from ...files.wording import shown
from ..library import Library

QUESTIONS = {
    "frame": "directions",
    "designs": "designs",
    "design": "designs",
    "stack": "stacks",
    "matrices": "calibrations",
    "runs": "runs",
    "run": "runs",
    "compare": "runs",
    "resuming": "runs",
}


def answer_to(library: Library, question: str, given: dict[str, Any]) -> Any:
    """The answer to a question, of what JSON knows.

    Raises:
        InputError: there is no such question, or what is given cannot be used.
    """
    require(question in QUESTIONS, f"`{shown(question)}` is no question.")
    module = import_module(f".{QUESTIONS[question]}", __package__)
    return plain(getattr(module, question)(library, given))


def plain(value: Any) -> Any:
    """A value as JSON has it: what is no number becomes null."""
    from ...cli.output import plain as plain_of_json

    return plain_of_json(value)


def number(given: dict[str, Any], name: str, default: float) -> float:
    """A finite number that a page gave.

    Raises:
        InputError: it is none.
    """
    from math import isfinite

    value = given.get(name, default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    require(
        is_number and isfinite(value), f"`{name}` must be a finite number, but is {shown(value)}."
    )
    return float(value)


def text(given: dict[str, Any], name: str) -> str:
    """A text that a page gave, or none.

    Raises:
        InputError: it is something else.
    """
    value = given.get(name) or ""
    require(isinstance(value, str), f"`{name}` must be a text, but is {shown(value)}.")
    return value
