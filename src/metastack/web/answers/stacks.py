"""A stack file: its form, and every element where it stands."""

from typing import Any

import numpy as np

from ...cli.facts import stack_facts
from ...errors import InputError
from ...files.stack_file import read_changed_stack
from ...files.wording import read_text
from ...stack import Stack
from ..forms import named_in
from ..library import Library
from ..stack_form import stack_form, typed_changes
from . import text

_MOST_DRAWN = 20_000


def stack(library: Library, given: dict[str, Any]) -> dict[str, Any]:
    """The form of a stack file with its facts and planes; or a refusal and the field it is about.

    `changes`: what was typed in the form.
    """
    path, changes = library.path(text(given, "stack")), dict(given.get("changes") or {})
    form = stack_form(read_text(path))
    names = {each["name"]: each["name"] for each in form}
    try:
        description = read_changed_stack(path, typed_changes(changes))
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
