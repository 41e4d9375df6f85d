"""A stack file as a form: its numbers under their names, and what was typed in their place."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any


def stack_form(text: str) -> list[dict[str, str]]:
    """Every number and word of a stack file, and short lists of them, under its dotted name."""
    return [{"name": name, "value": value} for name, value in _leaves(tomllib.loads(text), "")]


def typed_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed, as TOML has it; what is no number stays a text, for the reader to refuse."""
    return {name: _typed(str(text)) for name, text in changes.items()}


def _leaves(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _leaves(value, f"{name}.")
        elif isinstance(value, list):
            if all(isinstance(each, int | float) for each in value):
                yield name, ", ".join(map(_shown, value))
        else:
            yield name, _shown(value)


def _shown(value: Any) -> str:
    """A value as short as it can be written without changing it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}".replace("e+", "e")
    return str(value)


def _typed(text: str) -> Any:
    if "," in text:
        return [_typed(part.strip()) for part in text.split(",")]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)
