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


def report(
    design: DesignPath,
    output: Annotated[Path, typer.Option("-o", "--output", help="HTML file to write.")],
    snapshots: Annotated[
        Path | None, typer.Option(help="Recording whose angular spectrum to show.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Draw a design: stack, phases, response beside target, convergence, angular spectrum."""
    from ..files import read_design, read_provenance

    require_writable(output, ".html")
    read = read_design(design)
    spectrum = None if snapshots is None else _spectrum(design, snapshots)
    made = {f"Design made by {key}": text for key, text in asdict(read_provenance(design)).items()}
    write_design_report(output, design.stem, read, spectrum=spectrum, facts=made)
    emit({"output": str(output)}, as_json=json)


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


def _spectrum(device: Path, snapshots: Path) -> Any:
    from ..files import check_recording, read_recording
    from ..report import MarkedSpectrum
    from .device import read_device
    from .doa import protocol_of, spectrum_facts
    from .doa_estimates import Task, one_source

    recording, read = read_recording(snapshots), read_device(device)
    check_recording(recording, probes=read.response.shape[0])
    task = Task(read, protocol_of(recording, read), recording)
    return MarkedSpectrum(**spectrum_facts(task, one_source(task)))


def write_direction_report(
    path: Path,
    title: str,
    design: "DirectionDesign",
    *,
    starts: "Sequence[DirectionDesign]" = (),
    spectrum: Any = None,
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write the report of a design for directions with the command that writes it."""
    raise NotImplementedError
