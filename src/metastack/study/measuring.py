"""Time and memory that a call takes."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")
_RESET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Measured:
    """Wall time, and the most resident memory on top of what there was; `None` if not told."""

    seconds: float
    peak_bytes: int | None


def measured(call: Callable[[], _T]) -> tuple[_T, Measured]:
    """What a call gives, and what it took. Memory only where Linux tells it."""
    before = _peak_since_reset()
    start = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - start
    peak = _resident("VmHWM")
    more = None if before is None or peak is None else max(peak - before, 0)
    return result, Measured(seconds, more)


def _peak_since_reset() -> int | None:
    """Start counting the peak anew, and say where it starts."""
    try:
        _RESET.write_text("5")
    except OSError:
        return None
    return _resident("VmHWM")


def _resident(name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else 1024 * int(found[1])
