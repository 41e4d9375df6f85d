"""`metastack reproduce`: the figures and tables of both papers, computed anew and judged."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, command_line, require_writable
from .output import emit, warn
from .run_options import RunsFolder, Scheduler, Workers, Yes, executor_of, most_seconds, runs_folder

if TYPE_CHECKING:
    from ..report import Evidence
    from ..study.published import Study
    from ..study.runs import Executor


def reproduce(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A figure or table, say doa-fig-8a; or all.")
    ],
    full: Annotated[
        bool,
        typer.Option("--full/--quick", help="As published, or less of it for a look."),
    ] = False,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="Another parameter: NAME=VALUE, repeatable.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Evidence page (.html); all: evidence.html in --runs."),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    yes: Yes = False,
    runs: RunsFolder = None,
    json: AsJson = False,
) -> None:
    """Compute a published figure or table anew, draw it beside ours, and judge both.

    Each is a run with its figure (PNG, SVG), the data behind it (netCDF) and its verdicts; what is
    finished is not computed again. `all` also writes the evidence page, which can be read without
    the papers.
    """
    from ..errors import require
    from ..study.published import study_named, study_names

    names = study_names() if name == "all" else [name]
    require(
        not changes or name != "all", "`--set` changes one figure or table, but all are asked for."
    )
    studies = [study_named(each) for each in names]
    executor, root = executor_of(workers, scheduler), runs_folder(runs)
    written = page or (root / "evidence.html" if name == "all" else None)
    require_writable(written, ".html")
    began = time.monotonic()
    made = [
        _made(study, root, executor, full=full, changes=changes or [], most=most_seconds(yes))
        for study in studies
    ]
    if written is not None:
        _write_page(written, made, full=full, seconds=time.monotonic() - began)
    emit(_answer(made, root, written), as_json=json)


def _made(
    study: "Study[Any]",
    root: Path,
    executor: "Executor",
    *,
    full: bool,
    changes: list[str],
    most: float,
) -> "Evidence":
    from dataclasses import asdict

    from ..report import Evidence
    from ..study.published import Reproduction, changed_parameters
    from .progress import CountProgress

    parameters = changed_parameters(study.published if full else study.quick, changes)
    reproduction = Reproduction.of(study, parameters)
    folder = reproduction.begin(root, command_line())
    began = time.monotonic()
    with CountProgress(study.name, reproduction.points) as progress:
        data, verdicts = reproduction.run(
            folder, executor=executor, on_points=progress.advance, most_seconds=most
        )
    seconds = time.monotonic() - began
    typer.echo(f"{study.name}: {seconds:.0f} s, {folder.path}", err=True)
    told = ", ".join(f"{key} {value}" for key, value in asdict(parameters).items())
    return Evidence(study, told, seconds, study.draw(data), verdicts)


def _write_page(path: Path, made: "list[Evidence]", *, full: bool, seconds: float) -> None:
    from .. import __version__
    from ..report import write_evidence

    extent = "as published" if full else "quickly, with less of everything: for numbers use --full"
    lead = (
        f"Computed {extent}, by metastack {__version__} in {seconds / 60:.1f} minutes "
        f"(finished runs are not computed again): `{command_line()}`."
    )
    write_evidence(path, made, lead=lead)
    if not full:
        warn("this was a quick look: differences may be of chance; --full is as published.")


def _answer(made: "list[Evidence]", root: Path, page: Path | None) -> dict[str, Any]:
    rows = [
        {
            "study": each.study.name,
            "judgement": verdict.judgement.value,
            "verdict": verdict.sentence,
        }
        for each in made
        for verdict in each.verdicts
    ]
    answer: dict[str, Any] = {"studies": len(made), "runs": str(root)}
    if page is not None:
        answer["page"] = str(page)
    return {**answer, "verdicts": rows}
