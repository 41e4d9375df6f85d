"""Jobs: commands in processes and folders of their own, few at a time, watched and stopped."""

import asyncio
import os
import shutil
import signal
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError, require
from ..files.toml_sections import changed_toml
from ..files.wording import at_file, read_text, shown
from .forms import Recipe, RefusedFormError
from .job_record import (
    MESSAGES,
    PROGRESS,
    JobRecord,
    State,
    messages,
    now_utc,
    read_record,
    write_record,
)
from .library import Library, is_id, new_id, suffix_of
from .processes import environment, python_module
from .recipes import RECIPES
from .references import references
from .stack_form import typed_changes

_OK, _REFUSED, _INTERRUPTED = 0, 2, 130
_PATIENCE_S = 5.0
_MOST_WAITING = 50
_LOST = "The lab was closed while this job ran; run it again."
_KILLED = "The process of this job was killed: most likely memory is short. What it wrote is kept."
_STOPPED = "Stopped."


@dataclass(frozen=True)
class Limits:
    """How much jobs may take: processes at a time, bytes of memory each."""

    at_a_time: int = max(1, min(4, (os.cpu_count() or 2) - 1))
    most_bytes: int = 6 * 2**30


@dataclass
class Jobs:
    """All jobs of a lab: those that wait or run, and those whose folders are there."""

    library: Library
    limits: Limits = field(default_factory=Limits)
    _tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict[str, Any])
    _processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict[str, Any])
    _waiting: set[str] = field(default_factory=set[str])
    _stopped: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.limits.at_a_time)

    def folder(self, job: str) -> Path:
        """The folder of a job.

        Raises:
            InputError: there is no such job.
        """
        require(is_id(job), f"`{shown(job)}` is no job of this lab.")
        return self.library.jobs / job

    def record(self, job: str) -> JobRecord:
        """What is known of a job.

        Raises:
            InputError: there is no such job.
        """
        return read_record(self.folder(job))

    def records(self) -> list[JobRecord]:
        """All jobs, the newest first; folders that are none are left out."""
        found = list[JobRecord]()
        for folder in sorted(self.library.jobs.glob("*"), reverse=True):
            with suppress(InputError):
                found.append(read_record(folder))
        return found

    def recover(self) -> None:
        """Say of jobs that another lab left behind that they are lost."""
        for record in self.records():
            if not record.state.is_over:
                self._write(record.moved(State.FAILED, sentence=_LOST))

    def submit(self, asked: Mapping[str, Any]) -> JobRecord:
        """Begin a job: `recipe`, `fields` by name, and `changes` and `poses` of its stack file.

        Raises:
            RefusedFormError: something that no command can be made of; too many jobs wait.
        """
        recipe = RECIPES.get(str(asked.get("recipe")))
        if recipe is None:
            raise RefusedFormError(
                f"`{shown(asked.get('recipe'))}` is nothing that this lab does.", None
            )
        return self._submit(recipe, _texts(asked.get("fields")), asked)

    def run(self, title: str, lines: list[list[str]]) -> JobRecord:
        """Begin a job of commands that were made elsewhere."""
        folder = self._new_folder()
        return self._begun(folder, JobRecord(folder.name, "", title, {}, {}, lines, now_utc()))

    def _submit(
        self, recipe: Recipe, fields: dict[str, str], asked: Mapping[str, Any]
    ) -> JobRecord:
        files, changes = self._files(recipe, fields), _table(asked.get("changes"))
        lines = recipe.lines(fields, files)
        folder = self._new_folder()
        try:
            self._fill(folder, fields, files, asked)
        except InputError:
            shutil.rmtree(folder)
            raise
        kept = {**fields, "changes": changes, "poses": asked.get("poses", [])}
        return self._begun(
            folder,
            JobRecord(
                folder.name,
                recipe.name,
                recipe.told(fields, _texts(changes)),
                kept,
                files,
                lines,
                now_utc(),
            ),
        )

    def _fill(
        self,
        folder: Path,
        fields: Mapping[str, str],
        files: Mapping[str, str],
        asked: Mapping[str, Any],
    ) -> None:
        """Copy what the commands read, the stack file with its changes."""
        for name, file in files.items():
            with _beside(name):
                self.library.copy(fields[name], folder, to=file)
        if "stack" not in files:
            return
        stack = folder / files["stack"]
        if changes := typed_changes(_table(asked.get("changes"))):
            with _beside("stack"):
                _write_changed(stack, stack, changes)
        if "poses" in asked:
            poses = [_table(each) for each in _list(asked["poses"])]
            _write_changed(stack, folder / "built.toml", {"poses": poses})

    def _files(self, recipe: Recipe, fields: Mapping[str, str]) -> dict[str, str]:
        """What the files of fields are called in the job's folder; every one must be there."""
        names = dict[str, str]()
        for each in recipe.fields:
            given = fields.get(each.name, "")
            if not each.is_file(given):
                continue
            with _beside(each.name):
                require(given, f"`{each.label}` must be chosen, but is not.")
                self.library.path(given)
            names[each.name] = each.name + (Path(given).suffix or suffix_of(given))
        return names

    def _new_folder(self) -> Path:
        if len(self._tasks) >= _MOST_WAITING:
            raise RefusedFormError(f"At most {_MOST_WAITING} jobs may wait; stop some first.", None)
        folder = self.library.jobs / new_id()
        folder.mkdir(parents=True)
        return folder

    def _begun(self, folder: Path, record: JobRecord) -> JobRecord:
        self._write(record)
        task = asyncio.get_running_loop().create_task(self._work(folder, record))
        self._tasks[record.id] = task
        self._waiting.add(record.id)
        task.add_done_callback(lambda _: self._forget(record.id))
        return record

    def _forget(self, job: str) -> None:
        """Keep nothing in memory of a job that is over."""
        self._tasks.pop(job, None)
        self._waiting.discard(job)
        self._stopped.discard(job)

    async def _work(self, folder: Path, record: JobRecord) -> None:
        """Wait for room, run the commands, and write how it ended."""
        async with self._room:
            self._waiting.discard(record.id)
            try:
                record = await self._worked(folder, record)
            except OSError as error:
                reason = error.strerror or str(error)
                sentence = f"This job could not be run: {reason}."
                record = record.moved(State.FAILED, sentence=sentence)
        self._write(record)

    async def _worked(self, folder: Path, record: JobRecord) -> JobRecord:
        for step, line in enumerate(record.lines):
            if record.id in self._stopped:
                return record.moved(State.STOPPED, sentence=_STOPPED)
            record = record.moved(State.RUNNING, step=step)
            self._write(record)
            code = await self._run(folder, record.id, step, line)
            if code != _OK:
                return _ended(record, folder, code, stopped=record.id in self._stopped)
        return record.moved(State.DONE)

    async def _run(self, folder: Path, job: str, step: int, line: list[str]) -> int:
        """Run one command to its end, and give back its exit code."""
        command = (*python_module("job_worker"), str(self.limits.most_bytes))
        with (
            (folder / f"answer-{step}.json").open("wb") as answer,
            (folder / MESSAGES).open("ab") as said,
        ):
            process = await asyncio.create_subprocess_exec(
                *command,
                *line,
                "--json",
                cwd=folder,
                env=environment(METASTACK_PROGRESS=PROGRESS, COLUMNS="200"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=answer,
                stderr=said,
                start_new_session=True,
            )
            self._processes[job] = process
            try:
                return await process.wait()
            finally:
                self._processes.pop(job, None)

    def stop(self, job: str) -> None:
        """Stop a job, which writes how far it came; asked again, end it at once.

        Raises:
            InputError: there is no such job.
        """
        record = self.record(job)
        if job not in self._tasks:
            return
        if job in self._waiting:
            self._tasks[job].cancel()
            self._write(record.moved(State.STOPPED, sentence=_STOPPED))
            return
        process, again = self._processes.get(job), job in self._stopped
        self._stopped.add(job)
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGKILL if again else signal.SIGINT)

    def remove(self, job: str) -> None:
        """Remove a job with everything that it wrote.

        Raises:
            InputError: there is no such job, or it is not over.
        """
        self.record(job)
        require(job not in self._tasks, "A job must be over to be removed; stop it first.")
        shutil.rmtree(self.folder(job))

    async def close(self) -> None:
        """Stop everything, and wait a little for what is written then."""
        tasks = list(self._tasks.values())
        for job in list(self._tasks):
            self.stop(job)
        if tasks:
            await asyncio.wait(tasks, timeout=_PATIENCE_S)
        for job in list(self._tasks):
            self.stop(job)
        if tasks:
            await asyncio.wait(tasks, timeout=_PATIENCE_S)

    def _write(self, record: JobRecord) -> None:
        write_record(self.library.jobs / record.id, record)


