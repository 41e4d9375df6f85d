"""`metastack export`: phases for the controller of the layers."""

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, DesignPath, require_writable
from .output import emit


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

    Rounding to few bits costs accuracy, and the answer says how much; `metastack design --bits`
    designs for them instead.
    """
    from ..design import with_phases
    from ..files import export_codes, read_codes, read_design

    require_writable(output, ".csv")
    read = read_design(design)
    layers = read.stack.layer_array
    array_path = output.with_suffix(".npy")
    export_codes(
        read.phases_rad,
        columns=layers.columns,
        rows=layers.rows,
        bits=bits,
        csv_path=output,
        npy_path=array_path,
    )
    rounded = with_phases(read, read_codes(output))
    answer = {"bits": bits, "nmse_db": read.nmse_db, "rounded_nmse_db": rounded.nmse_db}
    emit({**answer, "output": str(output), "array": str(array_path)}, as_json=json)
