"""`metastack runs`: what was computed, shown, compared, deleted."""

from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson
from .output import emit
from .run_options import RunsFolder, existing_runs_folder

if TYPE_CHECKING:
    import xarray as xr

    from ..study.runs import RunEntry, RunFolder, RunIndex

app = typer.Typer(help="Runs: list them, look at one, compare some, delete some.")

RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="Name of a run, its beginning, or its folder.")
]
_MOST_LINES = 10


@app.command("list")
def list_runs(runs: RunsFolder = None, json: AsJson = False) -> None:
    """List all runs, the newest last."""
    folder = existing_runs_folder(runs)
    entries = _index(folder).runs()
    emit({"runs": len(entries), "folder": str(folder), "list": run_rows(entries)}, as_json=json)


@app.command("rebuild")
def rebuild(runs: RunsFolder = None, json: AsJson = False) -> None:
    """Make the index anew from the folders."""
    folder = existing_runs_folder(runs)
    entries = _index(folder).rebuild()
    emit({"runs": len(entries), "folder": str(folder)}, as_json=json)


@app.command("show")
def show(run: RunName, runs: RunsFolder = None, json: AsJson = False) -> None:
    """Say what a run was asked, how far it is and what came of it."""
    from .facts import result_rows

    folder = _index(existing_runs_folder(runs)).folder(run)
    answer = run_facts(folder)
    if folder.is_finished:
        answer["results"] = result_rows(folder.results())
    emit(answer, as_json=json)


def run_facts(folder: "RunFolder") -> dict[str, Any]:
    """What a run was asked, and how far it is."""
    told = folder.inputs
    return {
        "run": folder.path.name,
        "kind": told.kind,
        "name": told.name,
        "version": told.version,
        "created_utc": folder.created_utc,
        "command": told.command,
        "seed": told.seed,
        "units": told.units,
        "units_done": folder.done,
        "points": told.points,
        "finished": folder.is_finished,
        "files": ", ".join(_files(folder)),
        "last_log_line": _last_line(folder),
    }


@app.command("compare")
def compare(
    first: RunName,
    second: RunName,
    runs: RunsFolder = None,
    json: AsJson = False,
) -> None:
    """Say how two runs differ: what they were asked, and each result that both have."""
    index = _index(existing_runs_folder(runs))
    emit(comparison(index.folder(first), index.folder(second)), as_json=json)


def comparison(one: "RunFolder", other: "RunFolder") -> dict[str, Any]:
    """How two finished runs differ.

    Raises:
        InputError: one of them is not finished.
    """
    return {
        "runs": f"{one.path.name}, {other.path.name}",
        "versions": f"{one.inputs.version}, {other.inputs.version}",
        "inputs": _input_differences(one, other),
        "results": _differences(one.results(), other.results()),
    }


@app.command("delete")
def delete(
    names: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs to delete.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    runs: RunsFolder = None,
    json: AsJson = False,
) -> None:
    """Delete runs with everything in their folders."""
    from ..errors import require

    index = _index(existing_runs_folder(runs))
    named = [index.folder(name) for name in names]
    folders = list({folder.path.resolve(): folder for folder in named}.values())
    listed = ", ".join(str(folder.path) for folder in folders)
    require(
        yes or typer.confirm(f"Delete {listed}?", err=True), "Nothing was deleted: give `--yes`."
    )
    for folder in folders:
        index.delete(folder)
    emit({"deleted": listed}, as_json=json)


def _index(folder: Path) -> "RunIndex":
    from ..study.runs import RunIndex

    return RunIndex(folder)


def run_rows(entries: "Sequence[RunEntry]") -> list[dict[str, Any]]:
    """One line a run."""
    return [
        {
            "run": entry.folder,
            "kind": entry.kind,
            "created_utc": entry.created_utc,
            "points": entry.points,
            "done": "all" if entry.finished else f"{entry.done} of {entry.units} units",
            "version": entry.version,
        }
        for entry in entries
    ]


def _files(folder: "RunFolder") -> list[str]:
    shown = ("results.nc", "verdicts.json", "log.txt")
    own = [name for name in shown if (folder.path / name).exists()]
    figures = sorted((folder.path / "figures").glob("*.png"))
    return own + [f"figures/{path.name}" for path in figures]


def _last_line(folder: "RunFolder") -> str:
    log = folder.path / "log.txt"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return lines[-1] if lines else "none"


def _input_differences(one: "RunFolder", other: "RunFolder") -> str:
    """The lines in which input files differ, few of them."""
    names = sorted({path.name for run in (one, other) for path in (run.path / "inputs").glob("*")})
    lines = list[str]()
    for name in names:
        texts = [_text(run.path / "inputs" / name).splitlines() for run in (one, other)]
        changed = list(unified_diff(texts[0], texts[1], n=0, lineterm=""))[2:]
        lines += [f"{name}: {line}" for line in changed if not line.startswith("@@")]
    more = f" and {len(lines) - _MOST_LINES} more" if len(lines) > _MOST_LINES else ""
    return "; ".join(lines[:_MOST_LINES]) + more if lines else "the same"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _differences(one: "xr.Dataset", other: "xr.Dataset") -> list[dict[str, Any]]:
    """Where labels are shared, how far values are apart."""
    shared = [str(name) for name in one.data_vars if name in other.data_vars]
    return [_difference(name, one[name], other[name]) for name in shared]


def _difference(name: str, one: "xr.DataArray", other: "xr.DataArray") -> dict[str, Any]:
    import numpy as np
    import xarray as xr

    if one.dims != other.dims or one.dtype.kind not in "biufc":
        return {"result": name, "points": 0, "same": 0, "largest_difference": float("nan")}
    ours, theirs = xr.align(one, other, join="inner")
    apart = np.abs(np.asarray(ours.values, complex) - theirs.values)
    is_same = (ours.values == theirs.values) | (np.isnan(ours.values) & np.isnan(theirs.values))
    largest = float(np.nanmax(apart)) if apart.size and np.isfinite(apart).any() else float("nan")
    return {
        "result": name,
        "points": int(apart.size),
        "same": int(is_same.sum()),
        "largest_difference": largest,
    }
