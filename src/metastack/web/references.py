"""Files that a stack file refers to: they lie beside it, and no others may be named."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError, require
from ..files.wording import shown

_KEYS = ("file", "table")


def references(text: str) -> list[str]:
    """Names of the files that the text of a stack file refers to.

    Raises:
        InputError: it is no TOML, or refers to a file that is not beside it.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The file must be TOML, but is not: {error}.") from error
    found = [(key, value) for key, value in _texts(document) if key in _KEYS]
    for key, value in found:
        require(
            Path(value.replace("\\", "/")).name == value,
            f"`{key}` must be a file that is uploaded with it, but is {shown(value)}.",
        )
    return [value for _, value in found]


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a document with its key."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, key)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, name)
