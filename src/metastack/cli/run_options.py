"""Options of commands that compute much: where, by whom, and where it is kept."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from ..study.runs import Executor

Workers: TypeAlias = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes to compute in; else this one.")
]
Scheduler: TypeAlias = Annotated[
    str | None,
    typer.Option("--scheduler", help="Or a Dask cluster, by the address of its scheduler."),
]
Yes: TypeAlias = Annotated[
    bool, typer.Option("--yes", help="Go on even if it would take more than a day.")
]
RunsFolder: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--runs", help="Folder of all runs (METASTACK_RUNS, or metastack-runs).", show_default=False
    ),
]


def executor_of(workers: int | None, scheduler: str | None) -> "Executor":
    """Where to compute.

    Raises:
        InputError: both are given.
    """
    from ..errors import require
    from ..study.runs import Cluster, InProcess, Processes

    require(
        workers is None or scheduler is None,
        "Give either `--workers` or `--scheduler`: a cluster has as many workers as it has.",
    )
    if scheduler is not None:
        return Cluster(scheduler)
    return InProcess() if workers is None else Processes(workers)


def runs_folder(given: Path | None) -> Path:
    """The folder of all runs; made, if it is not there.

    Raises:
        InputError: it cannot be made.
    """
    from .options import require_folder

    folder = given or Path(os.environ.get("METASTACK_RUNS") or "metastack-runs")
    require_folder(folder)
    return folder


def most_seconds(yes: bool) -> float:
    """How long a run may take without being asked for."""
    from math import inf

    from ..study.runs import A_DAY_S

    return inf if yes else A_DAY_S
