"""`metastack loop`: design, build, measure pilots, calibrate, design again, and compare."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .design import stop_if_interrupted
from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, command_line, require_folder
from .output import emit
from .simulate import check_db
from .tolerances import Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..calibration import Calibration, Expected, Illumination, PilotPlan
    from ..design import Design
    from ..files import StackDescription
    from ..imperfections import Imperfections
    from ..stack import Stack
    from ..study import WayOut
    from .calibrate_answer import Answer

# A source in general position, where users are not told: no symmetry hides what is off.
_SOURCE_DEG = ["20,35"]
_TOLERANCES = Tolerances(dz_wavelengths=0.0, dy_wavelengths=0.05, rz_deg=0.0)
_SNAPSHOTS_A_SIDE = 4


@dataclass(frozen=True, eq=False)
class Loop:
    """What a loop is to do: within which tolerances to build, and how to measure.

    `insertion_loss_db`: prescribed of both designs; else left free. `robust_samples`: built stacks
    over which a robust design is made beforehand, none for 0.
    """

    imperfections: "Imperfections"
    illumination: "Illumination"
    slots: int
    steps: int
    pilot_snr_db: float
    insertion_loss_db: float | None
    physical_snr_db: float
    trials: int
    robust_samples: int
    seed: int


@option_groups
def loop(
    stack: StackPath,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for everything.")],
    tolerances: Tolerances = _TOLERANCES,
    lighting: Lighting = NOT_TOLD,
    slots: Annotated[int, typer.Option(min=1, help="Designed pilots.")] = 20,
    steps: Annotated[int, typer.Option(min=1, help="Steps of their design.")] = 60,
    pilot_snr_db: Annotated[
        float, typer.Option(help="SNR of an antenna, mean over random phases.")
    ] = 30.0,
    insertion_loss_db: Annotated[
        float | None, typer.Option(help="Prescribe the insertion loss; else it is left free.")
    ] = None,
    physical_snr_db: Annotated[
        float, typer.Option(help="SNR at the aperture, where directions are read.")
    ] = 40.0,
    trials: Annotated[int, typer.Option(min=2, help="Directions that are read each way.")] = 2000,
    robust_samples: Annotated[
        int, typer.Option(min=0, help="Also a robust design over so many built stacks.")
    ] = 0,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Run the whole loop on a simulated device, and say what calibration wins back.

    Designs the stack, builds it within tolerances, plans and measures pilots, calibrates, designs
    again, and compares the ways out by the target's error and by the error of directions. Without
    users, a plane wave meets the input layer.
    """
    from ..files import read_stack

    check_db("pilot-snr-db", pilot_snr_db)
    check_db("physical-snr-db", physical_snr_db)
    description = read_stack(stack)
    require_folder(output)
    imperfections = imperfections_of(description.stack, tolerances)
    is_told = lighting.near or lighting.far
    users = illumination_of(lighting if is_told else replace(lighting, far=_SOURCE_DEG))
    assert users is not None
    task = Loop(
        imperfections,
        users,
        slots,
        steps,
        pilot_snr_db,
        insertion_loss_db,
        physical_snr_db,
        trials,
        robust_samples,
        seed,
    )
    emit(run_loop(description, output, task), as_json=json)


def run_loop(description: "StackDescription", folder: Path, task: Loop) -> dict[str, Any]:
    """Run a loop, leave every file and a report in `folder`, and say what came out."""
    import jax
    import numpy as np

    from ..calibration import Ending, Expected, calibrate, simulate_pilots
    from ..design import design_phases
    from ..files import write_pilots, write_stack
    from ..imperfections import built
    from ..study import redesigned
    from .calibrate_answer import answer_of, write_calibrated

    nominal, loss_db = description.stack, task.insertion_loss_db
    _say("the design, for the stack as it was drawn")
    design = design_phases(nominal, description.target, insertion_loss_db=loss_db, seed=task.seed)[
        0
    ]
    stop_if_interrupted([design])
    _write_design(design, folder / "design.nc")
    _say("the stack as fabrication makes it")
    made = built(nominal, task.imperfections, jax.random.key(task.seed))
    made = jax.tree.map(
        lambda leaf: np.asarray(leaf) if isinstance(leaf, jax.Array) else leaf, made
    )
    write_stack(
        replace(description, stack=made, name=f"{description.name}, built"), folder / "built.toml"
    )
    _say("pilots that tell most, and what they bring back")
    expected = Expected.within(task.imperfections)
    plan = _plan(nominal, folder / "plan.nc", task, expected)
    pilots = simulate_pilots(
        made, plan, snr_db=task.pilot_snr_db, key=jax.random.key(task.seed + 1)
    )
    write_pilots(pilots, folder / "pilots.nc", frequency_hz=float(nominal.frequency_hz))
    _say("the calibration")
    calibration = calibrate(nominal, pilots, expected=expected, seed=task.seed)
    write_calibrated(description, calibration, folder / "calibrated.toml")
    if calibration.fit.ending is Ending.INTERRUPTED:
        raise KeyboardInterrupt
    _say("the design again, for the calibrated stack")
    redesign = redesigned(design, calibration.stack, insertion_loss_db=loss_db, seed=task.seed)
    stop_if_interrupted([redesign])
    _write_design(redesign, folder / "redesign.nc")
    _say("directions, each way")
    ways = _ways(design, made, calibration, redesign, task)
    answer = answer_of(calibration, made)
    _say("the report")
    _write_report(description, folder / "report.html", calibration, made, ways, answer)
    return {
        "slots": plan.slots,
        "antennas": pilots.received.shape[1],
        "unexplained_as_designed_db": answer.facts["unexplained_as_designed_db"],
        "unexplained_db": answer.facts["unexplained_db"],
        "improvement_db": answer.facts["improvement_db"],
        "verdict": answer.test.sentence,
        "report": str(folder / "report.html"),
        "ways": [_row(way) for way in ways],
    }


