"""A stack file: its form, and every element where it stands."""

from typing import Any

import numpy as np

from ...cli.facts import stack_facts
from ...errors import InputError, require
from ...files.stack_file import read_changed_stack
from ...files.toml_sections import changed_toml
from ...files.wording import read_text, shown
from ...stack import Stack
from ..forms import named_in
from ..library import Library
from ..references import references
from ..stack_form import stack_form, typed_changes
from . import text

_MOST_DRAWN = 20_000


def stack(library: Library, given: dict[str, Any]) -> dict[str, Any]:
    """The form of a stack file with its facts and planes; or a refusal and the field it is about.

    `changes`: what was typed in the form.
    """
    path, typed = library.path(text(given, "stack")), given.get("changes") or {}
    require(isinstance(typed, dict), f"`changes` must be a table, but is {shown(typed)}.")
    content, changes = read_text(path), typed_changes(typed)
    form = stack_form(content)
    names = {each["name"]: each["name"] for each in form}
    try:
        references(changed_toml(content, changes))
        description = read_changed_stack(path, changes)
    except InputError as error:
        return {"form": form, "refused": str(error), "field": named_in(str(error), names)}
    built = description.stack
    return {
        "form": form,
        "facts": {"name": description.name, **stack_facts(built)},
        "planes": _planes(built),
    }


def _planes(built: Stack) -> list[dict[str, Any]]:
    """Positions in wavelengths, some of them where there are too many to draw."""
    wavelength_m, drawn = float(built.wavelength_m), list[dict[str, Any]]()
    each = 1 + built.layers * built.layer_array.size // _MOST_DRAWN
    for number, plane in enumerate(built.planes):
        x, y, z = np.round(np.asarray(plane.positions_m)[::each].T / wavelength_m, 4).tolist()
        drawn.append({"plane": number, "x": x, "y": y, "z": z})
    return drawn
