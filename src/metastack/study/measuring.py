"""Time and memory that a call takes.

Memory cannot be told in a process that has done other things before: what they gave back is used
again, and the peak does not move. So the call is made once more in a process of its own.

Source: proc(5) for Linux's VmHWM, getrusage(2) for the rest. Linux's getrusage would do but for one
thing: a new process inherits the peak of the one that started it.
"""

import contextlib
import pickle
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")
_STATUS = Path("/proc/self/status")
_IN_A_NEW_PROCESS = "from metastack.study.measuring import say_peak; say_peak()"


def timed(call: Callable[[], _T]) -> tuple[_T, float]:
    """What a call gives, and the wall time in seconds that it took."""
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def peak_bytes(call: Callable[[], object]) -> int | None:
    """The most resident memory of a call made in a new process, above that of its libraries.

    Programs are compiled in there too, but for those that JAX keeps in a folder. `None` where the
    call cannot be sent to another process, fails there, or the system tells nothing.
    """
    try:
        sent = pickle.dumps(call)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    line = [sys.executable, "-c", _IN_A_NEW_PROCESS]
    done = subprocess.run(line, input=sent, capture_output=True, check=False)
    told = re.search(rb"^peak (\d+)$", done.stdout, re.MULTILINE)
    return None if told is None else int(told[1])


def say_peak() -> None:
    """In the new process: make the call that stands on standard input, and print what it took."""
    import jax

    call = pickle.load(sys.stdin.buffer)  # noqa: S301 - from `peak_bytes` of the same program
    # What JAX takes before anything is computed belongs to libraries.
    jax.block_until_ready(jax.numpy.zeros(1) + 1)
    before = _peak_bytes()
    with contextlib.redirect_stdout(sys.stderr):
        call()
    after = _peak_bytes()
    if before is not None and after is not None:
        sys.stdout.write(f"peak {after - before}\n")


def _peak_bytes() -> int | None:
    """The most memory that this process has had resident."""
    if _STATUS.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
        return None if found is None else 1024 * int(found[1])
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
