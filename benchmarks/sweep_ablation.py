"""A sweep of 81 configurations by 10 starts against 810 designs one after the other.

Both in processes of their own with the same store of compiled programs, filled by the warm-up, so
that what is compared is computing, not compiling. The baseline runs `metastack design` 810 times in
one process. Two workers against one tell how well processes share the cores.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from .rows import Row, speed_row
from .timing import alternate, clocked

EXAMPLE = Path(__file__).parents[1] / "examples" / "sweep_ablation.toml"
ONE_BY_ONE = """
import contextlib, io, sys
from metastack.cli.main import run
from metastack.files import write_stack
from metastack.study.sweeps.sweep_file import read_sweep
from metastack.files.stack_file import read_changed_stack

sweep, folder = read_sweep(sys.argv[1]), sys.argv[2]
for number, point in enumerate(sweep.points):
    changes = {k.removeprefix("stack."): v for k, v in point.items() if k != "seed"}
    if point["seed"] == 0:
        stack = read_changed_stack(sweep.folder / "stack_2x2.toml", changes)
        write_stack(stack, f"{folder}/s.toml")
    with contextlib.redirect_stdout(io.StringIO()):
        code = run(["design", f"{folder}/s.toml", "-o", f"{folder}/d.nc", "--method",
                    "gradient-descent", "--decay", "0.8", "--iterations", "100", "--goal-db",
                    "-400", "--seed", str(point["seed"]), "--json"])
    assert code == 0
"""
ROUNDS = 2


def rows() -> Iterator[Row]:
    with TemporaryDirectory() as store:
        batched = _compared(_sweep(store), _one_by_one(store))
        yield speed_row("sweep of 81 x 10 designs, one process: 810 designs one by one", batched, 5)
        shared = _compared(_sweep(store, "--workers", "2"), _sweep(store, "--workers", "1"))
        yield speed_row("the same sweep, 2 workers: 1 worker", shared)


def _compared(ours, baseline):
    return alternate(clocked(ours), clocked(baseline), rounds=ROUNDS)


def _sweep(store, *options):
    def run(_):
        with TemporaryDirectory() as folder:
            sweep = ["-m", "metastack", "sweep", str(EXAMPLE), "-o", f"{folder}/run"]
            _call(store, [sys.executable, *sweep, *options])

    return run


def _one_by_one(store):
    def run(_):
        with TemporaryDirectory() as folder:
            _call(store, [sys.executable, "-c", ONE_BY_ONE, str(EXAMPLE), folder])

    return run


def _call(store, command):
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": store,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    }
    subprocess.run(command, env=environment, capture_output=True, check=True)
