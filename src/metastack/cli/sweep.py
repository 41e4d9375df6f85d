"""`metastack sweep`: any command at many points."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, command_line
from .output import emit, warn
from .run_options import RunsFolder, Scheduler, Workers, Yes, executor_of, most_seconds, runs_folder

if TYPE_CHECKING:
    import xarray as xr

    from ..study.runs import Executor, Outcome, RunFolder
    from .sweep_plan import Plan
    from .sweep_run import Sweep

_MOST_REASONS = 3


def sweep(
    sweep_file: Annotated[
        Path | None, typer.Argument(metavar="[SWEEP]", help="Sweep file (.toml).")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of this run; else one in --runs.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Go on with the run in this folder.")
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    yes: Yes = False,
    runs: RunsFolder = None,
    json: AsJson = False,
) -> None:
    """Run a command at every point of a grid, of lists, of random draws or of a search.

    What is finished is kept at once and never computed again: after Ctrl-C, or any other end, the
    same command goes on, as does --resume with the folder alone. Everything comes together in
    results.nc, one labelled dataset for xarray, with a figure.
    """
    executor = executor_of(workers, scheduler)
    asked, folder = _begun(sweep_file, output, resume, runs)
    with folder.alone():
        most = most_seconds(yes) / asked.points
        data, refused = asked.answered(partial(_computed, folder, executor, most))
        _write(folder, asked, data)
    for reason in list(dict.fromkeys(refused))[:_MOST_REASONS]:
        warn(f"{refused.count(reason)} of {asked.points} points are NaN: {reason}")
    if left_out := data.attrs.get("left_out"):
        warn(f"not every point has these results in one shape, they are left out: {left_out}.")
    emit(_answer(folder, asked, data, len(refused)), as_json=json)


def _begun(
    sweep_file: Path | None, output: Path | None, resume: Path | None, runs: Path | None
) -> "tuple[Sweep, RunFolder]":
    from ..errors import require
    from ..study.runs import RunFolder
    from ..study.sweeps.sweep_file import read_sweep
    from .sweep_run import description_in, sweep_of

    require(
        (sweep_file is None) != (resume is None),
        "Give either a sweep file, or `--resume` and the folder of a run.",
    )
    if resume is not None:
        require(output is None, "`--output` belongs to a new run; `--resume` has its folder.")
        asked = sweep_of(description_in(RunFolder.open(resume)))
        return asked, asked.begin(resume)
    asked = sweep_of(read_sweep(sweep_file or Path()))
    return asked, asked.begin(output or runs_folder(runs) / asked.inputs.folder_name)


def _computed(
    folder: "RunFolder", executor: "Executor", most: float, plan: "Plan", points: int
) -> "list[Outcome]":
    """What becomes of the units; `most`: the seconds that a point may take on average."""
    from ..study.runs import run_units
    from .progress import CountProgress

    with CountProgress("points", points) as progress:
        return run_units(
            plan.units,
            folder,
            executor=executor,
            on_points=progress.advance,
            most_seconds=most * points,
        )


def _write(folder: "RunFolder", asked: "Sweep", data: "xr.Dataset") -> None:
    """The figure and the dataset; the dataset last, since it says that everything is there."""
    from ..files import Provenance

    about = vars(Provenance.current(command_line()))
    folder.draw({"sweep": asked.figure(data)})
    folder.finish(data.assign_attrs(about | {"sweep": asked.description.text}))


def _answer(
    folder: "RunFolder", asked: "Sweep", data: "xr.Dataset", refused: int
) -> dict[str, Any]:
    from ..study.sweeps import summaries

    axes = [f"{name} ({size})" for name, size in data.sizes.items() if name in data.coords]
    return {
        "points": asked.points,
        "refused": refused,
        "axes": " x ".join(axes),
        "output": str(folder.path),
        "results": summaries(data),
    }
