"""A stream of blocks of pilots: JSON lines, one a block, in the order in which they are measured.

A line is an object with `block`, a whole number; one of `phases_rad`, `phases_deg` and `codes`
(with `bits`), slots x layers x atoms; and `received_re` and `received_im`, slots x antennas x
users, or slots x antennas of one user.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..calibration.illumination import Illumination
from ..calibration.pilots import PilotPlan, Pilots
from ..errors import InputError, require
from .pilot_arrays import Array
from .pilot_phases import FORMS, phases_in
from .wording import naming_line, shown

# Beyond, whole numbers are no longer told apart as floats.
_LAST_BLOCK = 2**53
_ARRAYS = (*FORMS, "bits", "received_re", "received_im")


class PilotBlock(NamedTuple):
    """The pilots of one block, its number, and that of the line on which it stands."""

    number: int
    pilots: Pilots
    line: int


def read_pilot_blocks(lines: Iterable[str], lit: Illumination) -> Iterator[PilotBlock]:
    """Blocks one by one, as lines come; empty lines are passed over.

    Raises:
        InputError: a line that is no block; the message names the line.
    """
    for number, line in enumerate(lines, start=1):
        text = line.strip().removeprefix("\ufeff")
        if not text:
            continue
        with naming_line(number):
            block, pilots = _block(text, lit)
        yield PilotBlock(block, pilots, number)


def pilot_block_line(block: int, pilots: Pilots) -> str:
    """A block as a line, without its end; numbers are exact."""
    y = pilots.received
    return json.dumps(
        {
            "block": block,
            "phases_rad": pilots.plan.phases_rad.tolist(),
            "received_re": np.real(y).tolist(),
            "received_im": np.imag(y).tolist(),
        }
    )


def _block(line: str, lit: Illumination) -> tuple[int, Pilots]:
    entries = _entries(line)
    block = entries.get("block")
    require(
        isinstance(block, int) and not isinstance(block, bool) and abs(block) < _LAST_BLOCK,
        f"`block` must be a whole number below 2^53, but is {shown(block)}.",
    )
    arrays = {name: _array(name, entries[name]) for name in _ARRAYS if name in entries}
    for name in ("received_re", "received_im"):
        require(name in arrays, f"A block must hold `{name}`, but does not.")
    real, imaginary = arrays["received_re"], arrays["received_im"]
    require(
        real.shape == imaginary.shape,
        f"`received_re` and `received_im` must have the same shape, but have {real.shape} and "
        f"{imaginary.shape}.",
    )
    plan = PilotPlan(phases_in(arrays), lit)
    return int(block or 0), Pilots.measured(plan, real + 1j * imaginary)


def _entries(line: str) -> dict[str, Any]:
    try:
        entries = json.loads(line)
    except ValueError as error:
        raise InputError("A line must be a JSON object, but cannot be read as JSON.") from error
    except RecursionError as error:
        raise InputError("A line must be a JSON object, but is nested too deeply.") from error
    require(isinstance(entries, dict), f"A line must be a JSON object, but is {shown(entries)}.")
    return entries


def _array(name: str, values: Any) -> Array:
    try:
        array = np.array(values)
    except ValueError as error:
        raise InputError(f"`{name}` must have rows of one length, but has not.") from error
    require(
        array.dtype.kind in "iuf",
        f"`{name}` must hold numbers, but holds {shown(values)}.",
    )
    return array
