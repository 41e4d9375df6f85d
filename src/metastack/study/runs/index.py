"""The index of many runs: an SQLite file beside their folders, made anew from them at any time.

The folders are the truth. Whenever the index is asked, runs that came, went or went on since are
noticed by the times of their files, and only those are read again.
"""

import shutil
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from ...errors import InputError, require
from ...files.wording import one_line
from .folder import RunFolder

_FILE = "runs.sqlite"
_WAIT_S = 30


@dataclass(frozen=True)
class RunEntry:
    """What the index knows of a run.

    `folder` is relative to the index; `finished` is 1 if there is a dataset of everything, else 0;
    `stamp` tells changes.
    """

    folder: str
    kind: str
    name: str
    version: str
    created_utc: str
    seed: int
    units: int
    done: int
    points: int
    finished: int
    command: str
    stamp: str


@dataclass(frozen=True)
class RunIndex:
    """The runs in the folders of one folder, `root`."""

    root: Path

    def runs(self) -> list[RunEntry]:
        """Every run, the newest last, after a look at what changed.

        Raises:
            InputError: the index cannot be written.
        """
        with self._database() as database:
            _refresh(database, self.root)
            rows = database.execute("SELECT * FROM runs ORDER BY created_utc, folder").fetchall()
        names = [field.name for field in fields(RunEntry)]
        return [RunEntry(**dict(zip(names, row, strict=True))) for row in rows]

    def rebuild(self) -> list[RunEntry]:
        """The same from the folders alone, whatever the index says or has become."""
        (self.root / _FILE).unlink(missing_ok=True)
        return self.runs()

    def folder(self, name: str) -> RunFolder:
        """A run by the name of its folder, or a path.

        Raises:
            InputError: there is none; the name stands for several.
        """
        for path in (self.root / name, Path(name)):
            if (path / "run.json").exists():
                return RunFolder.open(path)
        known = [entry.folder for entry in self.runs()]
        near = [folder for folder in known if folder.startswith(name)]
        require(
            len(near) == 1,
            f"`{name}` must be a run in `{self.root}`, or the beginning of one's name, but "
            f"{'stands for ' + ', '.join(near) if near else 'there is none'}; "
            "`metastack runs list` shows them.",
        )
        return RunFolder.open(self.root / near[0])

    def delete(self, folder: RunFolder) -> None:
        """Remove a run's folder and everything in it, unless it is being computed.

        Raises:
            InputError: it is being computed, or cannot be removed.
        """
        try:
            # First what makes it a run: what is left of an interrupted removal is none.
            with folder.alone():
                (folder.path / "run.json").unlink()
            shutil.rmtree(folder.path)
        except OSError as error:
            message = f"`{folder.path}` cannot be removed: {error.strerror or error}."
            raise InputError(one_line(message)) from error

    @contextmanager
    def _database(self) -> Generator[sqlite3.Connection]:
        require(self.root.is_dir(), f"`{self.root}` must be a folder of runs, but is none.")
        path = self.root / _FILE
        try:
            database = _opened(path)
        except sqlite3.OperationalError as error:
            raise InputError(one_line(f"`{path}` cannot be used: {error}.")) from error
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            database = _opened(path)
        try:
            with database:
                yield database
        except sqlite3.Error as error:
            raise InputError(one_line(f"`{path}` cannot be written: {error}.")) from error
        finally:
            database.close()


def _opened(path: Path) -> sqlite3.Connection:
    """The database with its table; one of another shape is none.

    Raises:
        sqlite3.DatabaseError: the file is damaged or something else.
    """
    database = sqlite3.connect(path, timeout=_WAIT_S)
    columns = ", ".join(f"{field.name} NOT NULL" for field in fields(RunEntry))
    try:
        database.execute(f"CREATE TABLE IF NOT EXISTS runs ({columns}, PRIMARY KEY (folder))")
        found = [row[1] for row in database.execute("PRAGMA table_info(runs)")]
        if found != [field.name for field in fields(RunEntry)]:
            raise sqlite3.DatabaseError("a table of another version")
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database


def _refresh(database: sqlite3.Connection, root: Path) -> None:
    known = dict(database.execute("SELECT folder, stamp FROM runs"))
    there = {path.parent.name: _stamp(path.parent) for path in root.glob("*/run.json")}
    database.executemany(
        "DELETE FROM runs WHERE folder = ?", [(name,) for name in known.keys() - there.keys()]
    )
    marks = ", ".join("?" for _ in fields(RunEntry))
    for name, stamp in there.items():
        if known.get(name) == stamp:
            continue
        database.execute("DELETE FROM runs WHERE folder = ?", (name,))
        if entry := _entry(root / name, stamp):
            database.execute(f"INSERT INTO runs VALUES ({marks})", astuple(entry))


def _stamp(path: Path) -> str:
    """Changes whenever a unit is finished, the dataset written or the run begun anew."""
    watched = (path / "run.json", path / "units", path)
    return " ".join(str(each.stat().st_mtime_ns) for each in watched if each.exists())


def _entry(path: Path, stamp: str) -> RunEntry | None:
    """Nothing for a folder that another version's run is in, or that is just being removed."""
    try:
        folder = RunFolder.open(path)
    except InputError:
        return None
    told = folder.inputs
    return RunEntry(
        path.name,
        told.kind,
        told.name,
        told.version,
        folder.created_utc,
        told.seed,
        told.units,
        folder.done,
        told.points,
        int(folder.is_finished),
        told.command,
        stamp,
    )
