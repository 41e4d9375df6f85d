"""Processes are killed at random moments, 20 times: nothing is lost, doubled or changed.

Every kill is SIGKILL, which nobody can catch. The law: what was kept before a kill is not begun
again, so that every unit is begun once and once more for each kill that it was in flight at; the
results are bit for bit those of a run that nobody disturbed.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from run_tasks import inputs, squares

from metastack import InputError
from metastack.study import runs
from metastack.study.runs import Cluster, Processes, RunFolder, run_units

HERE = Path(__file__).parent
UNITS, SECONDS = 40, 0.03
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}
LONGEST_S = 60
# Not as a script: tasks would be those of `__main__`.
PROGRAM = "import run_tasks; run_tasks.program()"


class Run:
    """A run in a process of its own."""

    def __init__(self, folder, executor):
        self.folder, self.counts = folder / "run", folder / "counts"
        self.counts.mkdir(exist_ok=True)
        asked = [self.folder, self.counts, UNITS, SECONDS, executor]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, asked)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def wait_for_units(self, count):
        """Until so many more are finished, or the run ends."""
        self.process.stdout.read(count)

    def kill(self):
        self.process.kill()
        self.process.communicate(timeout=LONGEST_S)

    def ended(self):
        """Exit code and what was said on standard error."""
        _, error = self.process.communicate(timeout=LONGEST_S)
        return self.process.returncode, error.decode()


def check(folder, kills, in_flight):
    """Everything is there, with the right bits, and no more was begun than kills explain."""
    units = squares(UNITS)
    run = RunFolder.open(folder / "run")
    kept = sorted(path.suffix for path in (run.path / "units").iterdir())
    assert kept == [".npz"] * UNITS
    begun = [len((folder / "counts" / f"{n}.count").read_text()) for n in range(UNITS)]
    assert min(begun) == 1
    assert sum(begun) - UNITS <= kills * in_flight
    # The same numbers as the undisturbed call: the unit of the folder has more arguments.
    named = squares(UNITS, SECONDS, counted(), folder=str(folder / "counts"))
    for unit, clean in zip(named, units, strict=True):
        found, wanted = run.recall(unit), clean.compute()
        assert found.keys() == wanted.keys()
        for name in wanted:
            assert found[name].tobytes() == wanted[name].tobytes()


def counted():
    import run_tasks

    return run_tasks.counted


def test_the_main_process_is_killed(tmp_path):
    """Six times, at random units; the seventh run finishes."""
    rng = np.random.default_rng(0)
    for _ in range(6):
        run = Run(tmp_path, "here")
        run.wait_for_units(int(rng.integers(1, 5)))
        time.sleep(rng.uniform(0, SECONDS))
        run.kill()
    assert Run(tmp_path, "here").ended() == (0, "")
    check(tmp_path, kills=6, in_flight=1)


def test_the_main_process_of_workers_is_killed_and_they_end_too(tmp_path):
    rng = np.random.default_rng(1)
    for _ in range(3):
        run = Run(tmp_path, "processes:2")
        run.wait_for_units(int(rng.integers(1, 5)))
        workers = children_of(run.process.pid)
        run.kill()
        wait_until(lambda workers=workers: not any(map(is_alive, workers)))
        assert workers
    assert Run(tmp_path, "processes:2").ended() == (0, "")
    # Two in flight, and two more that were handed over.
    check(tmp_path, kills=3, in_flight=4)


def test_workers_are_killed(tmp_path):
    """Five times in one run, which goes on with new ones."""
    rng, kills = np.random.default_rng(2), 5
    run = Run(tmp_path, "processes:2")
    for _ in range(kills):
        run.wait_for_units(int(rng.integers(2, 5)))
        time.sleep(rng.uniform(0, SECONDS))
        workers = [pid for pid in children_of(run.process.pid) if is_worker(pid)]
        os.kill(int(rng.choice(workers)), signal.SIGKILL)
    assert run.ended() == (0, "")
    check(tmp_path, kills, in_flight=4)


# ---- a Dask cluster of separate processes on loopback


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


class DaskCluster:
    """A scheduler and two workers, each a process of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.start()

    def start(self):
        """At another address each time: the old one may not be free yet."""
        self.port, self.workers = free_port(), []
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.start_scheduler()
        for _ in range(2):
            self.start_worker()

    def start_scheduler(self):
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-show"]
        self.scheduler = self._start("scheduler", *options)
        wait_until(lambda: is_listening(self.port))

    def start_worker(self):
        options = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--death-timeout", "30"]
        self.workers.append(self._start("worker", self.address, *options))

    def _start(self, kind, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options]
        directory = ["--local-directory", str(self.folder)] if kind == "worker" else []
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([*command, *directory], env=ENVIRONMENT, **quiet)

    def end(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    pytest.importorskip("distributed")
    started = DaskCluster(tmp_path)
    yield started
    started.end()


def test_two_dask_workers_give_the_same_bits_and_may_be_killed(tmp_path, cluster):
    rng, kills = np.random.default_rng(3), 3
    run = Run(tmp_path, cluster.address)
    for _ in range(kills):
        run.wait_for_units(int(rng.integers(2, 5)))
        cluster.workers[0].kill()
        cluster.workers.append(cluster.workers.pop(0))
        cluster.start_worker()
    assert run.ended() == (0, "")
    check(tmp_path, kills, in_flight=2)


def test_the_scheduler_is_killed(tmp_path, cluster):
    """Three times: one line each, and the next run goes on where the scheduler was lost."""
    rng = np.random.default_rng(4)
    for _ in range(3):
        run = Run(tmp_path, cluster.address)
        run.wait_for_units(int(rng.integers(2, 5)))
        cluster.scheduler.kill()
        cluster.scheduler.wait()
        code, error = run.ended()
        assert code == 1
        assert "was lost; start it anew and go on" in error
        assert error.count("\n") == 1
        cluster.end()
        cluster.start()
    assert Run(tmp_path, cluster.address).ended() == (0, "")
    check(tmp_path, kills=3, in_flight=4)


def test_a_scheduler_that_is_not_there_is_told_within_ten_seconds(tmp_path):
    """By the limit that is set, whatever this machine does besides."""
    pytest.importorskip("distributed")
    units = squares(1)
    run = RunFolder.begin(tmp_path / "run", inputs(units), {})
    with pytest.raises(InputError, match="must be the address of a Dask scheduler"), run.alone():
        run_units(units, run, executor=Cluster(f"tcp://127.0.0.1:{free_port()}"))
    assert runs.cluster._CONNECT_S < 10


def test_workers_are_at_least_one():
    with pytest.raises(InputError, match="`workers` must be at least 1, but is 0"):
        Processes(0)


# ---- who is there


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_worker(pid):
    """One that computes: multiprocessing also starts a process that tracks its resources."""
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


def is_listening(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def is_alive(pid):
    """A process that ended and was not waited for by anyone is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(happened):
    end = time.monotonic() + LONGEST_S
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)
