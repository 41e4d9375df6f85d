"""Design files: netCDF with the phases, what they do, how they were found, and the stack."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..design.solution import Design
from .complex_arrays import decode_complex, encode_complex
from .design_parts import (
    MATRIX,
    check_phases,
    check_shape,
    common_attributes,
    common_fields,
    number,
    read_made_by,
)
from .netcdf import load_netcdf, netcdf_errors, save_netcdf, variable
from .provenance import Provenance
from .wording import naming

if TYPE_CHECKING:
    import xarray as xr

KIND = "design"


def write_design(design: Design, path: Path | str, *, provenance: Provenance) -> None:
    """Write a design with its whole stack, so that the file stands alone.

    Raises:
        InputError: a kind of model or atom that stack files do not know; the file cannot be
            written.
    """
    title: dict[str, str | int | float] = {"title": "Phases of a stacked intelligent metasurface"}
    attributes = title | common_attributes(design, provenance)
    save_netcdf(path, kind=KIND, variables=_variables(design), attributes=attributes)


def read_design(path: Path | str) -> Design:
    """The design that `write_design` wrote, exactly.

    Raises:
        InputError: the file cannot be read, is not a design, or does not fit its own stack.
    """
    dataset = load_netcdf(path, kind=KIND)
    with netcdf_errors(path), naming(path):
        design = _design(dataset)
        matrix = (design.stack.receiver_array.size, design.stack.input_array.size)
        check_phases(design.phases_rad, design.stack)
        check_shape("response", design.response, matrix)
        check_shape("target", design.target, matrix)
        return design


def read_provenance(path: Path | str) -> Provenance:
    """What wrote a design file.

    Raises:
        InputError: the file cannot be read or is not a design.
    """
    return read_made_by(path, KIND)


def _variables(design: Design) -> Mapping[str, Any]:
    phases = np.asarray(design.phases_rad, float)
    history = np.asarray(design.history_db, float)
    about_phases = {"units": "rad", "long_name": "phase asked of each atom, x fastest"}
    about_history = {"units": "dB", "long_name": "error before the first and after each iteration"}
    return {
        "phases_rad": (("layer", "atom"), phases, about_phases),
        "history_db": (("step",), history, about_history),
        "response": encode_complex(
            MATRIX, design.response, units="1", long_name="field at receivers per unit input"
        ),
        "target": encode_complex(
            MATRIX, design.target, units="1", long_name="response that was asked for"
        ),
        "nmse_db": number(design.nmse_db, "dB", "normalised error at the best scale"),
        "insertion_loss_db": number(design.insertion_loss_db, "dB", "insertion loss"),
        "seconds": number(design.seconds, "s", "time that the design took"),
    }


def _design(dataset: "xr.Dataset") -> Design:
    return Design(
        target=decode_complex(variable(dataset, "target")),
        response=decode_complex(variable(dataset, "response")),
        nmse_db=float(variable(dataset, "nmse_db")),
        **common_fields(dataset),
    )
