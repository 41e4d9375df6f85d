"""Run folders, told as `metastack runs` tells them."""

import shlex
from collections.abc import Iterator
from typing import Any

from ...cli import runs as command
from ...cli.facts import result_rows
from ...errors import require
from ...files.wording import shown
from ...study.runs import RunFolder, RunIndex
from ..library import Library
from . import text

_PLACES = ("--runs", "-o", "--output")


def runs(library: Library, given: dict[str, Any]) -> list[dict[str, Any]]:
    """All runs, the newest first."""
    return command.run_rows(RunIndex(library.runs).runs())[::-1]


def run(library: Library, given: dict[str, Any]) -> dict[str, Any]:
    """What a run was asked, how far it is, what came of it, and its pictures."""
    folder = RunFolder.open(library.run(text(given, "run")))
    return {
        "facts": command.run_facts(folder),
        "results": result_rows(folder.results()) if folder.is_finished else [],
        "figures": _figures(folder),
        "log": _log(folder),
    }


def compare(library: Library, given: dict[str, Any]) -> dict[str, Any]:
    """How two runs differ."""
    one, other = (RunFolder.open(library.run(text(given, name))) for name in ("run", "other"))
    return command.comparison(one, other)


def resuming(library: Library, given: dict[str, Any]) -> list[str]:
    """The command that goes on with a run that was stopped, where it is.

    Raises:
        InputError: it is of a kind that its own command must go on with.
    """
    path = library.run(text(given, "run")).resolve()
    told = RunFolder.open(path).inputs
    if told.kind == "sweep":
        return ["sweep", "--resume", str(path)]
    words = shlex.split(told.command)
    require(
        words[:2] == ["metastack", "reproduce"] and len(words) > 2,
        f"A run must be a sweep or a reproduction to go on from here, but is {shown(told.kind)}; "
        "run its command again.",
    )
    return ["reproduce", told.name, *_without_places(words[3:]), f"--runs={path.parent}"]


def _without_places(words: list[str]) -> Iterator[str]:
    """Options, but those that say where a run is kept."""
    left = iter(words)
    for word in left:
        if word in _PLACES:
            next(left, None)
        elif word.split("=")[0] not in _PLACES:
            yield word


def _figures(folder: RunFolder) -> list[str]:
    return sorted(path.name for path in (folder.path / "figures").glob("*.png"))


def _log(folder: RunFolder) -> list[str]:
    path = folder.path / "log.txt"
    return path.read_text("utf-8", "replace").splitlines()[-50:] if path.exists() else []
