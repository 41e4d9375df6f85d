"""Progress on standard error: a bar on a terminal, a line now and then in a log.

Whoever starts a command and wants to follow it names a file in METASTACK_PROGRESS; everything is
added to it then, a JSON object a line.
"""

import json
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

if TYPE_CHECKING:
    from ..design import InsertionLossMeter, SearchProgress
    from ..stack import Stack

_SECONDS_BETWEEN_LINES = 10.0


class _Bar:
    """A bar on a terminal that goes away at the end; elsewhere a line every ten seconds."""

    def __init__(self, what: str, total: int, *columns: ProgressColumn, **fields: Any) -> None:
        self._what, self._total = what, total
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            *columns,
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(what, total=total, **fields)
        self._last_line = time.monotonic()
        self._told, self._open = os.environ.get("METASTACK_PROGRESS"), ExitStack()

    def __enter__(self) -> Self:
        self._bar.start()
        if self._told:
            self._file = self._open.enter_context(Path(self._told).open("a", encoding="utf-8"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()
        self._bar.stop()

    def _show(self, completed: int, line: str, **fields: Any) -> None:
        self._bar.update(self._task, completed=completed, **fields)
        if self._told:
            told = {"what": self._what, "done": completed, "total": self._total, **fields}
            self._file.write(json.dumps(told) + "\n")
            self._file.flush()
        now = time.monotonic()
        if not self._console.is_terminal and now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            self._console.print(f"{self._what}: {line}", highlight=False)


class DesignProgress(_Bar):
    """Shows which start is running and its error; call it after every iteration."""

    def __init__(self, starts: int, stack: "Stack | None" = None) -> None:
        text = "starts  iteration {task.fields[iteration]}  {task.fields[error_db]:.1f} dB"
        super().__init__("design", starts, TextColumn(text), iteration=0, error_db=0.0)
        self._stack = stack if self._told else None

    def __call__(self, progress: "SearchProgress") -> None:
        """Show every iteration, and after the last of them what the best phases lose."""
        first = progress.first_iteration
        *before, last = enumerate(progress.errors_db.tolist(), start=first)
        for iteration, errors_db in before:
            self._show_all(progress.first_start, iteration, errors_db)
        iteration, errors_db = last
        self._show_all(progress.first_start, iteration, errors_db, self._losses_db(progress))

    def _losses_db(self, progress: "SearchProgress") -> list[float] | None:
        """Insertion losses of all starts, where somebody follows a stack's design."""
        if self._stack is None:
            return None
        return self._meter(progress.phases_rad).tolist()

    @cached_property
    def _meter(self) -> "InsertionLossMeter":
        from ..design import InsertionLossMeter

        assert self._stack is not None
        return InsertionLossMeter.of(self._stack)

    def _show_all(
        self,
        first_start: int,
        iteration: int,
        errors_db: Sequence[float],
        losses_db: Sequence[float] | None = None,
    ) -> None:
        """One iteration of every start of a batch."""
        for index, error_db in enumerate(errors_db):
            start = first_start + index
            place = f"start {start + 1} of {self._total}, iteration {iteration}"
            line = f"{place}, error {error_db:.1f} dB"
            fields = {"iteration": iteration, "error_db": error_db}
            if losses_db is not None:
                fields["insertion_loss_db"] = losses_db[index]
            self._show(start, line, **fields)


class CountProgress(_Bar):
    """Shows how many of a known number of things are done; call `advance` after each."""

    def __init__(self, what: str, total: int) -> None:
        super().__init__(what, total)
        self._done = 0

    def advance(self, done: int) -> None:
        """So many more are done."""
        self._done += done
        self._show(self._done, f"{self._done} of {self._total}")


class EpochProgress(_Bar):
    """Shows how a training goes; call it after every epoch."""

    def __init__(self, epochs: int) -> None:
        text = "epochs  loss {task.fields[loss]:.3f}  right {task.fields[right]:.1%}"
        super().__init__("training", epochs, TextColumn(text), loss=0.0, right=0.0)

    def __call__(self, epoch: int, loss: float, right: float) -> None:
        """Show one epoch."""
        line = f"epoch {epoch} of {self._total}, loss {loss:.3f}, {right:.1%} right"
        self._show(epoch, line, loss=loss, right=right)
