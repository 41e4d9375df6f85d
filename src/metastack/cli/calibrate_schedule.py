"""`metastack calibrate schedule`: when to calibrate a stack that moves, with how many pilots."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .drift_options import (
    SUBSPACE,
    WALK_AND_JUMPS,
    Drifting,
    GainStep,
    SnrDb,
    Watching,
    alarms_of,
    check_step,
    drift_of,
)
from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import AsJson, ReportPath, Seed, StackPath, require_writable
from .output import emit
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..calibration.schedule import Alarms, Schedule, ScheduleRun

_COARSE_SHARE = 0.6


@option_groups
def schedule(
    stack: StackPath,
    drifting: Drifting = WALK_AND_JUMPS,
    blocks: Annotated[int, typer.Option(min=2, help="Coherence blocks to simulate.")] = 300,
    block_slots: Annotated[
        int, typer.Option(min=1, help="Slots of a coherence block, pilots and data.")
    ] = 200,
    slots: Annotated[int, typer.Option(min=4, help="Pilots of a whole calibration.")] = 100,
    period: Annotated[int, typer.Option(min=3, help="Blocks between periodic calibrations.")] = 10,
    watched_slots: Annotated[
        int, typer.Option(min=1, help="Known symbols a block that the state-driven one watches.")
    ] = 4,
    tracked_slots: Annotated[
        int, typer.Option(min=1, help="Pilots a block that the filter takes in.")
    ] = 2,
    plan: Annotated[
        Path | None,
        typer.Option(
            help="Plan of patterns to show in turn, and for tracking to choose from; else random "
            "phases.",
            show_default=False,
        ),
    ] = None,
    watch: Watching = SUBSPACE,
    gain_step: GainStep = 0.0,
    assumed_step: Annotated[
        float | None,
        typer.Option(
            help="Step of the walk that schedules take the drift for, in tolerances a block; else "
            "they are told the true one.",
            show_default=False,
        ),
    ] = None,
    snr_db: SnrDb = 20.0,
    tolerances: Tolerances = PUBLISHED,
    lighting: Lighting = NOT_TOLD,
    report: ReportPath = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Compare schedules on one stack that moves: periodic, in stages, state-driven, tracking.

    Every schedule serves the same stack on the same way; pilots are the true ones. Tracking chooses
    each block's pilots from a pool by what they tell, and is shown with random ones too, as all the
    others have. Without users every input port is fed by itself.
    """
    import jax

    from ..calibration import FromInputPorts
    from ..calibration.schedule import CoherenceBlock, Walk, run_schedule
    from ..files import read_stack
    from .simulate import check_db
    from .simulate_pilots import plan_of

    require_writable(report, ".html")
    check_db("snr-db", snr_db)
    description = read_stack(stack)
    nominal, coherence = description.stack, CoherenceBlock(block_slots)
    schedules = _schedules(slots, period, (watched_slots, tracked_slots), alarms_of(watch))
    for each in schedules.values():
        coherence.check(each)
    imperfections = imperfections_of(nominal, tolerances)
    lit = illumination_of(lighting)
    patterns = None if plan is None else plan_of(nominal, plan, None, None, lit, seed)
    moving = drift_of(drifting)
    check_step("assumed-step", assumed_step or 0.0)
    taken_step = moving.step_deviation if assumed_step is None else assumed_step
    runs: dict[str, ScheduleRun] = {}
    for name, each in schedules.items():
        typer.echo(f"schedule: {name}", err=True)
        runs[name] = run_schedule(
            nominal,
            moving,
            each,
            illumination=patterns.illumination if patterns else lit or FromInputPorts(),
            imperfections=imperfections,
            snr_db=snr_db,
            blocks=blocks,
            key=jax.random.key(seed),
            coherence=coherence,
            patterns=patterns,
            gain_step=gain_step,
            assumed=Walk(taken_step, gain_step),
        )
    answer: dict[str, Any] = {
        "blocks": blocks,
        "uncalibrated_nmse_db": _db(next(iter(runs.values())).uncalibrated_nmse.mean()),
        "jumps": int(next(iter(runs.values())).path.jumps.sum()),
        "true_step": moving.step_deviation,
        "assumed_step": taken_step,
        "seed": seed,
        "schedules": [_row(name, run, block_slots) for name, run in runs.items()],
    }
    if report is not None:
        _write_page(report, description.name, runs)
        answer["report"] = str(report)
    emit(answer, as_json=json)


def _schedules(
    slots: int, period: int, few: tuple[int, int], alarms: "Alarms"
) -> "dict[str, Schedule]":
    from ..calibration.schedule import (
        PeriodicMultiStage,
        PeriodicSingleStage,
        RandomPilots,
        Stage,
        StateDriven,
        Tracking,
    )

    watched, tracked = few
    coarse = round(_COARSE_SHARE * slots)
    finer = (slots - coarse) // 2
    stages = Stage(coarse, 1), Stage(finer, 2), Stage(slots - coarse - finer)
    return {
        "single-stage": PeriodicSingleStage(slots, period),
        "multi-stage": PeriodicMultiStage(period, stages),
        "state-driven": StateDriven(slots, watched, alarms),
        "tracking": Tracking(slots, tracked, alarms=alarms),
        "tracking, random pilots": Tracking(slots, tracked, alarms=alarms, choice=RandomPilots()),
    }


def _row(name: str, run: "ScheduleRun", block_slots: int) -> dict[str, Any]:
    import numpy as np

    delays = run.delays
    return {
        "schedule": name,
        "nmse_db": run.mean_nmse_db,
        "worst_nmse_db": _db(run.nmse.max()),
        "pilots_a_block": run.pilots_per_block,
        "overhead": run.pilots_per_block / block_slots,
        "alarms": int(run.alarms.sum()),
        "false_alarms": int(run.is_false.sum()),
        "jumps_answered": int(np.isfinite(delays).sum()),
        "median_delay": float(np.median(delays)) if delays.size else None,
    }


def _db(value: Any) -> float:
    from math import log10

    return 10 * log10(float(value))


def _write_page(path: Path, name: str, runs: "dict[str, ScheduleRun]") -> None:
    from ..report import Section, schedule_figure, write_page

    caption = (
        "NMSE of the matrices between layers, once each block's pilots are taken in; its mean over "
        "the blocks, and what pilots it took, above each panel."
    )
    section = Section("Schedules", figures=[(schedule_figure(runs), caption)])
    write_page(path, title=f"{name}, calibrated in service", sections=[section])
