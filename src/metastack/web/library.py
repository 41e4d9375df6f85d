"""The files that pages may name: examples, uploads, and what jobs left. Nothing else is reached.

A file is called by where it is and its name: `example/stack_2x2.toml`, `upload/ID/stack.toml`,
`job/ID/design.nc`.
"""

import json
import re
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from ..errors import InputError, require
from ..files.wording import naming, read_text, shown
from .references import references

EXAMPLES = Path(__file__).parent / "examples"
SUFFIXES = (".toml", ".nc", ".npz", ".npy", ".mat", ".h5", ".csv", ".sNp")
RECORD = "job.json"
MOST_BYTES, MOST_FILES = 64 * 2**20, 20
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}")
_NAME = re.compile(r"\w[\w. ,+()-]{0,120}")
_TOUCHSTONE = re.compile(r"\.s[0-9]{1,4}p")


def new_id() -> str:
    """A name for a folder that sorts by time and that nobody guesses."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(4)}"


def is_id(text: str) -> bool:
    """Whether `new_id` could have made this name."""
    return _ID.fullmatch(text) is not None


def suffix_of(name: str) -> str:
    """The ending of a file's name in small letters, `.sNp` for Touchstone of any ports."""
    suffix = Path(name).suffix.lower()
    return ".sNp" if _TOUCHSTONE.fullmatch(suffix) else suffix


@dataclass(frozen=True)
class Library:
    """Files below the lab's own folder."""

    folder: Path

    @property
    def runs(self) -> Path:
        """The folder of all runs, in which the lab's own folder is."""
        return self.folder.parent

    def run(self, name: str) -> Path:
        """The folder of a run.

        Raises:
            InputError: there is no run of that name.
        """
        path = self.runs / name
        is_inside = Path(name).name == name and "\0" not in name and not path.is_symlink()
        is_run = is_inside and (path / "run.json").is_file()
        require(is_run, f"There is no run `{shown(name)}` here.")
        return path

    @property
    def jobs(self) -> Path:
        """A folder for each job."""
        return self.folder / "jobs"

    @property
    def uploads(self) -> Path:
        """A folder for each upload."""
        return self.folder / "uploads"

    def path(self, name: str) -> Path:
        """Where a file is.

        Raises:
            InputError: there is no file of that name.
        """
        place, *middle, file = name.split("/") if name.count("/") in (1, 2) else ("", "")
        roots = {"example": EXAMPLES, "upload": self.uploads, "job": self.jobs}
        is_named = len(middle) == (place != "example") and all(map(is_id, middle))
        require(
            place in roots and is_named and _NAME.fullmatch(file),
            f"`{shown(name)}` is no file of this lab.",
        )
        path = roots[place].joinpath(*middle, file)
        inside = path.is_file() and path.resolve().is_relative_to(roots[place].resolve())
        require(inside, f"There is no file `{shown(name)}` in this lab; choose another.")
        return path

    def names(self, suffixes: Iterable[str]) -> list[dict[str, str]]:
        """Files with one of these endings, examples first, then the newest: name and label."""
        return [
            {"name": name, "label": label}
            for name, label in self._all()
            if suffix_of(name) in tuple(suffixes)
        ]

    def _all(self) -> Iterator[tuple[str, str]]:
        for path in sorted(EXAMPLES.iterdir()):
            yield f"example/{path.name}", f"{path.name} (published)"
        for place, root in (("job", self.jobs), ("upload", self.uploads)):
            for folder in sorted(root.glob("*"), reverse=True):
                copies = _copies(folder)
                for path in sorted(folder.glob("[!.]*")):
                    if path.name not in copies:
                        yield f"{place}/{folder.name}/{path.name}", f"{path.name} ({_told(folder)})"

    def keep(self, files: Iterable[tuple[str, bytes]]) -> list[str]:
        """Keep files that were uploaded together, and say what they are called here.

        Raises:
            InputError: no files or too many, a name or an ending that is not taken, a stack file
                that refers to files elsewhere.
        """
        named = [(Path(name.replace("\\", "/")).name, content) for name, content in files]
        require(1 <= len(named) <= MOST_FILES, f"Upload from 1 to {MOST_FILES} files at a time.")
        for name, content in named:
            _check_upload(name, content)
        alike = [name for name, count in Counter(name for name, _ in named).items() if count > 1]
        require(not alike, f"Files of one upload must have names of their own, but {alike} repeat.")
        folder = self.uploads / new_id()
        folder.mkdir(parents=True)
        for name, content in named:
            (folder / name).write_bytes(content)
        return [f"upload/{folder.name}/{name}" for name, _ in named]

    def copy(self, name: str, folder: Path, *, to: str) -> None:
        """Copy a file to `folder / to`, and beside it what it refers to if it is a stack file.

        Raises:
            InputError: a stack file that refers to what is not beside it, or has the name of a file
                that is there already.
        """
        path = self.path(name)
        beside = references(read_text(path)) if path.suffix == ".toml" else []
        copied = {other: self.path(f"{name.rpartition('/')[0]}/{other}") for other in beside}
        for target, source in [*copied.items(), (to, path)]:
            require(
                not (folder / target).exists(),
                f"`{target}` is the name of another file of this job; call it otherwise.",
            )
            shutil.copyfile(source, folder / target)


def _told(folder: Path) -> str:
    day, clock, _ = folder.name.split("-")
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {clock[:2]}:{clock[2:4]}:{clock[4:]}"


def _copies(folder: Path) -> Collection[str]:
    """What a job only copied; its stack file is its own where numbers were changed."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        copies = set(record["files"].values())
        return copies - {record["files"].get("stack")} if record["fields"]["changes"] else copies
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()


def _check_upload(name: str, content: bytes) -> None:
    require(
        _NAME.fullmatch(name) and suffix_of(name) in SUFFIXES,
        f"An upload must end in {', '.join(SUFFIXES)}, its name be of letters, digits, `. ,+()-`, "
        f"but it is {shown(name)}.",
    )
    require(content, f"An upload must hold something, but `{name}` is empty.")
    if suffix_of(name) == ".toml":
        with naming(name):
            references(_decoded(content))


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"The file must be text in UTF-8, but is not: {error}.") from error
