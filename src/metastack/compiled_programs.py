"""Room for compiled programs.

The kernel gives a process 65530 memory maps; XLA takes hundreds of them for a large program, and
the process ends when there are no more.
"""

import gc
from pathlib import Path

import jax

_MOST_MAPS = 30_000


def make_room_for_programs() -> None:
    """Forget compiled programs once they take many maps; what is needed is compiled again.

    Call it between computations that compile much each.
    """
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > _MOST_MAPS:
        jax.clear_caches()
        gc.collect()
