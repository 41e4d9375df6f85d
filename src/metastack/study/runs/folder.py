"""The folder of a run: what was asked, what is finished, what came of it.

    run.json      what it is: kind, name, version, seed, number of units and points
    inputs/       the files that it was asked with
    units/        a file for each finished unit, written whole or not at all
    log.txt       what happened when
    results.nc    one labelled dataset, once everything is finished
    figures/      its pictures

Nothing in it is ever changed but by being replaced, so that it is whole whenever it is looked at.
One process at a time computes in a folder.
"""

import json
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError, require
from ...files.atomic import replacing
from ...files.dataset_file import load_dataset, save_dataset
from ...files.exclusive import alone_in
from ...files.wording import one_line, shown
from ..units import Results, Unit
from .executors import Outcome, Refused
from .version import code_version

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

FORMAT_VERSION = 1
_KIND = "run"


@dataclass(frozen=True)
class RunInputs:
    """What a run is asked to do. Two runs with equal `fingerprint` give equal numbers."""

    kind: str
    name: str
    fingerprint: str
    seed: int
    units: int
    points: int
    command: str
    version: str = field(default_factory=code_version)

    @property
    def folder_name(self) -> str:
        """A name that only a run with equal numbers has."""
        digest = sha256(f"{self.fingerprint} {self.version}".encode()).hexdigest()
        return f"{self.name}-{digest[:8]}"


