"""`metastack calibrate schedule`: when to calibrate a stack that moves, with how many pilots."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .drift_options import (
    FALSE_ALARMS,
    JUMP_RATE,
    JUMP_SIZE,
    WALK_STEP,
    Drifts,
    FalseAlarms,
    JumpRate,
    JumpSize,
    Monitored,
    MonitorName,
    SnrDb,
    WalkStep,
    alarms_of,
    drift_of,
)
from .illumination import Far, Near, PastInput, illumination_of
from .options import AsJson, ReportPath, Seed, StackPath, require_writable
from .output import emit
from .tolerances import (
    DY_WAVELENGTHS,
    DZ_WAVELENGTHS,
    RZ_DEG,
    DxWavelengths,
    DyWavelengths,
    DzWavelengths,
    Gaussian,
    RxDeg,
    RyDeg,
    RzDeg,
    imperfections_of,
)

if TYPE_CHECKING:
    from ..calibration.schedule import Alarms, Schedule, ScheduleRun

_COARSE_SHARE = 0.6


def schedule(
    stack: StackPath,
    drift: Drifts = None,
    walk_step: WalkStep = WALK_STEP,
    jump_rate: JumpRate = JUMP_RATE,
    jump_size: JumpSize = JUMP_SIZE,
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
    monitor: Monitored = MonitorName.SUBSPACE,
    false_alarms: FalseAlarms = FALSE_ALARMS,
    snr_db: SnrDb = 20.0,
    dz_wavelengths: DzWavelengths = DZ_WAVELENGTHS,
    dy_wavelengths: DyWavelengths = DY_WAVELENGTHS,
    rz_deg: RzDeg = RZ_DEG,
    dx_wavelengths: DxWavelengths = 0.0,
    rx_deg: RxDeg = 0.0,
    ry_deg: RyDeg = 0.0,
    gaussian: Gaussian = False,
    near: Near = None,
    far: Far = None,
    past_input: PastInput = False,
    report: ReportPath = None,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Compare schedules on one stack that moves: periodic, in stages, state-driven, tracking.

    Every schedule serves the same stack on the same way; pilots are the true ones. Without users
    every input port is fed by itself.
    """
    import jax

    from ..calibration import FromInputPorts
    from ..calibration.schedule import CoherenceBlock, run_schedule
    from ..files import read_stack
    from .simulate import check_db

    require_writable(report, ".html")
    check_db("snr-db", snr_db)
    description = read_stack(stack)
    nominal, coherence = description.stack, CoherenceBlock(block_slots)
    schedules = _schedules(
        slots, period, (watched_slots, tracked_slots), alarms_of(monitor, false_alarms)
    )
    for each in schedules.values():
        coherence.check(each)
    imperfections = imperfections_of(
        float(nominal.wavelength_m),
        (dx_wavelengths, dy_wavelengths, dz_wavelengths),
        (rx_deg, ry_deg, rz_deg),
        gaussian=gaussian,
    )
    lit = illumination_of(near, far, past_input) or FromInputPorts()
    moving = drift_of(drift, walk_step, jump_rate, jump_size)
    runs: dict[str, ScheduleRun] = {}
    for name, each in schedules.items():
        typer.echo(f"schedule: {name}", err=True)
        runs[name] = run_schedule(
            nominal,
            moving,
            each,
            illumination=lit,
            imperfections=imperfections,
            snr_db=snr_db,
            blocks=blocks,
            key=jax.random.key(seed),
            coherence=coherence,
        )
    answer: dict[str, Any] = {
        "blocks": blocks,
        "uncalibrated_nmse_db": _db(next(iter(runs.values())).uncalibrated_nmse.mean()),
        "jumps": int(next(iter(runs.values())).path.jumps.sum()),
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
        "NMSE of the matrices between layers. Grey: never calibrated. Dashed: jumps. Triangles: "
        "alarms, open ones false."
    )
    section = Section("Schedules", figures=[(schedule_figure(runs), caption)])
    write_page(path, title=f"{name}, calibrated in service", sections=[section])
