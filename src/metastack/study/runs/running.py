"""Run units in a folder: what is computed is kept at once, and not computed again."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from ...errors import InputError
from ..units import Unit
from .executors import Executor, InProcess, Outcome
from .folder import RunFolder

# Called with the number of points that became ready.
OnPoints: TypeAlias = Callable[[int], None]

A_DAY_S = 86_400.0
# An estimate waits for so many units, or so long: the first ones compile what the others use.
_UNITS_BEFORE_ESTIMATE, _SECONDS_BEFORE_ESTIMATE = 4, 600.0


def run_units(
    units: Sequence[Unit],
    folder: RunFolder,
    *,
    executor: Executor | None = None,
    on_points: OnPoints | None = None,
    most_seconds: float = A_DAY_S,
) -> list[Outcome]:
    """What became of every unit, in order, computing those that are not finished in the folder.

    Without an `executor` in this process. The caller holds the folder (`RunFolder.alone`).

    Raises:
        InputError: the run would take more than `most_seconds`, by its first units; a file cannot
            be written; see the executor for more.
    """
    executor, tell = executor or InProcess(), on_points or (lambda _: None)
    missing = {unit.key: unit for unit in units if folder.recall(unit) is None}
    tell(sum(unit.points for unit in units if unit.key not in missing))
    if missing:
        _compute(list(missing.values()), folder, executor, tell, most_seconds)
    return [_recalled(folder, unit) for unit in units]


def _compute(
    units: Sequence[Unit],
    folder: RunFolder,
    executor: Executor,
    tell: OnPoints,
    most_seconds: float,
) -> None:
    folder.log(f"computing {len(units)} units by {executor}")
    began, results = time.monotonic(), executor(units)
    try:
        for done, (unit, outcome) in enumerate(results, start=1):
            folder.keep(unit, outcome)
            tell(unit.points)
            _check_duration(time.monotonic() - began, done, len(units), most_seconds)
    except BaseException as error:
        # A full disk has no room for this either, and is told of by the error.
        with suppress(InputError):
            folder.log(f"stopped: {type(error).__name__} {error}")
        raise
    finally:
        results.close()
    folder.log(f"finished in {time.monotonic() - began:.1f} s")


def _check_duration(seconds: float, done: int, units: int, most_seconds: float) -> None:
    if done < _UNITS_BEFORE_ESTIMATE and seconds < _SECONDS_BEFORE_ESTIMATE:
        return
    left = seconds / done * (units - done)
    if left > most_seconds:
        raise InputError(
            f"This would take {in_words(left)} more, by its first {done} of {units} units, which "
            "are kept; make it smaller, use more workers, or give `--yes`."
        )


def in_words(seconds: float) -> str:
    """A duration as people say it: two figures and a unit."""
    for unit, size in (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return (
                f"{seconds / size:.2g} {unit}"
                if seconds < 100 * size
                else f"{seconds / size:.0f} {unit}"
            )
    return f"{seconds:.2g} seconds"


def _recalled(folder: RunFolder, unit: Unit) -> Outcome:
    outcome = folder.recall(unit)
    if outcome is None:
        raise InputError(f"A finished unit of `{folder.path}` is gone or damaged; run it again.")
    return outcome
