"""`metastack report`: one page with the pictures of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, DesignPath, command_line
from .output import emit

if TYPE_CHECKING:
    from ..design import Design


def report(
    design: DesignPath,
    output: Annotated[Path, typer.Option("-o", "--output", help="HTML file to write.")],
    snapshots: Annotated[
        Path | None, typer.Option(help="Recording whose angular spectrum to show.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Draw a design: stack, phases, response beside target, convergence, angular spectrum."""
    from ..files import read_design

    read = read_design(design)
    spectrum = None if snapshots is None else _spectrum(design, snapshots)
    write_design_report(output, design.stem, read, spectrum=spectrum)
    emit({"output": str(output)}, as_json=json)


def write_design_report(
    path: Path,
    title: str,
    design: "Design",
    *,
    starts: "Sequence[Design]" = (),
    sweep: "Sequence[Design]" = (),
    spectrum: Any = None,
) -> None:
    """Write the report of a design with the command that made it."""
    from ..report import write_report

    write_report(
        path,
        title=title,
        design=design,
        facts={"Command": command_line()},
        starts=starts,
        sweep=sweep,
        spectrum=spectrum,
    )


def _spectrum(device: Path, snapshots: Path) -> Any:
    from ..doa import peak_estimate
    from ..files import check_recording, read_recording
    from ..report import MarkedSpectrum
    from .device import read_device
    from .doa import protocol_of, spectrum_facts

    recording, read = read_recording(snapshots), read_device(device)
    check_recording(recording, probes=read.response.shape[0])
    protocol = protocol_of(recording, read)
    estimate = peak_estimate(recording.energies, protocol)
    return MarkedSpectrum(**spectrum_facts(recording, protocol, estimate))
