"""What is known of a job, kept in its folder, so that a reload or another lab loses nothing.

job.json        the form as it was filled in, the commands, the state
progress.jsonl  what the commands told on their way, a JSON object a line
messages.txt    what they said beside their answers
answer-0.json   the answer of the first command, and so on
"""

import json
import shlex
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..errors import InputError, require
from ..files.atomic import replacing
from .library import RECORD, is_id

PROGRESS, MESSAGES = "progress.jsonl", "messages.txt"
_COMPARED = ("nmse_db", "insertion_loss_db", "held_out_nmse_db", "improvement_db")
OWN_FILES = (RECORD, PROGRESS, MESSAGES)


class State(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self not in (State.WAITING, State.RUNNING)


@dataclass(frozen=True)
class JobRecord:
    """One job. `sentence`: why it is over, if not by being done; `field`: what that is about."""

    id: str
    recipe: str
    title: str
    fields: dict[str, Any]
    files: dict[str, str]
    lines: list[list[str]]
    created_utc: str
    state: State = State.WAITING
    step: int = 0
    sentence: str = ""
    field: str | None = None
    ended_utc: str = ""

    def moved(self, state: State, **changes: Any) -> "JobRecord":
        """The same job in another state."""
        ended = {"ended_utc": now_utc()} if state.is_over else {}
        return replace(self, state=state, **ended, **changes)


def now_utc() -> str:
    """The time, as records have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_record(folder: Path, record: JobRecord) -> None:
    """Keep what is known of a job.

    Raises:
        InputError: the disk does not take it.
    """
    with replacing(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")


def read_record(folder: Path) -> JobRecord:
    """What is known of a job.

    Raises:
        InputError: there is no such job, or its record is damaged.
    """
    require(is_id(folder.name) and (folder / RECORD).is_file(), "There is no such job.")
    try:
        told: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        state = State(told.pop("state"))
        return JobRecord(**told, state=state)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"The record of job {folder.name} is damaged: {error}.") from error


def described(folder: Path, record: JobRecord) -> dict[str, Any]:
    """Everything that a page shows of a job."""
    return {
        **asdict(record),
        "commands": [shlex.join(["metastack", *line]) for line in record.lines],
        "messages": messages(folder),
        "answers": [_answer(folder, step) for step in range(len(record.lines))],
        "outputs": outputs(folder),
    }


def headline(folder: Path, record: JobRecord) -> dict[str, Any]:
    """A job in a list: its record, and the numbers by which jobs are compared."""
    answer = _answer(folder, len(record.lines) - 1)
    told = answer if isinstance(answer, dict) else {}
    numbers = {name: told[name] for name in _COMPARED if name in told}
    return {**asdict(record), "numbers": numbers}


def messages(folder: Path) -> list[str]:
    """The lines that the commands said so far."""
    path = folder / MESSAGES
    return path.read_text("utf-8", "replace").splitlines() if path.exists() else []


class ProgressReader:
    """Reads what commands tell on their way, each line once."""

    def __init__(self, folder: Path) -> None:
        self._path, self._offset = folder / PROGRESS, 0
        self.count = 0

    def new_lines(self) -> list[dict[str, Any]]:
        """What was told since the last time; a line that is just being written waits."""
        if not self._path.exists() or self._path.stat().st_size <= self._offset:
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, end, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(end)
        lines = [json.loads(line) for line in whole.decode("utf-8", "replace").splitlines()]
        self.count += len(lines)
        return lines


def outputs(folder: Path) -> list[dict[str, Any]]:
    """Files of the job with their sizes, but its own records."""
    return [
        {"name": path.name, "bytes": path.stat().st_size}
        for path in sorted(folder.glob("[!.]*"))
        if path.is_file() and path.name not in OWN_FILES and not path.name.startswith("answer-")
    ]


def _answer(folder: Path, step: int) -> Any:
    path = folder / f"answer-{step}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
