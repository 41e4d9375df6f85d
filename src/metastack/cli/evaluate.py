"""`metastack evaluate`: what the phases of a design do in another stack."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, DesignPath, ReportPath, StackPath, command_line, require_writable
from .output import emit

if TYPE_CHECKING:
    from ..stack import Stack


def evaluate(
    design: DesignPath,
    stack: StackPath,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Also write the phases with that stack (.nc)."),
    ] = None,
    report: ReportPath = None,
    json: AsJson = False,
) -> None:
    """Say what the phases of a design do in another stack, as built or as calibrated for one."""
    from ..files import FileKind, identify, read_stack

    require_writable(output, ".nc")
    require_writable(report, ".html")
    description = read_stack(stack)
    for_directions = identify(design) is FileKind.DIRECTION_DESIGN
    judge = _directions if for_directions else _target
    answer = judge(design, description.stack, output, report)
    emit({"stack": description.name, **answer}, as_json=json)


def _target(path: Path, stack: "Stack", output: Path | None, report: Path | None) -> dict[str, Any]:
    from ..design import in_stack
    from ..files import Provenance, read_design, write_design
    from .report import write_design_report

    design = read_design(path)
    there = in_stack(design, stack)
    if output is not None:
        write_design(there, output, provenance=Provenance.current(command_line()))
    if report is not None:
        write_design_report(report, f"{path.stem} in another stack", there)
    return {
        "nmse_db": there.nmse_db,
        "insertion_loss_db": there.insertion_loss_db,
        "designed_nmse_db": design.nmse_db,
        "designed_insertion_loss_db": design.insertion_loss_db,
    }


def _directions(
    path: Path, stack: "Stack", output: Path | None, report: Path | None
) -> dict[str, Any]:
    from math import pi, sqrt

    from ..design.design_phases import check_shape
    from ..doa.reprogrammed import reprogrammed
    from ..files import Provenance, read_direction_design, write_direction_design
    from .report import write_direction_report

    design = read_direction_design(path)
    check_shape(stack, design.phases_rad, design.response)
    there = reprogrammed(replace(design, stack=stack), design.phases_rad, design.input_phases_rad)
    if output is not None:
        write_direction_design(there, output, provenance=Provenance.current(command_line()))
    if report is not None:
        write_direction_report(report, f"{path.stem} in another stack", there)
    return {
        "deviation_bound_over_pi": sqrt(there.bound_rad2) / pi,
        "insertion_loss_db": there.insertion_loss_db,
        "designed_deviation_bound_over_pi": sqrt(design.bound_rad2) / pi,
        "designed_insertion_loss_db": design.insertion_loss_db,
    }
