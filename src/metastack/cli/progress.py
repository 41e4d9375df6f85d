"""Progress of a design on standard error: a bar on a terminal, a line now and then in a log."""

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
