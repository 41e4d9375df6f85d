"""Files of designs for directions: phases, patterns of the input layer, what they are for."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import require
from .complex_arrays import decode_complex, encode_complex
from .design_parts import (
    MATRIX,
    array_of,
    check_phases,
    check_shape,
    common_attributes,
    common_fields,
    number,
    read_made_by,
)
from .netcdf import attribute, load_netcdf, netcdf_errors, save_netcdf, variable
from .provenance import Provenance
from .wording import naming, shown

if TYPE_CHECKING:
    import xarray as xr

    from ..doa import DirectionDesign, DirectionGoal

KIND = "direction design"


def write_direction_design(
    design: "DirectionDesign", path: Path | str, *, provenance: Provenance
) -> None:
    """Write a design for directions with its whole stack, so that the file stands alone.

    Raises:
        InputError: a kind of model or atom that stack files do not know; the file cannot be
            written.
    """
    goal = design.goal
    about: dict[str, str | int | float] = {
        "title": "Phases of a stacked intelligent metasurface that reads directions",
        "snapshots_x": goal.protocol.snapshots_x,
        "snapshots_y": goal.protocol.snapshots_y,
        "sources": goal.sources,
        "summary": type(goal.summary).__name__,
        "patterns": goal.patterns.__name__,
    }
    attributes = about | common_attributes(design, provenance)
    save_netcdf(path, kind=KIND, variables=_variables(design), attributes=attributes)


def read_direction_design(path: Path | str) -> "DirectionDesign":
    """The design that `write_direction_design` wrote, exactly.

    Raises:
        InputError: the file cannot be read, is of another kind, or does not fit its own stack.
    """
    dataset = load_netcdf(path, kind=KIND)
    with netcdf_errors(path), naming(path):
        design = _design(dataset)
        stack, snapshots = design.stack, design.goal.protocol.snapshots
        check_phases(design.phases_rad, stack)
        check_shape(
            "response", design.response, (stack.receiver_array.size, stack.input_array.size)
        )
        check_shape(
            "input_phases_rad", design.input_phases_rad, (snapshots, stack.input_array.size)
        )
        require(
            bool(np.isfinite(design.input_phases_rad).all()),
            "`input_phases_rad` must be finite, but has NaN or infinity.",
        )
        return design


def read_direction_provenance(path: Path | str) -> Provenance:
    """What wrote a file of a design for directions.

    Raises:
        InputError: the file cannot be read or is of another kind.
    """
    return read_made_by(path, KIND)


def _variables(design: "DirectionDesign") -> Mapping[str, Any]:
    phases = np.asarray(design.phases_rad, float)
    patterns = np.asarray(design.input_phases_rad, float)
    about_phases = {"units": "rad", "long_name": "phase asked of each atom, x fastest"}
    about_patterns = {
        "units": "rad",
        "long_name": "phase of each input element, snapshot by snapshot",
    }
    about_history = {
        "units": "dB",
        "long_name": "error of psi/pi before the first iteration and on",
    }
    return {
        "phases_rad": (("layer", "atom"), phases, about_phases),
        "input_phases_rad": (("snapshot", "input"), patterns, about_patterns),
        "history_db": (("step",), np.asarray(design.history_db, float), about_history),
        "response": encode_complex(
            MATRIX, design.response, units="1", long_name="field at receivers per unit input"
        ),
        "insertion_loss_db": number(design.insertion_loss_db, "dB", "insertion loss"),
        "bound_rad2": number(design.bound_rad2, "rad2", "mean bound of an electrical angle"),
        "worst_bound_rad2": number(design.worst_bound_rad2, "rad2", "worst bound"),
        "field_of_view_rad": number(design.goal.field_of_view_rad, "rad", "half width in psi"),
        "physical_snr_db": number(design.goal.snr.db, "dB", "SNR at the aperture"),
        "seconds": number(design.seconds, "s", "time that the design took"),
    }


def _design(dataset: "xr.Dataset") -> "DirectionDesign":
    from ..doa import DirectionDesign

    common = common_fields(dataset)
    return DirectionDesign(
        goal=_goal(dataset, common["stack"].input_array),
        input_phases_rad=array_of(dataset, "input_phases_rad"),
        response=decode_complex(variable(dataset, "response")),
        bound_rad2=float(variable(dataset, "bound_rad2")),
        worst_bound_rad2=float(variable(dataset, "worst_bound_rad2")),
        **common,
    )


def _goal(dataset: "xr.Dataset", inputs: Any) -> "DirectionGoal":
    from ..doa import (
        DirectionGoal,
        FreePatterns,
        Mean,
        PhysicalSnr,
        Protocol,
        SwitchedPatterns,
        Worst,
    )

    snapshots = (int(attribute(dataset, f"snapshots_{axis}")) for axis in "xy")
    summaries = {kind.__name__: kind() for kind in (Mean, Worst)}
    patterns = {kind.__name__: kind for kind in (SwitchedPatterns, FreePatterns)}
    return DirectionGoal(
        Protocol(inputs.columns, inputs.rows, *snapshots),
        PhysicalSnr(float(variable(dataset, "physical_snr_db"))),
        float(variable(dataset, "field_of_view_rad")),
        int(attribute(dataset, "sources")),
        _named(dataset, "summary", summaries),
        _named(dataset, "patterns", patterns),
    )


def _named(dataset: "xr.Dataset", name: str, known: Mapping[str, Any]) -> Any:
    found = attribute(dataset, name)
    require(
        isinstance(found, str) and found in known,
        f"`{name}` must be one of {', '.join(known)}, but is {shown(found)}.",
    )
    return known[found]
