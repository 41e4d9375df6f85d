"""A calibration: the matrices between layers as designed, as calibrated, and as built if known."""

from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from ...calibration import FromInputPorts, Links
from ...errors import require
from ...files import read_stack
from ...stack import Stack
from ..library import Library
from . import text

_MOST_CELLS = 48
_FLOOR_DB = -80.0


def matrices(library: Library, given: dict[str, Any]) -> dict[str, Any]:
    """Every matrix as designed, and how far the built or calibrated one is from it, in dB.

    Of each matrix's largest entry; large ones by blocks. Matrices are those of the stacks, input
    layer first, however the pilots were lit.
    """
    job = text(given, "job")
    stacks = {
        name: read_stack(library.path(f"job/{job}/{name}.toml")).stack
        for name in ("stack", "calibrated", "built")
        if name != "built" or (library.jobs / job / "built.toml").is_file()
    }
    require("stack" in stacks, "This job calibrated no stack.")
    links = {name: _links(each) for name, each in stacks.items()}
    return {
        "floor_db": _FLOOR_DB,
        "matrices": [_pictures(number, links) for number in range(len(links["stack"]))],
    }


def _links(stack: Stack) -> list[Complex[np.ndarray, "_to _from"]]:
    return [np.asarray(each) for each in Links.of_stack(stack, FromInputPorts())]


def _pictures(number: int, links: dict[str, Any]) -> dict[str, Any]:
    matrix = {name: each[number] for name, each in links.items()}
    designed = matrix["stack"]
    largest = float(np.abs(designed).max())
    pictures = {"designed": designed, "found_change": matrix["calibrated"] - designed}
    if "built" in matrix:
        pictures |= {
            "error_before": designed - matrix["built"],
            "error_after": matrix["calibrated"] - matrix["built"],
        }
    return {
        "name": f"A_{number}",
        **{name: _decibels(each, largest) for name, each in pictures.items()},
    }


def _decibels(matrix: Complex[np.ndarray, "_to _from"], largest: float) -> list[list[float]]:
    power = _in_blocks(np.abs(matrix / largest) ** 2)
    return np.round(10 * np.log10(np.maximum(power, 10 ** (_FLOOR_DB / 10))), 1).tolist()


def _in_blocks(power: Float[np.ndarray, "_to _from"]) -> Float[np.ndarray, "_rows _columns"]:
    """Means over blocks, few enough to draw."""
    for axis in (0, 1):
        starts = np.unique(
            np.linspace(0, power.shape[axis], _MOST_CELLS, endpoint=False).astype(int)
        )
        counts = np.diff([*starts, power.shape[axis]])
        sums = np.add.reduceat(power, starts, axis=axis)
        power = sums / np.expand_dims(counts, 1 - axis)
    return power
