"""The report of a design for directions: how well it reads them, what to program, and the bounds.

All bounds are those of energies, with the noise known and the source's power unknown, at the SNR
that the design is for.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import log10, pi, sqrt
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..doa.angles import UNIFORM_DEVIATION_OVER_PI
from ..doa.direction_design import DirectionDesign
from ..doa.direction_problem import FreePatterns
from ..doa.information_design import bound_over_view
from ..doa.maps import bound_over_grid, energy_maps, ideal_dft, psi_axis_rad
from ..doa.model import DirectionModel
from ..doa.unknowns import KnownNoise
from .angular_response import MOST_PROBES, angular_response_maps
from .bound import bound_map
from .device_sections import provenance_section, stack_section
from .history import convergence
from .html import Section, write_page
from .phases import MOST_PATTERNS, pattern_maps, phase_maps

# Fine enough for lobes of 16 elements a side.
_POINTS = 81
# The DOA paper's exact 2D DFT loses about this much on its 4 x 4 stack.
_LOSSY_DFT_DB = 26.0


def write_direction_report(
    path: Path,
    *,
    title: str,
    design: DirectionDesign,
    facts: Mapping[str, str],
    starts: Sequence[DirectionDesign] = (),
    extra: Sequence[Section] = (),
    written: datetime | None = None,
) -> None:
    """Write the report of `design` as one HTML file.

    `facts`: what else the provenance should say, the command for one. `starts`: all runs that
    competed, `design` among them. `extra`: sections of your own, before the provenance.
    `written`: the date to print, now unless given.
    """
    sections = [
        Section("Result", text=design.outcome.value, facts=direction_headline(design)),
        stack_section(design.stack),
        Section("Phases", figures=_phase_figures(design)),
        Section("Convergence", figures=[_convergence(starts or [design])]),
        _angular_response(design),
        Section("Bound", _BESIDE, bound_facts(design), [_bound(design)]),
        *extra,
        provenance_section(facts, written),
    ]
    write_page(path, title=title, lead=_lead(design), sections=sections)


def direction_headline(design: DirectionDesign) -> dict[str, str]:
    """The numbers of a run, with units."""
    goal, protocol = design.goal, design.goal.protocol
    return {
        "√CRB of ψ, root mean square": _deviation(design.bound_rad2),
        "√CRB of ψ, worst direction": _deviation(design.worst_bound_rad2),
        "Physical SNR": f"{goal.snr.db:g} dB",
        "Insertion loss": f"{design.insertion_loss_db:.2f} dB",
        "Snapshots": f"{protocol.snapshots} ({protocol.snapshots_x} × {protocol.snapshots_y})",
        "Field of view": f"±{goal.field_of_view_rad / pi:.3g} π in ψ_x and in ψ_y",
        "Sources at a time": str(goal.sources),
        "Weighs": f"the {type(goal.summary).__name__.lower()} log-error",
        "Input layer": _PATTERNS[_has_own_patterns(design)],
        "Iterations": str(design.iterations),
        "Time": f"{design.seconds:.3g} s",
        "Method": design.method,
        "Seed": str(design.seed),
        "Start": str(design.start),
    }


def bound_facts(design: DirectionDesign) -> dict[str, str]:
    """The mean bound of the design over its field of view beside those of exact DFTs.

    The DFTs have the input layer, snapshots, SNR and field of view of the design.
    """
    protocol = design.goal.protocol
    lossless = ideal_dft(protocol)
    lossy = ideal_dft(protocol, insertion_loss_db=_LOSSY_DFT_DB)
    return {
        "This design": _deviation(design.bound_rad2),
        "Exact DFT without loss": _beside(lossless, design),
        f"Exact DFT, {_LOSSY_DFT_DB:g} dB insertion loss": _beside(lossy, design),
    }


_BESIDE = (
    "√CRB of ψ, root mean square over the field of view, beside exact DFTs with the same snapshots "
    "at the same physical SNR."
)
_PATTERNS = {False: "ramps of the protocol", True: "patterns of its own"}


def _has_own_patterns(design: DirectionDesign) -> bool:
    return design.goal.patterns is FreePatterns


def _deviation(bound_rad2: float) -> str:
    """A deviation in units of π, or that there is none to speak of."""
    over_pi = sqrt(bound_rad2) / pi
    known = over_pi < UNIFORM_DEVIATION_OVER_PI
    return f"{over_pi:.3g} π" if known else "none: these energies do not tell every direction"


def _beside(model: DirectionModel, design: DirectionDesign) -> str:
    bound_rad2 = float(np.mean(bound_over_view(model, design.goal)))
    text = _deviation(bound_rad2)
    if sqrt(bound_rad2) / pi >= UNIFORM_DEVIATION_OVER_PI:
        return text
    ratio_db = 10 * log10(bound_rad2 / design.bound_rad2)
    side = "more" if ratio_db >= 0 else "less"
    return f"{text}: {abs(ratio_db):.1f} dB {side} squared error"


def _lead(design: DirectionDesign) -> str:
    stack, goal = design.stack, design.goal
    return (
        f"A stack of {stack.layers} layers, {stack.input_array.size} inputs and "
        f"{stack.receiver_array.size} receivers, designed to tell directions from energies: "
        f"√CRB of {_deviation(design.bound_rad2)} in an electrical angle at a physical SNR of "
        f"{goal.snr.db:g} dB, with {goal.protocol.snapshots} snapshots."
    )


def _phase_figures(design: DirectionDesign) -> list[tuple[Figure, str]]:
    layers = (
        phase_maps(design),
        "The phase to program into every atom, seen from the receivers: x to the right, y up. "
        "The colours close on themselves: 0 and 2π are the same.",
    )
    if not _has_own_patterns(design):
        return [layers]
    snapshots = len(design.input_phases_rad)
    shown = f"the first {MOST_PATTERNS} of {snapshots}" if snapshots > MOST_PATTERNS else "all"
    patterns = (
        pattern_maps(design),
        f"The phases that the input layer shows, snapshot by snapshot ({shown}), seen from the "
        "receivers. One phase for all elements of a snapshot would change nothing.",
    )
    return [layers, patterns]


def _convergence(starts: Sequence[DirectionDesign]) -> tuple[Figure, str]:
    return convergence(starts), (
        "How the squared error of ψ/π fell: the bound, and what confusion of far directions adds. "
        "A curve that still falls at its end wants more iterations; starts that end far apart want "
        "more of them."
    )


def _angular_response(design: DirectionDesign) -> Section:
    receivers = design.stack.receiver_array
    if receivers.size > MOST_PROBES:
        text = f"Not drawn: {receivers.size} probes are too many for small maps."
        return Section("Angular response", text=text)
    axis = psi_axis_rad(_POINTS)
    with np.errstate(divide="ignore"):  # silence is -inf dB
        energy_db = 10 * np.log10(energy_maps(design.model, axis, axis))
    caption = (
        "What each probe hears in the first snapshot from a source in every direction; the panels "
        "stand as the probes do, probe 0 at the lower left. Bins of a DFT would be one lobe each; "
        "here a direction is told by all probes together, so what matters is that neighbouring "
        "directions look different, above all within the field of view."
    )
    figure = angular_response_maps(axis, axis, energy_db, columns=receivers.columns)
    return Section("Angular response", figures=[(figure, caption)])


def _bound(design: DirectionDesign) -> tuple[Figure, str]:
    goal, axis = design.goal, psi_axis_rad(_POINTS)
    noise = KnownNoise(goal.snr.variance)
    bounds_rad2 = bound_over_grid(design.model, axis, axis, noise=noise)
    figure = bound_map(axis, axis, bounds_rad2, field_of_view_rad=goal.field_of_view_rad)
    several = " The numbers above are for several sources at a time." if goal.sources > 1 else ""
    return figure, (
        "The least standard deviation of an electrical angle that any unbiased estimator can have "
        "from the energies of one source, in units of π, the mean variance of both angles under "
        "the root. Within the dashed field of view it should be low and even; outside, the design "
        f"was not asked for anything.{several}"
    )
