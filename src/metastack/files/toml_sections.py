"""A text of TOML as the sections that it should consist of."""

import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar

import tomli_w
from pydantic import ValidationError

from ..errors import InputError, require
from .section_errors import first_sentence
from .sections import Section

_S = TypeVar("_S", bound=Section)


def sections_of(text: str, kind: type[_S]) -> _S:
    """The sections of a file of this kind.

    Raises:
        InputError: the text is no TOML; a key is missing, unknown or of an impossible value.
    """
    data = _parsed(text)
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{first_sentence(error, data)}.") from error


def changed_toml(text: str, changes: Mapping[str, Any]) -> str:
    """The text with other values at some keys, "layers.count" for one of a table.

    Raises:
        InputError: the text is no TOML; a key leads through something that is no table.
    """
    content: dict[str, Any] = dict(_parsed(text))
    for name, value in changes.items():
        *tables, key = name.split(".")
        table = content
        for each in tables:
            table = table.setdefault(each, {})
            require(isinstance(table, dict), f"`{each}` of `{name}` must be a table, but is not.")
        table[key] = value
    return tomli_w.dumps(content)


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise InputError("The file must be TOML, but is nested too deeply.") from error
    except ValueError as error:
        raise InputError(f"The file must be TOML, but is not: {error}.") from error
