"""What pydantic found wrong with a stack file, as one sentence in the house form."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from pydantic import ValidationError

from .sections import StackSection
from .wording import shown

_Context: TypeAlias = Mapping[str, Any]

_RULES: dict[str, Callable[[_Context], str]] = {
    "int_type": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number",
    "finite_number": lambda _: "must be finite",
    "greater_than": lambda context: (
        f"must be more than {context['gt']:g}" if context["gt"] else "must be positive"
    ),
    "greater_than_equal": lambda context: f"must be at least {context['ge']:g}",
    "less_than_equal": lambda context: f"must be at most {context['le']:g}",
    "too_short": lambda context: f"must have at least {context['min_length']} entries",
    "too_long": lambda context: f"must have at most {context['max_length']} entries",
    "list_type": lambda _: "must be a list",
    "string_type": lambda _: "must be text in quotes",
    "model_type": lambda _: "must be a table",
    "model_attributes_type": lambda _: "must be a table",
    "literal_error": lambda context: f"must be {context['expected']}",
    "union_tag_invalid": lambda context: f"must be one of {context['expected_tags']}",
}


def first_sentence(error: ValidationError, data: Mapping[str, Any]) -> str:
    """The first thing that is wrong, and how many more there are.

    `data` is what was validated; it tells which parts of a location are keys of the file.
    """
    errors = error.errors(include_url=False)
    first = errors[0]
    others = {_find(other["loc"], data)[0] for other in errors} - {_find(first["loc"], data)[0]}
    sentence = _sentence(first["type"], first["loc"], first.get("ctx", {}), first["msg"], data)
    return f"{sentence} (and {len(others)} more)" if others else sentence


def _sentence(
    kind: str, location: Sequence[int | str], context: _Context, message: str, data: Any
) -> str:
    path, value = _find(location, data)
    if kind == "missing":
        return f"`{_join(path, location[-1])}` is missing"
    if kind == "union_tag_not_found":
        return f"`{_join(path, 'kind')}` is missing: it says which kind this is"
    if kind == "unknown_key":
        return f"`{_join(path, context['key'])}` is not a known key: {_advice(path, context)}"
    if kind == "section":
        return f"{f'`{path}`' if path else 'A stack file'} {context['rule']}"
    if kind == "union_tag_invalid":
        path, value = _join(path, "kind"), context["tag"]
    rule = _RULES.get(kind, lambda _: f"cannot be used: {message}")
    return f"`{path or 'stack file'}` {rule(context)}, but is {shown(value)}"


def _advice(path: str, context: _Context) -> str:
    if path and context["key"] in StackSection.model_fields:
        return "it belongs at the top of the file, above the first [section]"
    return context["advice"]


def _find(location: Sequence[int | str], data: Any) -> tuple[str, Any]:
    """Path and value of a location, without the parts that are not in the file.

    Pydantic puts the kind of a table into the location, and an index after a single number
    that stands for two.
    """
    path = ""
    for part in location:
        if isinstance(data, dict) and part in data:
            path, data = _join(path, part), cast("dict[Any, Any]", data)[part]
        elif isinstance(data, list) and isinstance(part, int):
            path, data = f"{path}[{part}]", cast("list[Any]", data)[part]
    return path, data


def _join(path: str, key: int | str) -> str:
    name = str(key) if re.fullmatch(r"[\w-]+", str(key)) else shown(str(key))
    return f"{path}.{name}" if path else name
