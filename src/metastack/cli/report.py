"""`metastack report`: one page with the pictures of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, DesignPath, command_line, require_writable
from .output import emit

if TYPE_CHECKING:
    from ..design import Design
    from ..doa import DirectionDesign
    from ..report import Section
    from .doa_estimates import Task


def report(
    design: DesignPath,
    output: Annotated[Path, typer.Option("-o", "--output", help="HTML file to write.")],
    snapshots: Annotated[
        Path | None, typer.Option(help="Recording whose directions to show.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Draw a design: stack, phases, response or bound, convergence, directions of a recording."""
    from ..files import FileKind, identify, read_design, read_direction_design

    require_writable(output, ".html")
    if identify(design) is FileKind.DIRECTION_DESIGN:
        informed = read_direction_design(design)
        extra = [] if snapshots is None else [_direction(design, snapshots)]
        write_direction_report(output, design.stem, informed, extra=extra, facts=_made(design))
    else:
        read = read_design(design)
        spectrum = None if snapshots is None else _spectrum(design, snapshots)
        write_design_report(output, design.stem, read, spectrum=spectrum, facts=_made(design))
    emit({"output": str(output)}, as_json=json)


def _made(design: Path) -> dict[str, str]:
    """What made a design file."""
    from ..files import FileKind, identify, read_direction_provenance, read_provenance

    for_directions = identify(design) is FileKind.DIRECTION_DESIGN
    provenance = (read_direction_provenance if for_directions else read_provenance)(design)
    return {f"Design made by {key}": text for key, text in asdict(provenance).items()}


def write_design_report(
    path: Path,
    title: str,
    design: "Design",
    *,
    starts: "Sequence[Design]" = (),
    sweep: "Sequence[Design]" = (),
    spectrum: Any = None,
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write the report of a design with the command that writes it, and other `facts`."""
    from ..report import write_report

    write_report(
        path,
        title=title,
        design=design,
        facts={**(facts or {}), "Command": command_line()},
        starts=starts,
        sweep=sweep,
        spectrum=spectrum,
    )


def write_direction_report(
    path: Path,
    title: str,
    design: "DirectionDesign",
    *,
    starts: "Sequence[DirectionDesign]" = (),
    extra: "Sequence[Section]" = (),
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write the report of a design for directions with the command that writes it."""
    from ..report import write_direction_report as write

    write(
        path,
        title=title,
        design=design,
        facts={**(facts or {}), "Command": command_line()},
        starts=starts,
        extra=extra,
    )


def _spectrum(device: Path, snapshots: Path) -> Any:
    """The angular spectrum of a recording through a DFT, with the direction that it tells."""
    from ..report import MarkedSpectrum
    from .doa import spectrum_facts
    from .doa_estimates import one_source

    task = _task(device, snapshots)
    return MarkedSpectrum(**spectrum_facts(task, one_source(task)))


def _direction(device: Path, snapshots: Path) -> "Section":
    """The direction that a recording tells through a design for directions."""
    from ..report import Section, likelihood_surface
    from .doa_estimates import likelihood_facts, one_source

    task = _task(device, snapshots)
    found = one_source(task)
    caption = (
        "How likely every direction is, given the recording. A second bright spot is a direction "
        "that noise can mistake for the first. Below, the neighbourhood of the estimate: the "
        "contours and the ellipse should agree, and hold the true direction."
    )
    return Section(
        "Direction of arrival",
        text=_said(found.answer),
        figures=[(likelihood_surface(**likelihood_facts(task, found)), caption)],
    )


def _said(answer: Mapping[str, Any]) -> str:
    """The estimate of one source in a sentence."""
    angles = " and ".join(
        f"ψ_{axis} = {answer[f'psi_{axis}_over_pi']:.6f} π "
        f"(deviation {answer[f'psi_{axis}_deviation_over_pi']:.2g} π)"
        for axis in "xy"
    )
    return f"Maximum likelihood of one source: {angles}."


def _task(device: Path, snapshots: Path) -> "Task":
    from ..files import check_recording, read_recording
    from .device import read_device
    from .doa import protocol_of
    from .doa_estimates import Task

    recording, read = read_recording(snapshots), read_device(device)
    check_recording(recording, probes=read.response.shape[0])
    return Task(read, protocol_of(recording, read), recording)
