"""The report of a design run: its numbers, its stack, its figures, where it came from."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import datetime
from pathlib import Path

from matplotlib.figure import Figure

from ..design.solution import Design
from .device_sections import provenance_section, stack_section
from .fit import response_against_target
from .history import convergence
from .html import Section, write_page
from .losses import tradeoff
from .phases import phase_maps
from .spectrum import MarkedSpectrum, angular_spectrum_map


def write_report(
    path: Path,
    *,
    title: str,
    design: Design,
    facts: Mapping[str, str],
    starts: Sequence[Design] = (),
    sweep: Sequence[Design] = (),
    spectrum: MarkedSpectrum | None = None,
    extra: Sequence[Section] = (),
    written: datetime | None = None,
) -> None:
    """Write the report of `design` as one HTML file.

    `facts`: what else the provenance should say, the command for one. `starts`: all runs that
    competed, `design` among them. `sweep`: designs at different insertion losses. `extra`:
    sections of your own, before the provenance. `written`: the date to print, now unless given.
    """
    sections = [
        Section("Result", text=design.outcome.value, facts=headline(design)),
        stack_section(design.stack),
        Section("Phases and response", figures=_fit_figures(design, starts)),
        *([Section("Accuracy against loss", figures=[_sweep_figure(sweep)])] if sweep else []),
        *([_directions(spectrum)] if spectrum else []),
        *extra,
        provenance_section(facts, written),
    ]
    write_page(path, title=title, lead=_lead(design), sections=sections)


def headline(design: Design) -> dict[str, str]:
    """The numbers of a run, with units."""
    return {
        "NMSE": f"{design.nmse_db:.2f} dB",
        "Insertion loss": f"{design.insertion_loss_db:.2f} dB",
        "Iterations": str(design.iterations),
        "Time": f"{design.seconds:.3g} s",
        "Method": design.method,
        "Seed": str(design.seed),
        "Start": str(design.start),
    }


def _lead(design: Design) -> str:
    receivers, inputs = design.target.shape
    return (
        f"A stack of {design.stack.layers} layers, {inputs} inputs and {receivers} receivers: "
        f"NMSE {design.nmse_db:.1f} dB at an insertion loss of {design.insertion_loss_db:.1f} dB."
    )


def _fit_figures(design: Design, starts: Sequence[Design]) -> list[tuple[Figure, str]]:
    return [
        (
            phase_maps(design),
            "The phase to program into every atom, seen from the receivers: x to the right, y up. "
            "The colours close on themselves: 0 and 2π are the same.",
        ),
        (
            response_against_target(design),
            "The response at its best scale, βG, beside the target F. The pairs should look the "
            "same; where they do not, the lowest panel says by how much. 0 dB is an error as "
            "large as the target's entries; a brighter entry is a worse one.",
        ),
        (
            convergence(starts or [design]),
            "How the error fell. A curve that still falls at its end wants more iterations; one "
            "that is flat well above the goal wants another start, more layers or more loss.",
        ),
    ]


def _sweep_figure(sweep: Sequence[Design]) -> tuple[Figure, str]:
    losses, errors = ([getattr(design, name) for design in sweep] for name in _SWEEP_AXES)
    return tradeoff(losses, errors), (
        "What accuracy costs in power. The staircase is the best error found at this loss or less; "
        "look for the loss at which it drops below the dashed line, where a design is exact."
    )


_SWEEP_AXES = ("insertion_loss_db", "nmse_db")


def _directions(spectrum: MarkedSpectrum) -> Section:
    caption = (
        "The power that the receivers see over the electrical angles, 0 dB at the peak. The circle "
        "of the estimate should hold the red cross of the true direction; any second peak within "
        "a few dB is a direction that noise can mistake for it."
    )
    return Section(
        "Direction of arrival", figures=[(angular_spectrum_map(*astuple(spectrum)), caption)]
    )