def _say(step: str) -> None:
    typer.echo(f"loop: {step}", err=True)


def _write_design(design: "Design", path: Path) -> None:
    from ..files import Provenance, write_design

    write_design(design, path, provenance=Provenance.current(command_line()))


def _plan(nominal: "Stack", path: Path, task: Loop, expected: "Expected") -> "PilotPlan":
    """Designed pilots, written as a plan."""
    from ..calibration import Ending, design_plan, reference_power
    from ..files import write_plan
    from .progress import CountProgress

    power = reference_power(nominal, task.illumination)
    with CountProgress("plan", task.steps) as progress:
        designed = design_plan(
            nominal,
            task.slots,
            task.illumination,
            expected=expected,
            noise_variance=power * 10 ** (-task.pilot_snr_db / 10),
            steps=task.steps,
            seed=task.seed,
            on_step=lambda done: progress.advance(1),
        )
    write_plan(designed.plan, path, frequency_hz=float(nominal.frequency_hz))
    if designed.ending is Ending.INTERRUPTED:
        raise KeyboardInterrupt
    return designed.plan


def _ways(
    design: "Design",
    made: "Stack",
    calibration: "Calibration",
    redesign: "Design",
    task: Loop,
) -> "list[WayOut]":
    from ..doa import PhysicalSnr, Protocol
    from ..study import DirectionTask, ways_out
    from .progress import CountProgress

    robust = None
    if task.robust_samples:
        from ..design import design_robustly

        _say("a robust design, for comparison")
        robust = design_robustly(
            design.stack,
            design.target,
            task.imperfections,
            samples=task.robust_samples,
            insertion_loss_db=task.insertion_loss_db,
            start=design,
            seed=task.seed,
        )
    ports = design.stack.input_array
    directions = DirectionTask(
        Protocol(ports.columns, ports.rows, _SNAPSHOTS_A_SIDE, _SNAPSHOTS_A_SIDE),
        PhysicalSnr(task.physical_snr_db),
        task.trials,
        task.seed,
    )
    found = list["WayOut"]()
    with CountProgress("way", 4 if robust is None else 6) as progress:
        for way in ways_out(design, made, calibration, redesign, directions, robust=robust):
            found.append(way)
            progress.advance(1)
    return found


def _row(way: "WayOut") -> dict[str, Any]:
    """One way out, as printed."""
    from math import sqrt

    return {
        "way": way.name,
        "nmse_db": way.nmse_db,
        "insertion_loss_db": way.insertion_loss_db,
        "psi_rms_error_over_pi": sqrt(way.mse),
        "from_over_pi": sqrt(way.low),
        "to_over_pi": sqrt(way.high),
    }


def _write_report(
    description: "StackDescription",
    path: Path,
    calibration: "Calibration",
    made: "Stack",
    ways: "Sequence[WayOut]",
    answer: "Answer",
) -> None:
    """The report of the calibration, and what it wins back."""
    from ..report import Section, ways_out_figure
    from .calibrate_answer import write_page

    caption = (
        "What the stack computes and how well it reads directions, for every way of using it. Grey "
        "is what was designed; red what the built stack makes of it if nobody calibrates. A way "
        "whose interval reaches the dashed line has lost nothing."
    )
    won = Section(
        "What calibration wins back",
        text="Directions are read by maximum likelihood from energies, with the response that is "
        "believed to be the stack's.",
        figures=[(ways_out_figure(ways), caption)],
    )
    title = f"{description.name}: designed, built, calibrated, designed again"
    write_page(path, title, calibration, answer, made, extra=[won])
