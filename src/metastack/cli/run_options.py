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
        InputError: both are given; there is no such cluster.
    """
    from ..errors import require
    from ..study.runs import Cluster, InProcess, Processes

    require(
        workers is None or scheduler is None,
        "Give either `--workers` or `--scheduler`: a cluster has as many workers as it has.",
    )
    if scheduler is not None:
        cluster = Cluster(scheduler)
        cluster.check()
        return cluster
    return InProcess() if workers is None else Processes(workers)


def runs_folder(given: Path | None) -> Path:
    """The folder of all runs; made, if it is not there.

    Raises:
        InputError: it cannot be made.
    """
    from .options import require_folder

    folder = _named(given)
    require_folder(folder)
    return folder


def existing_runs_folder(given: Path | None) -> Path:
    """The folder of all runs, which must be there.

    Raises:
        InputError: it is not.
    """
    from ..errors import require

    folder = _named(given)
    require(
        folder.is_dir(),
        f"`{folder}` must be the folder of all runs, but there is none; give `--runs`.",
    )
    return folder


def _named(given: Path | None) -> Path:
    return given or Path(os.environ.get("METASTACK_RUNS") or "metastack-runs")


def most_seconds(yes: bool) -> float:
    """How long a run may take without being asked for."""
    from math import inf

    from ..study.runs import A_DAY_S

    return inf if yes else A_DAY_S
