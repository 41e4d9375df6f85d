"""`metastack design --for doa`: phases that tell most of a direction from energies."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import command_line, require_writable
from .output import emit, warn

if TYPE_CHECKING:
    from ..doa import DirectionDesign, DirectionGoal
    from ..stack import Stack


@dataclass(frozen=True)
class DirectionOptions:
    """The options of the command that belong to designs for directions."""

    snapshots_x: int
    snapshots_y: int
    physical_snr_db: float | None
    field_of_view_over_pi: float
    sources: int
    bits: int | None
    starts: int
    seed: int
    iterations: int | None
    worst: bool
    free_patterns: bool


def design_doa(
    stack: Path, output: Path, options: DirectionOptions, report: Path | None, *, json: bool
) -> None:
    """Design for directions, write the file, say what came out."""
    from ..doa import InformationAdam, best_direction_design, design_for_directions
    from ..files import Provenance, read_stack, write_direction_design
    from .design import stop_if_interrupted, with_bits
    from .progress import DesignProgress

    require_writable(output, ".nc")
    require_writable(report, ".html")
    description = read_stack(stack)
    if options.bits is not None:
        description = with_bits(description, options.bits)
    goal = _goal(description.stack, options)
    given = {} if options.iterations is None else {"iterations": options.iterations}
    with DesignProgress(options.starts) as progress:
        designs = design_for_directions(
            description.stack,
            goal,
            method=InformationAdam(**given),
            starts=options.starts,
            seed=options.seed,
            on_progress=progress,
        )
    best = best_direction_design(designs)
    write_direction_design(best, output, provenance=Provenance.current(command_line()))
    if report is not None:
        from .report import write_direction_report

        write_direction_report(report, description.name, best, starts=designs)
    _warn_of_blind_spots(best)
    answer = direction_design_answer(best)
    emit({**answer, "starts_run": len(designs), "output": str(output)}, as_json=json)
    stop_if_interrupted(designs)


def _warn_of_blind_spots(design: "DirectionDesign") -> None:
    """Say so if some direction of the field of view is not told at all."""
    from math import pi, sqrt

    from ..doa import UNIFORM_DEVIATION_OVER_PI

    worst = sqrt(design.worst_bound_rad2) / pi
    if worst >= UNIFORM_DEVIATION_OVER_PI:
        warn(
            "Energies do not tell every direction of the field of view: the worst bound is "
            f"{worst:.2g} π. Take more snapshots or iterations, a higher SNR, or fewer sources."
        )


def direction_design_answer(design: "DirectionDesign") -> dict[str, Any]:
    """What there is to say of a design for directions."""
    from math import pi, sqrt

    goal = design.goal
    return {
        "deviation_bound_over_pi": sqrt(design.bound_rad2) / pi,
        "worst_deviation_bound_over_pi": sqrt(design.worst_bound_rad2) / pi,
        "mean_bound_psi_over_pi_squared": design.bound_rad2 / pi**2,
        "insertion_loss_db": design.insertion_loss_db,
        "physical_snr_db": goal.snr.db,
        "snapshots_x": goal.protocol.snapshots_x,
        "snapshots_y": goal.protocol.snapshots_y,
        "field_of_view_over_pi": goal.field_of_view_rad / pi,
        "sources_at_a_time": goal.sources,
        "weighs": type(goal.summary).__name__,
        "input_patterns": goal.patterns.__name__,
        "iterations": design.iterations,
        "seconds": design.seconds,
        "outcome_code": design.outcome.name,
        "outcome": design.outcome.value,
        "method": design.method,
        "seed": design.seed,
        "start": design.start,
    }


def _goal(stack: "Stack", options: DirectionOptions) -> "DirectionGoal":
    from math import pi

    from ..doa import (
        DirectionGoal,
        FreePatterns,
        Mean,
        PhysicalSnr,
        Protocol,
        SwitchedPatterns,
        Worst,
    )
    from ..errors import InputError
    from .simulate import check_db

    if options.physical_snr_db is None:
        raise InputError("`--for doa` needs `--physical-snr-db`, the SNR at the aperture.")
    check_db("physical-snr-db", options.physical_snr_db)
    inputs = stack.input_array
    return DirectionGoal(
        Protocol(inputs.columns, inputs.rows, options.snapshots_x, options.snapshots_y),
        PhysicalSnr(options.physical_snr_db),
        pi * options.field_of_view_over_pi,
        options.sources,
        Worst() if options.worst else Mean(),
        FreePatterns if options.free_patterns else SwitchedPatterns,
    )
