"""A text of TOML as the sections that it should consist of."""

import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from ..errors import InputError
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


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise InputError("The file must be TOML, but is nested too deeply.") from error
    except ValueError as error:
        raise InputError(f"The file must be TOML, but is not: {error}.") from error
