"""Progress on standard error: a bar on a terminal, a line now and then in a log.

Whoever starts a command and wants to follow it names a file in METASTACK_PROGRESS; everything is
added to it then, a JSON object a line.
"""

import json
import math
import os
import time
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cached_property
from itertools import repeat
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
_SECONDS_BETWEEN_ENDS = 0.2


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
        if kind is None:
            self._finish()
        self._open.close()
        self._bar.stop()

    def _finish(self) -> None:
        """Show what is left to show once everything went well."""

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
    """Shows which start is running and its error; `stack`: its loss, too, to who follows."""

    def __init__(self, starts: int, stack: "Stack | None" = None) -> None:
        text = "starts  iteration {task.fields[iteration]}  {task.fields[error_db]:.1f} dB"
        super().__init__("design", starts, TextColumn(text), iteration=0, error_db=0.0)
        self._stack = stack if self._told else None
        self._untold: SearchProgress | None = None
        self._last_end = -math.inf

    def _finish(self) -> None:
        if self._untold is not None:
            self._show_end(self._untold)

    def __call__(self, progress: "SearchProgress") -> None:
        """Show the iterations that are worth it, and now and then what the best phases lose."""
        if self._untold is not None and self._untold.first_start != progress.first_start:
            self._show_end(self._untold)
        for iteration, errors_db in enumerate(progress.errors_db, progress.first_iteration):
            if _is_shown(iteration):
                self._show_starts(progress.first_start, iteration, errors_db)
        self._untold = progress
        if time.monotonic() - self._last_end >= _SECONDS_BETWEEN_ENDS:
            self._show_end(progress)

    def _show_end(self, progress: "SearchProgress") -> None:
        """The last iteration, with the insertion loss of the best phases."""
        iteration = progress.first_iteration + len(progress.errors_db) - 1
        losses = None if self._stack is None else self._meter(progress.phases_rad)
        self._show_starts(progress.first_start, iteration, progress.errors_db[-1], losses)
        self._untold, self._last_end = None, time.monotonic()

    @cached_property
    def _meter(self) -> "InsertionLossMeter":
        from ..design import InsertionLossMeter

        assert self._stack is not None
        return InsertionLossMeter.of(self._stack)

    def _show_starts(
        self,
        first: int,
        iteration: int,
        errors_db: Iterable[Any],
        losses_db: Iterable[Any] | None = None,
    ) -> None:
        """One iteration of every start of a batch."""
        losses = repeat(None) if losses_db is None else map(float, losses_db)
        # `losses` may be without end.
        for start, (error, loss) in enumerate(zip(errors_db, losses, strict=False), first):
            fields = {"iteration": iteration, "error_db": float(error)}
            if loss is not None:
                fields["insertion_loss_db"] = loss
            place = f"start {start + 1} of {self._total}, iteration {iteration}"
            self._show(start, f"{place}, error {fields['error_db']:.1f} dB", **fields)


def _is_shown(iteration: int) -> bool:
    """Every iteration at first, then every second, fourth, ...: as many each time it doubles."""
    return iteration % 2 ** max(0, iteration.bit_length() - 8) == 0


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