def _ended(record: JobRecord, folder: Path, code: int, *, stopped: bool) -> JobRecord:
    """What a command that did not answer says: its last line, and the field that is about."""
    if code == _INTERRUPTED or stopped:
        return record.moved(State.STOPPED, sentence=_STOPPED)
    if code == -signal.SIGKILL:
        return record.moved(State.FAILED, sentence=_KILLED)
    said = messages(folder)
    sentence = said[-1].removeprefix("metastack: ") if said else f"Ended with code {code}."
    if code != _REFUSED:
        return record.moved(State.FAILED, sentence=sentence)
    recipe = RECIPES.get(record.recipe)
    about = recipe.field_of(sentence, record.files, record.fields["changes"]) if recipe else None
    return record.moved(State.REFUSED, sentence=sentence, field=about)


@contextmanager
def _beside(field: str) -> Generator[None]:
    """Refusals inside are about this field."""
    try:
        yield
    except InputError as error:
        raise RefusedFormError(str(error), field) from error


def _texts(value: Any) -> dict[str, str]:
    return {name: str(each).strip() for name, each in _table(value).items()}


def _table(value: Any) -> dict[str, Any]:
    """A mapping as it came from a page.

    Raises:
        RefusedFormError: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusedFormError("A form must be an object of its fields.", None)
    return {str(name): each for name, each in value.items()}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise RefusedFormError("`poses` must be a list.", None)
    return value


def _write_changed(path: Path, to: Path, changes: Mapping[str, Any]) -> None:
    try:
        text = changed_toml(read_text(path), changes)
        references(text)
    except (InputError, TypeError) as error:
        raise at_file(str(error), path.name) from error
    to.write_text(text, encoding="utf-8")
