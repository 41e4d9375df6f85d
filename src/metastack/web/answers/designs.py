"""Designs: which there are, and one of them as pictures."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np

from ...cli.design import design_answer
from ...cli.design_doa import direction_design_answer
from ...errors import InputError
from ...files import FileKind, identify, read_design, read_direction_design
from ..library import Library
from . import text

_KINDS = (FileKind.DESIGN, FileKind.DIRECTION_DESIGN)


def designs(library: Library, given: dict[str, Any]) -> list[dict[str, str]]:
    """Files that hold a design, the examples first."""
    return [each for each in library.names((".nc",)) if _is_design(library.path(each["name"]))]


def _is_design(path: Path) -> bool:
    try:
        return identify(path) in _KINDS
    except InputError:
        return False


def design(library: Library, given: dict[str, Any]) -> dict[str, Any]:
    """Numbers of a design, its phases as bytes (256 a turn) and its errors over iterations."""
    path = library.path(text(given, "design"))
    read: Any
    if identify(path) is FileKind.DIRECTION_DESIGN:
        read = read_direction_design(path)
        facts = direction_design_answer(read)
    else:
        read = read_design(path)
        facts = design_answer(read)
    layers = read.stack.layer_array
    turns = np.mod(np.asarray(read.phases_rad) / (2 * np.pi), 1)
    return {
        "facts": facts,
        "columns": int(layers.columns),
        "rows": int(layers.rows),
        "phases": [b64encode(np.uint8(256 * layer).tobytes()).decode() for layer in turns],
        "history_db": np.asarray(read.history_db, float).tolist(),
    }
