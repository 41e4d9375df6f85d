"""`metastack check`: whether a file can be used."""

from math import isfinite
from pathlib import Path
from typing import Any

from .options import AnyPath, AsJson
from .output import emit


def check(file: AnyPath, json: AsJson = False) -> None:
    """Read a file whole and say whether it can be used; a stack is also checked for a design.

    The exit code is 2 and one line says why, if it cannot.
    """
    from ..files import FileKind, identify
    from .facts import file_facts

    kind = identify(file)
    file_facts(file)
    answer = _stack_checks(file) if kind is FileKind.STACK else {}
    emit({"file": str(file), "kind": kind.value, **answer, "verdict": "usable"}, as_json=json)


def _stack_checks(file: Path) -> dict[str, Any]:
    """Rank, memory and passivity of a stack, before anything is designed."""
    from ..design import check_design, default_methods, required_bytes
    from ..errors import require
    from ..files import read_stack
    from ..propagation import largest_gain
    from ..stack import hops

    description = read_stack(file)
    stack = description.stack
    check_design(stack, description.target)
    methods = default_methods(stack, None)
    gain = max(map(largest_gain, hops(stack)))
    require(isfinite(gain), f"Every hop must be finite, but one is not; check the gaps of {file}.")
    return {
        "largest_gain_of_a_hop": gain,
        "memory_bytes": max(required_bytes(stack, method) for method in methods),
    }
