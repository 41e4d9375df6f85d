"""Monte Carlo trials a second: the engine on all cores, NumPy loops trial by trial on one.

The paper's estimator behind an exact DFT at 10 dB effective SNR. Run on a quiet machine: the
engine wants all cores. The loops run in a process whose BLAS has one thread, because their
products are so small that more threads only wait for each other.
"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context

import jax.numpy as jnp
import numpy as np

from metastack.doa import EffectiveSnr, PeakReader, Protocol, monte_carlo, stack_experiment

from .baselines.doa_loops import ExactDft, snapshot_by_snapshot, whole_trials
from .rows import Row, rate_row
from .timing import Clocked, alternate, clocked

SNR_DB = 10.0
ROUNDS = 7
DTYPES = (np.complex64, np.complex128)
THREADS = "OPENBLAS_NUM_THREADS"

Loop = Callable[[ExactDft, int, int], np.ndarray]
"""Stack, trials and seed in, squared errors out."""


def rows() -> Iterator[Row]:
    with one_blas_thread() as process:
        small, large = Protocol(2, 2, 4, 4), Protocol(4, 4, 8, 8)
        yield from _rows(process, small, ours=400_000, loop=4000, naive=400, reach=(15, 100))
        yield from _rows(process, large, ours=30_000, loop=1500, naive=100, reach=(10, 60))


@contextmanager
def one_blas_thread() -> Iterator[Executor]:
    """A process of its own, which reads the number of threads when it imports NumPy."""
    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            process.submit(os.getpid).result()
            yield process
    finally:
        os.environ.pop(THREADS)
        if before is not None:
            os.environ[THREADS] = before


def _rows(
    process: Executor,
    protocol: Protocol,
    *,
    ours: int,
    loop: int,
    naive: int,
    reach: tuple[int, int],
) -> Iterator[Row]:
    """Both precisions; what the project wants to reach, it wants in single precision."""
    stack, name = ExactDft(protocol, SNR_DB), f"{protocol.columns}x{protocol.rows}"
    experiment = stack_experiment(stack.response, protocol, EffectiveSnr(SNR_DB))
    reader = PeakReader.of(protocol)

    def engine(dtype: type) -> Callable[[int], np.ndarray]:
        return lambda seed: (
            monte_carlo(experiment, reader, trials=ours, seed=seed, dtype=jnp.dtype(dtype)).mse_rad2
        )

    for dtype in DTYPES:
        what = f"Monte Carlo, {name}, T={protocol.snapshots}, {np.dtype(dtype).name}"
        wanted = reach if dtype is np.complex64 else (None, None)
        clock = clocked(engine(dtype))
        for label, run, trials, at_least in (
            ("trial by trial", partial(whole_trials, dtype=dtype), loop, wanted[0]),
            ("snapshot by snapshot", snapshot_by_snapshot, naive, wanted[1]),
        ):
            compared = alternate(
                lambda seed, clock=clock: clock(seed) / ours,
                _elsewhere(process, run, stack, trials),
                rounds=ROUNDS,
            )
            yield rate_row(f"{what}: NumPy, {label}", compared, "trials", at_least)
    yield Row(
        f"  mean squared error of ψ, {name}, T={protocol.snapshots}",
        f"{engine(np.complex64)(0).mean():.4f} rad²",
        f"{whole_trials(stack, 5 * loop, 0, np.complex64).mean():.4f} rad²",
    )


def _elsewhere(process: Executor, loop: Loop, stack: ExactDft, trials: int) -> Clocked:
    """Seconds of one trial, by the clock of the other process."""
    return lambda seed: process.submit(_seconds_a_trial, loop, stack, trials, seed).result()


def _seconds_a_trial(loop: Loop, stack: ExactDft, trials: int, seed: int) -> float:
    began = time.perf_counter()
    loop(stack, trials, seed)
    return (time.perf_counter() - began) / trials
