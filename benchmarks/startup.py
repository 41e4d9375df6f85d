"""How long the command line takes to say what it can do."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .rows import Row, limit_row, seconds
from .timing import alternate, clocked


def rows() -> Iterator[Row]:
    command = Path(sys.executable).with_name("metastack")
    if not command.exists() or _run(str(command), "--help").returncode:
        yield Row("metastack --help", "", "the command is not installed", reach="< 0.25 s")
        return
    times = alternate(
        clocked(lambda _: _run(str(command), "--help")),
        clocked(lambda _: _run(sys.executable, "-c", "pass")),
        rounds=9,
    )
    row = limit_row("metastack --help", float(np.median(times.ours_s)), 0.25, "s")
    bare = f"{seconds(float(np.median(times.baseline_s)))} (bare Python)"
    yield Row(row.what, row.ours, bare, "", row.reach, row.reached)


def _run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True)
