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
