"""`metastack import`: pilots from the formats that benches write, into ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .illumination import NOT_TOLD, Lighting, illumination_of
from .network import IsConjugated, stated
from .option_groups import option_groups
from .options import AsJson
from .output import emit, warn
from .simulate_pilots import require_pilots_writable

if TYPE_CHECKING:
    from ..calibration import Pilots, WidebandPilots
    from ..calibration.references import Corrected
    from ..files.measured_pilots import ImportedPilots
    from ..stack import Stack


@option_groups
def import_pilots(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="Folder of Touchstone files with configurations.csv; .h5, .mat or .npz; or a "
            "SigMF recording.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Pilots to write (.nc, .npz, .mat), or a folder of .csv files."
        ),
    ],
    frequency_hz: Annotated[
        list[float] | None,
        typer.Option(help="Frequency to take, interpolated if need be; again for a band."),
    ] = None,
    stack: Annotated[
        Path | None,
        typer.Option(help="Stack file to check against; its frequency counts if none is given."),
    ] = None,
    lighting: Lighting = NOT_TOLD,
    conjugated: IsConjugated = None,
    negate_phases: Annotated[
        bool, typer.Option("--negate-phases", help="Phases are counted the other way, as delays.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Turn measured responses into pilots, and say what was understood.

    References in the source take off drift, leakage and cables. Without users, every user's port
    is an input port of the stack.
    """
    from dataclasses import replace

    from ..calibration import WidebandPilots
    from ..files import (
        pilots_from,
        read_measurement,
        read_stack,
        write_pilots,
        write_wideband_pilots,
    )
    from ..files.wording import naming

    require_pilots_writable(output)
    nominal = None if stack is None else read_stack(stack).stack
    wanted = frequency_hz or ([] if nominal is None else [float(nominal.frequency_hz)])
    measurement = read_measurement(source)
    if negate_phases:
        measurement = replace(measurement, phases_rad=-measurement.phases_rad)
    with naming(source):
        imported = pilots_from(
            measurement,
            frequencies_hz=wanted,
            illumination=illumination_of(lighting),
            convention=stated(conjugated),
        )
        if nominal is not None:
            _check_stack(imported.pilots, nominal)
    meant_for = {} if nominal is None else {"frequency_hz": float(nominal.frequency_hz)}
    if isinstance(imported.pilots, WidebandPilots):
        write_wideband_pilots(imported.pilots, output, **meant_for)
    else:
        write_pilots(imported.pilots, output, frequency_hz=imported.frequencies_hz[0])
    for warning in imported.warnings:
        warn(warning)
    emit({"source": str(source), **_facts(imported), "output": str(output)}, as_json=json)


def _check_stack(pilots: "Pilots | WidebandPilots", stack: "Stack") -> None:
    """Refuse pilots of another stack, or in another convention than it explains."""
    import numpy as np

    from ..calibration import OURS, WidebandPilots, check_pilots, likelier_convention
    from ..calibration.wideband_pilots import at_frequency
    from ..errors import require

    if isinstance(pilots, WidebandPilots):
        nearest = int(np.argmin(np.abs(pilots.frequencies_hz - float(stack.frequency_hz))))
        stack = at_frequency(stack, float(pilots.frequencies_hz[nearest]))
        pilots = pilots.at(nearest)
    check_pilots(pilots, stack)
    likelier = likelier_convention(stack, pilots)
    require(
        likelier == OURS,
        "Responses must be in time e^{+jwt}, and phases in time e^{-jwt}, but the stack explains "
        f"them far better otherwise: {_options(likelier.conjugated, likelier.phases_negated)}.",
    )


def _options(conjugated: bool, phases_negated: bool) -> str:
    """What to toggle on the command line."""
    toggled = {"--conjugated": conjugated, "--negate-phases": phases_negated}
    return f"toggle {' and '.join(f'`{name}`' for name, needed in toggled.items() if needed)}"


def _facts(imported: "ImportedPilots") -> dict[str, Any]:
    from ..files.time_convention import TimeConvention

    slots, layers, atoms = imported.pilots.plan.phases_rad.shape
    _, antennas, users = imported.pilots.received.shape[:3]
    how = "by the sign of its delay" if imported.is_convention_seen else "as stated or by default"
    is_ours = imported.convention is TimeConvention.OURS
    sizes = {"slots": slots, "layers": layers, "atoms_a_layer": atoms}
    return {
        **sizes,
        "antennas": antennas,
        "users": users,
        "frequencies_hz": list(imported.frequencies_hz),
        "measured_frequencies": len(imported.measurement.frequencies_hz),
        "time_convention": f"{'e^{-jwt}' if is_ours else 'e^{+jwt}, conjugated'}, {how}",
        "references": [each.value for each in imported.measurement.references] or None,
        **_changes(imported.corrected),
        "noise_variance": imported.pilots.noise_variance,
    }


def _changes(corrected: "Corrected") -> dict[str, Any]:
    """What each reference changed, for those that there are."""
    from math import degrees, log10

    changes = dict[str, Any]()
    if corrected.leakage_from is not None:
        changes |= {"leakage_from": corrected.leakage_from.value}
        changes |= {"leakage_against_slots_db": corrected.leakage_db}
    if corrected.through_db is not None:
        least, most = corrected.through_db
        changes |= {"through_least_db": least, "through_most_db": most}
    if corrected.drift is not None:
        changes |= {"repeated_readings": len(corrected.drift.times)}
        changes |= {"drift_db": corrected.drift.span_db}
        changes |= {"drift_deg": degrees(corrected.drift.span_rad)}
        beyond = corrected.drift.beyond
        changes |= {"repeated_beyond_gain_db": beyond and 10 * log10(beyond)}
    return changes
