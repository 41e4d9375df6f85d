"""What a command answers: one mapping, printed for people or as JSON.

The unit of a value is the end of its key, so that both forms say it.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import typer

_UNITS = {
    "_bit_per_s_per_hz": " bit/s/Hz",  # before "_hz", which it ends with
    "_db": " dB",
    "_dbm": " dBm",
    "_deg": "°",
    "_over_pi": " π",
    "_wavelengths": " λ",
    "_hz": " Hz",
    "_bytes": " bytes",
    "_m2": " m²",
    "_m": " m",
    "seconds": " s",
}


def emit(answer: Mapping[str, Any], *, as_json: bool) -> None:
    """Print an answer on standard output."""
    typer.echo(json.dumps(plain(answer)) if as_json else _table(answer))


def warn(message: str) -> None:
    """Print a warning on standard error: the answer stands, but there is something to know."""
    typer.echo(f"metastack: warning: {' '.join(message.split())}", err=True)


def shown_text(answer: Mapping[str, Any]) -> dict[str, str]:
    """The entries of an answer as they are printed, for a page."""
    return {_label(key).capitalize(): _shown(key, value) for key, value in answer.items()}


def _table(answer: Mapping[str, Any]) -> str:
    """One line an entry; a list of mappings becomes a table of its own, below."""
    lines = {key: value for key, value in answer.items() if not _is_rows(value)}
    width = max(len(_label(key)) for key in lines)
    text = [f"{_label(key):<{width}}  {_shown(key, lines[key])}" for key in lines]
    tables = [_rows(value) for value in answer.values() if _is_rows(value) and value]
    return "\n\n".join(["\n".join(text), *tables])


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, Mapping) for row in value)


def _rows(rows: list[Mapping[str, Any]]) -> str:
    """A table with one row a mapping, columns aligned."""
    cells = [[_label(key) for key in rows[0]]]
    cells += [[_shown(key, row[key]) for key in rows[0]] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned = [map(str.ljust, row, widths) for row in cells]
    return "\n".join("  ".join(row).rstrip() for row in aligned)


def _label(key: str) -> str:
    ending = _ending(key)
    name = key if ending == key else key.removesuffix(ending)
    return name.replace("_", " ")


def _ending(key: str) -> str:
    return next((ending for ending in _UNITS if key.endswith(ending)), "")


def _shown(key: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "unknown"
    if isinstance(value, list):
        return ", ".join(_shown(key, item) for item in value)
    number = f"{value:.6g}" if isinstance(value, float) else str(value)
    return number + _UNITS.get(_ending(key), "")


def plain(value: Any) -> Any:
    """A value that JSON knows; what is not a number there becomes null."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
