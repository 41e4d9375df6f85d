"""Run folders, told as `metastack runs` tells them."""

from typing import Any

from ...cli import runs as command
from ...cli.facts import result_rows
from ...study.runs import RunFolder, RunIndex
from ..library import Library
from . import text


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


def _figures(folder: RunFolder) -> list[str]:
    return sorted(path.name for path in (folder.path / "figures").glob("*.png"))


def _log(folder: RunFolder) -> list[str]:
    path = folder.path / "log.txt"
    return path.read_text("utf-8", "replace").splitlines()[-50:] if path.exists() else []
