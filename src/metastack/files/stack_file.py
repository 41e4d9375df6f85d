"""Stack files: TOML that describes a stack and what it should do.

What may stand in one is in `sections.py`; `examples/` has some to start from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from jaxtyping import Complex

from ..errors import require
from ..stack import Stack
from .atomic import replacing
from .sections import StackSection
from .stack_build import build_stack, build_target, default_target
from .stack_document import matrix_document, stack_document
from .toml_sections import changed_toml, sections_of
from .wording import naming, read_text


@dataclass(frozen=True, eq=False)
class StackDescription:
    """What a stack file says: the device, the response that it should have, its name."""

    stack: Stack
    target: Complex[np.ndarray, "receivers inputs"]
    name: str


def read_stack(path: Path | str) -> StackDescription:
    """Read a stack file and everything that it refers to, relative to its own folder.

    Raises:
        InputError: the file, or one that it names, cannot be read or does not describe a stack.
    """
    path = Path(path)
    text = read_text(path)
    with naming(path):
        return _described(text, path.parent, path.stem)


def read_changed_stack(path: Path | str, changes: Mapping[str, Any]) -> StackDescription:
    """Read a stack file as if other values stood in it: `{"layers.count": 5}`.

    Raises:
        InputError: as `read_stack`; a key that leads through something that is no table.
    """
    path = Path(path)
    text = read_text(path)
    with naming(path):
        return _described(changed_toml(text, changes), path.parent, path.stem)


def _described(text: str, folder: Path, name: str) -> StackDescription:
    section = sections_of(text, StackSection)
    stack = build_stack(section, folder)
    _check_order(stack)
    return StackDescription(stack, build_target(section, stack, folder), section.name or name)


def write_stack(description: StackDescription, path: Path | str) -> None:
    """Write a stack file that reads back as exactly the same stack and target.

    Tables of atoms and targets other than the 2D DFT are written out in the file itself.

    Raises:
        InputError: a kind of model or atom that stack files do not know; a plane that its
            displacement carries past a neighbour; the file cannot be written.
    """
    _check_order(description.stack)
    text = description_text(description)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def description_text(description: StackDescription) -> str:
    """A stack and its target as the text of a stack file that needs no other file.

    Raises:
        InputError: a kind of model or atom that stack files do not know.
    """
    document: dict[str, Any] = {"name": description.name} if description.name else {}
    document |= stack_document(description.stack)
    if not _is_default_target(description):
        document["target"] = matrix_document(description.target)
    return tomli_w.dumps(document)


def parse_description(text: str) -> StackDescription:
    """What a text of `description_text` describes; exactly the same.

    Raises:
        InputError: the text does not describe a stack.
    """
    return _described(text, Path(), "")


def stack_text(stack: Stack) -> str:
    """A stack as the text of a stack file that needs no other file.

    Raises:
        InputError: a kind of model or atom that stack files do not know.
    """
    return tomli_w.dumps(stack_document(stack))


def parse_stack(text: str) -> Stack:
    """The stack of a text that `stack_text` made; exactly the same.

    Raises:
        InputError: the text does not describe a stack, or refers to a file.
    """
    return build_stack(sections_of(text, StackSection), folder=None)


def _is_default_target(description: StackDescription) -> bool:
    return np.array_equal(description.target, default_target(description.stack))


def _check_order(stack: Stack) -> None:
    """Refuse a plane that its displacement carries past a neighbour: the unit is wrong."""
    heights_m = np.cumsum([0.0, *np.asarray(stack.gaps_m)]) + np.asarray(stack.poses.dz_m)
    for plane, gap_m in enumerate(np.diff(heights_m).tolist(), start=1):
        require(
            gap_m > 0,
            f"`poses` must leave plane {plane} behind plane {plane - 1}, but `dz` brings it "
            f"{-gap_m:g} m in front.",
        )
