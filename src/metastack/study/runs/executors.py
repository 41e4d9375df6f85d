"""Where units are computed: here, or in processes of their own.

An executor is handed units and gives back what became of each, in whatever order they are ready. It
decides where, never what: the same units give the same numbers. See `cluster` for other machines.
"""

import errno
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait as wait_for
from typing import Any, Protocol, TypeAlias

from ...errors import InputError, require
from ..units import Results, Unit

# Units that a worker finds waiting when it is done with one; more would only be slower to stop.
_AHEAD = 1
# What kills its process this often, with nothing done in between, will do so again.
_MOST_BREAKS = 5
_LACKS = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


@dataclass(frozen=True)
class Refused:
    """A unit whose input cannot be used, and why."""

    reason: str


Outcome: TypeAlias = Results | Refused
Outcomes: TypeAlias = Generator[tuple[Unit, Outcome]]


class Executor(Protocol):
    """Computes units somewhere."""

    def __call__(self, units: Sequence[Unit]) -> Outcomes:
        """Every unit with what became of it, as they are ready.

        Closing the iterator ends what is under way; it is lost. What a unit raises by a fault of
        our own is raised here.
        """
        ...


def attempt(unit: Unit) -> Outcome:
    """Compute a unit, or say why its input cannot be used."""
    try:
        return unit.compute()
    except InputError as error:
        # What the machine lacks now is nothing that the unit could not have another time.
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _LACKS:
            raise
        return Refused(str(error))


@dataclass(frozen=True)
class InProcess:
    """One unit after the other, in this process."""

    def __call__(self, units: Sequence[Unit]) -> Outcomes:
        """Every unit in order."""
        for unit in units:
            with _interrupts_noted() as came:
                outcome = attempt(unit)
            # Some tasks end early on Ctrl-C and give what they have, which is not what was asked.
            if came:
                raise KeyboardInterrupt
            yield unit, outcome


@contextmanager
def _interrupts_noted() -> Generator[list[int]]:
    """A list that is not empty once Ctrl-C came, whatever is made of it inside."""
    came = list[int]()
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        came.append(number)
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(eq=False)
class Processes:
    """Processes of this machine. One that is killed is replaced, and its unit computed again.

    They stay for what is computed next, with the programs that they compiled, and end with this
    process.
    """

    workers: int
    _pool: ProcessPoolExecutor | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse less than one."""
        require(self.workers >= 1, f"`workers` must be at least 1, but is {self.workers}.")

    def __call__(self, units: Sequence[Unit]) -> Outcomes:
        """Every unit as it is ready.

        Raises:
            InputError: processes are killed one after the other without getting anything done.
        """
        left, breaks = deque(units), 0
        while left:
            before = len(left)
            try:
                yield from self._until_broken(left)
            except BrokenProcessPool:
                breaks = 1 if len(left) < before else breaks + 1
                require(breaks < _MOST_BREAKS, _killed_again_and_again(left[0]))

    def _until_broken(self, left: deque[Unit]) -> Outcomes:
        """Computes and takes away what is `left`; what is not done when a process dies stays."""
        pool, waiting = self._started(), deque(left)
        running: dict[Future[Outcome], Unit] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.workers * (1 + _AHEAD):
                    unit = waiting.popleft()
                    running[pool.submit(attempt, unit)] = unit
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    unit = running.pop(future)
                    outcome = future.result()
                    left.remove(unit)
                    yield unit, outcome
        except BaseException:
            self.end()
            raise

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, context, _begin_worker)
        return self._pool

    def end(self) -> None:
        """End the processes without waiting for what is under way."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        processes = list((pool._processes or {}).values())  # pyright: ignore[reportPrivateUsage]
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()


def _begin_worker() -> None:
    """Ctrl-C is for the process that waits; who loses that process ends too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)


def _killed_again_and_again(unit: Unit) -> str:
    return (
        f"The processes that compute {unit.name} must live, but were killed {_MOST_BREAKS} times "
        "without getting anything done: most likely memory is short; use fewer `--workers`. What "
        "was finished is kept."
    )
