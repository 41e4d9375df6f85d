"""Progress on standard error: a bar on a terminal, a line now and then in a log."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_SECONDS_BETWEEN_LINES = 10.0


class DesignProgress:
    """Shows which start is running and its error; call it after every iteration."""

    def __init__(self, starts: int) -> None:
        self._starts = starts
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("design"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(
                "starts  iteration {task.fields[iteration]}  {task.fields[error_db]:.1f} dB"
            ),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("design", total=starts, iteration=0, error_db=0.0)
        self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, start: int, iteration: int, error_db: float) -> None:
        """Show one iteration of one start."""
        self._bar.update(self._task, completed=start, iteration=iteration, error_db=error_db)
        if not self._console.is_terminal and self._is_time():
            place = f"start {start + 1} of {self._starts}, iteration {iteration}"
            self._console.print(f"design: {place}, error {error_db:.1f} dB", highlight=False)

    def _is_time(self) -> bool:
        now = time.monotonic()
        if now - self._last_line < _SECONDS_BETWEEN_LINES:
            return False
        self._last_line = now
        return True


class CountProgress:
    """Shows how many of a known number of things are done; call `advance` after each."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(what, total=total)
        self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def advance(self, done: int) -> None:
        """So many more are done."""
        self._done += done
        self._bar.update(self._task, completed=self._done)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            self._console.print(f"{self._what}: {self._done} of {self._total}", highlight=False)
