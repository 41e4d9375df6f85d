"""The report of a design run: its numbers, its stack, its figures, where it came from."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..design.solution import Design
from ..geometry import PlanarArray, Pose
from ..stack import Stack
from .drawing import stack_drawing
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
        Section("Stack", facts=describe(design.stack), figures=[_drawn_stack(design)]),
        Section("Phases and response", figures=_fit_figures(design, starts)),
        *([Section("Accuracy against loss", figures=[_sweep_figure(sweep)])] if sweep else []),
        *([_directions(spectrum)] if spectrum else []),
        *extra,
        Section("Provenance", facts=_provenance(facts, written or datetime.now(UTC))),
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


def describe(stack: Stack) -> dict[str, str]:
    """A stack in words, lengths in millimetres and wavelengths."""
    wavelength_m = float(stack.wavelength_m)
    return {
        "Frequency": f"{float(stack.frequency_hz) / 1e9:.6g} GHz",
        "Wavelength": f"{wavelength_m * 1e3:.4g} mm",
        "Inputs": _array(stack.input_array, wavelength_m),
        "Layers": f"{stack.layers}, each {_array(stack.layer_array, wavelength_m)}",
        "Receivers": _array(stack.receiver_array, wavelength_m),
        "Gaps": _gaps(stack.gaps_m, wavelength_m),
        "Length": _length(float(np.sum(stack.gaps_m)), wavelength_m),
        "Poses": _poses(stack.poses, wavelength_m),
        "Propagation": type(stack.model).__name__,
        "Atoms": type(stack.atoms).__name__,
    }


def _length(length_m: float, wavelength_m: float) -> str:
    return f"{length_m * 1e3:.4g} mm ({length_m / wavelength_m:.4g} λ)"


def _array(array: PlanarArray, wavelength_m: float) -> str:
    """Columns × rows, spacing, rotation."""
    across = _length(float(array.spacing_x_m), wavelength_m)
    up = _length(float(array.spacing_y_m), wavelength_m)
    spacing = across if across == up else f"{across} in x, {up} in y"
    rotation_deg = np.degrees(float(array.rotation_rad))
    turned = f", rotated by {rotation_deg:.4g}°" if rotation_deg else ""
    return f"{array.columns} × {array.rows}, spacing {spacing}{turned}"


def _gaps(gaps_m: np.ndarray | object, wavelength_m: float) -> str:
    gaps = np.asarray(gaps_m, float)
    if np.allclose(gaps, gaps[0], rtol=1e-9, atol=0):
        return f"{len(gaps)} of {_length(float(gaps[0]), wavelength_m)}"
    return ", ".join(f"{gap * 1e3:.4g}" for gap in gaps) + " mm"


def _poses(poses: Pose, wavelength_m: float) -> str:
    shift_m = max(float(np.abs(dof).max()) for dof in (poses.dx_m, poses.dy_m, poses.dz_m))
    turn_rad = max(float(np.abs(dof).max()) for dof in (poses.rx_rad, poses.ry_rad, poses.rz_rad))
    if shift_m == turn_rad == 0:
        return "as designed"
    shift = _length(shift_m, wavelength_m)
    return f"shifted by up to {shift} and turned by up to {np.degrees(turn_rad):.3g}° in one axis"


def _lead(design: Design) -> str:
    receivers, inputs = design.target.shape
    return (
        f"A stack of {design.stack.layers} layers, {inputs} inputs and {receivers} receivers: "
        f"NMSE {design.nmse_db:.1f} dB at an insertion loss of {design.insertion_loss_db:.1f} dB."
    )


def _drawn_stack(design: Design) -> tuple[Figure, str]:
    return stack_drawing(design.stack), (
        "The stack, to scale. The wave enters at the inputs, crosses the layers along z and leaves "
        "at the receivers. Look for planes that stand where you did not mean them to."
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


def _provenance(facts: Mapping[str, str], written: datetime) -> dict[str, str]:
    return {
        **facts,
        "metastack": version("metastack"),
        "Written": written.strftime("%Y-%m-%d %H:%M %Z").strip(),
    }
