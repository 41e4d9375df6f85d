"""`metastack export`: phases for the controller of the layers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, DesignPath, require_writable
from .output import emit

if TYPE_CHECKING:
    from ..design import Design
    from ..doa import DirectionDesign


def export(
    design: DesignPath,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="CSV to write; a .npy is written beside it."),
    ],
    bits: Annotated[int, typer.Option(min=1, max=16, help="Bits a phase.")],
    json: AsJson = False,
) -> None:
    """Write the phases of a design as integer codes: a CSV, and a NumPy array beside it.

    A design for directions with patterns of its own gets a second CSV for the input layer, whose
    name ends in _input. Rounding to few bits costs accuracy, and the answer says how much;
    `metastack design --bits` designs for them instead.
    """
    from ..files import FileKind, identify, read_design, read_direction_design

    require_writable(output, ".csv")
    if identify(design) is FileKind.DIRECTION_DESIGN:
        answer = _export_for_directions(read_direction_design(design), output, bits)
    else:
        answer = _export_for_target(read_design(design), output, bits)
    emit({"bits": bits, **answer}, as_json=json)


def _export_for_target(design: "Design", output: Path, bits: int) -> dict[str, Any]:
    from ..design import with_phases
    from ..files import read_codes

    written = _export_layers(design, output, bits)
    rounded = with_phases(design, read_codes(output))
    return {
        "nmse_db": design.nmse_db,
        "rounded_nmse_db": rounded.nmse_db,
        "insertion_loss_db": design.insertion_loss_db,
        "rounded_insertion_loss_db": rounded.insertion_loss_db,
        **written,
    }


def _export_for_directions(design: "DirectionDesign", output: Path, bits: int) -> dict[str, Any]:
    from math import pi, sqrt

    from ..doa import FreePatterns
    from ..doa.reprogrammed import reprogrammed
    from ..files import read_codes, read_input_codes

    written, patterns = _export_layers(design, output, bits), design.input_phases_rad
    if design.goal.patterns is FreePatterns:
        input_path = output.with_name(f"{output.stem}_input.csv")
        _export_inputs(design, input_path, bits)
        written["input_output"] = str(input_path)
        patterns = read_input_codes(input_path)
    rounded = reprogrammed(design, read_codes(output), patterns)
    return {
        "deviation_bound_over_pi": sqrt(design.bound_rad2) / pi,
        "rounded_deviation_bound_over_pi": sqrt(rounded.bound_rad2) / pi,
        **written,
    }


def _export_layers(design: "Design | DirectionDesign", output: Path, bits: int) -> dict[str, str]:
    from ..files import export_codes

    layers, array_path = design.stack.layer_array, output.with_suffix(".npy")
    export_codes(
        design.phases_rad,
        columns=layers.columns,
        rows=layers.rows,
        bits=bits,
        csv_path=output,
        npy_path=array_path,
    )
    return {"output": str(output), "array": str(array_path)}


def _export_inputs(design: "DirectionDesign", path: Path, bits: int) -> None:
    from ..files import export_input_codes

    inputs = design.stack.input_array
    export_input_codes(
        design.input_phases_rad,
        columns=inputs.columns,
        rows=inputs.rows,
        bits=bits,
        csv_path=path,
    )
