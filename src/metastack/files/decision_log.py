"""What a monitor wrote of a quiet time, as the history from which a threshold is set.

Lines are those of `metastack monitor`: JSON objects with `decision`, `monitor` and `statistic`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ..errors import InputError, require
from .wording import naming, naming_line, opening, shown

_FIRST = "calibration"


def read_statistics(path: Path | str, monitor: str) -> Float[np.ndarray, " blocks"]:
    """The statistics of all blocks after the calibration, of this monitor.

    Raises:
        InputError: no such file, or a line that no monitor wrote, or another one.
    """
    statistics = list[float]()
    with opening(path), Path(path).open(encoding="utf-8-sig") as file, naming(path):
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            with naming_line(number):
                entries = _entries(line)
                if entries.get("decision") != _FIRST:
                    statistics.append(_statistic(entries, monitor))
    return np.array(statistics)


def _entries(line: str) -> dict[str, Any]:
    try:
        entries = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(
            "A line must be a decision in JSON, but cannot be read as such."
        ) from error
    require(
        isinstance(entries, dict) and "decision" in entries,
        f"A line must be a decision of a monitor, but is {shown(entries)}.",
    )
    return entries


def _statistic(entries: dict[str, Any], monitor: str) -> float:
    watched, value = entries.get("monitor"), _number(entries.get("statistic"))
    require(
        watched == monitor,
        f"A history must be that of the monitor `{monitor}`, but is that of {shown(watched)}.",
    )
    require(
        bool(np.isfinite(value)),
        f"`statistic` must be a number, but is {shown(entries.get('statistic'))}.",
    )
    return value


def _number(value: object) -> float:
    """NaN for what is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return float("nan")
    try:
        return float(value)
    except OverflowError:
        return float("nan")