@dataclass(frozen=True)
class RunFolder:
    """A run's folder; see the head of this file."""

    path: Path
    inputs: RunInputs
    created_utc: str

    @classmethod
    def begin(cls, path: Path, inputs: RunInputs, files: Mapping[str, str]) -> "RunFolder":
        """A folder for a run with these inputs: a new one, or one that was begun with the same.

        `files`: texts of the input files by name, kept beside.

        Raises:
            InputError: the folder holds something else, another run, or one of another version.
        """
        if (path / "run.json").exists():
            return cls.open(path).for_inputs(inputs)
        require(
            not path.exists() or (path.is_dir() and not _strangers(path)),
            f"`{path}` must be the folder of a run, or new, but holds other files; give another.",
        )
        folder = cls(path, inputs, datetime.now(UTC).isoformat(timespec="seconds"))
        _make(path / "units")
        _make(path / "inputs")
        for name, text in files.items():
            with replacing(path / "inputs" / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
        about = {"metastack_kind": _KIND, "format_version": FORMAT_VERSION}
        about |= {"created_utc": folder.created_utc, **asdict(inputs)}
        # Last: a folder with this file is complete.
        _write_json(path / "run.json", about)
        return folder

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """The folder of a run that was begun.

        Raises:
            InputError: it is none, or is damaged, or has a newer format.
        """
        about = _read_json(path / "run.json")
        require(
            about.pop("metastack_kind", None) == _KIND,
            f"`{path}` must be the folder of a run, but its run.json says something else.",
        )
        found = about.pop("format_version", None)
        require(
            found == FORMAT_VERSION,
            f"`format_version` of the run `{path}` must be {FORMAT_VERSION}, but is "
            f"{shown(found)}; use the metastack that wrote it.",
        )
        counts = {"seed", "units", "points"}
        wrong = [k for k, v in about.items() if not isinstance(v, int if k in counts else str)]
        require(
            not wrong and about.keys() == {"created_utc", *(f.name for f in fields(RunInputs))},
            f"`{path / 'run.json'}` is damaged: a value is missing or of another kind.",
        )
        return cls(path, created_utc=about.pop("created_utc"), inputs=RunInputs(**about))

    def for_inputs(self, inputs: RunInputs) -> "RunFolder":
        """The same folder, if its run was begun with these inputs.

        Raises:
            InputError: with others, or by another version.
        """
        self.require_own_version()
        require(
            self.inputs.fingerprint == inputs.fingerprint,
            f"`{self.path}` must be a run with the same inputs, but was begun with others; give "
            "another folder, or delete it with `metastack runs delete`.",
        )
        return self

    def require_own_version(self) -> None:
        """Refuse to go on with what another version began: numbers would be mixed.

        Raises:
            InputError: another version.
        """
        require(
            self.inputs.version == code_version(),
            f"The run `{self.path}` must be of metastack {code_version()} to go on, but was begun "
            f"by {self.inputs.version}; use that version, or begin another run.",
        )

    @property
    def is_finished(self) -> bool:
        """Whether there is a dataset of everything."""
        return (self.path / "results.nc").exists()

    @property
    def done(self) -> int:
        """How many units are finished."""
        return sum(1 for each in (self.path / "units").glob("[!.]*") if each.is_file())

    def keep(self, unit: Unit, outcome: Outcome) -> None:
        """Write what became of a unit.

        Raises:
            InputError: the file cannot be written: a full disk, for instance.
        """
        if isinstance(outcome, Refused):
            _write_json(self._file(unit, "json"), {"refused": outcome.reason})
            return
        with replacing(self._file(unit, "npz")) as temporary:
            np.savez(temporary, allow_pickle=False, **dict(outcome))

    def recall(self, unit: Unit) -> Outcome | None:
        """What became of a unit, or nothing if it is not finished or its file is damaged."""
        return _refusal(self._file(unit, "json")) or _arrays(self._file(unit, "npz"))

    def _file(self, unit: Unit, suffix: str) -> Path:
        return self.path / "units" / f"{unit.key}.{suffix}"

    def draw(self, figures: "Mapping[str, Figure]") -> None:
        """Keep pictures, as PNG and SVG.

        Raises:
            InputError: they cannot be written.
        """
        _make(self.path / "figures")
        for name, figure in figures.items():
            for suffix in ("png", "svg"):
                with replacing(self.path / "figures" / f"{name}.{suffix}") as temporary:
                    figure.savefig(temporary, format=suffix, dpi=220)

    def finish(self, data: "xr.Dataset") -> None:
        """Keep the dataset of everything, which says that the run is finished.

        Raises:
            InputError: it cannot be written.
        """
        save_dataset(self.path / "results.nc", data, kind=f"{self.inputs.kind} results")

    def results(self) -> "xr.Dataset":
        """The dataset of everything.

        Raises:
            InputError: the run is not finished, or the file is damaged.
        """
        require(
            self.is_finished,
            f"The run `{self.path}` must be finished, but has {self.done} of {self.inputs.units} "
            "units; go on with it first.",
        )
        return load_dataset(self.path / "results.nc", kind=f"{self.inputs.kind} results")

    def log(self, message: str) -> None:
        """Add a line to the log.

        Raises:
            InputError: it cannot be written.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            with (self.path / "log.txt").open("a", encoding="utf-8") as file:
                file.write(f"{now} {one_line(message)}\n")
        except OSError as error:
            raise _cannot_write(self.path / "log.txt", error) from error

    @contextmanager
    def alone(self) -> Generator[None]:
        """Compute in this folder, while nobody else does.

        Raises:
            InputError: another process does; the folder cannot be written to.
        """
        with alone_in(self.path, what="computed", instead="wait for it, or give another folder"):
            self._remove_half_written()
            yield

    def _remove_half_written(self) -> None:
        """Temporary files of a process that was killed."""
        for leftover in (self.path / "units").glob(".*"):
            leftover.unlink(missing_ok=True)


def _strangers(path: Path) -> list[str]:
    ours = {"units", "inputs", "log.txt", ".lock", ".holder"}
    return [each.name for each in path.iterdir() if each.name not in ours]


def _refusal(path: Path) -> Refused | None:
    try:
        return Refused(str(_read_json(path)["refused"]))
    except (InputError, KeyError):
        return None


def _arrays(path: Path) -> Results | None:
    try:
        # NumPy would leave a file that it opened itself open, if it is damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error


def _cannot_write(path: Path, error: OSError) -> InputError:
    return InputError(one_line(f"`{path}` cannot be written: {error.strerror or error}."))


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"`{path.parent}` must be the folder of a run, but is none.") from None
    except (OSError, ValueError) as error:
        raise InputError(one_line(f"`{path}` cannot be read, it is damaged: {error}.")) from error
    require(isinstance(content, dict), f"`{path}` is damaged: it must hold an object.")
    return content
