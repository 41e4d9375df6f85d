"""Design files: netCDF with the phases, what they do, how they were found, and the stack."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..design.solution import Design, Outcome
from ..errors import require
from ..stack import Stack
from .complex_arrays import decode_complex, encode_complex
from .netcdf import attribute, load_netcdf, netcdf_errors, save_netcdf, variable
from .provenance import Provenance
from .stack_file import parse_stack, stack_text
from .wording import naming, shown

if TYPE_CHECKING:
    import xarray as xr

KIND = "design"
_MATRIX = ("receiver", "input")
_MADE_BY = "provenance_"


def write_design(design: Design, path: Path | str, *, provenance: Provenance) -> None:
    """Write a design with its whole stack, so that the file stands alone.

    Raises:
        InputError: a kind of model or atom that stack files do not know; the file cannot be
            written.
    """
    attributes: dict[str, str | int | float] = {
        "title": "Phases of a stacked intelligent metasurface",
        "stack_toml": stack_text(design.stack),
        "outcome": design.outcome.name,
        "method": design.method,
        "seed": str(design.seed),  # as text: a seed may have more than 64 bits
        "start": int(design.start),
    }
    made_by = {f"{_MADE_BY}{name}": value for name, value in asdict(provenance).items()}
    save_netcdf(path, kind=KIND, variables=_variables(design), attributes={**attributes, **made_by})


def read_design(path: Path | str) -> Design:
    """The design that `write_design` wrote, exactly.

    Raises:
        InputError: the file cannot be read, is not a design, or does not fit its own stack.
    """
    dataset = load_netcdf(path, kind=KIND)
    with netcdf_errors(path), naming(path):
        design = _design(dataset)
        _check_shapes(design)
        return design


def read_provenance(path: Path | str) -> Provenance:
    """What wrote a design file.

    Raises:
        InputError: the file cannot be read or is not a design.
    """
    dataset = load_netcdf(path, kind=KIND)
    with netcdf_errors(path), naming(path):
        names = [field.name for field in fields(Provenance)]
        return Provenance(**{name: str(attribute(dataset, f"{_MADE_BY}{name}")) for name in names})


def _variables(design: Design) -> Mapping[str, Any]:
    def number(value: float, units: str, meaning: str) -> tuple[Any, ...]:
        return (), float(value), {"units": units, "long_name": meaning}

    phases = np.asarray(design.phases_rad, float)
    history = np.asarray(design.history_db, float)
    about_phases = {"units": "rad", "long_name": "phase asked of each atom, x fastest"}
    about_history = {"units": "dB", "long_name": "error before the first and after each iteration"}
    return {
        "phases_rad": (("layer", "atom"), phases, about_phases),
        "history_db": (("step",), history, about_history),
        "response": encode_complex(
            _MATRIX, design.response, units="1", long_name="field at receivers per unit input"
        ),
        "target": encode_complex(
            _MATRIX, design.target, units="1", long_name="response that was asked for"
        ),
        "nmse_db": number(design.nmse_db, "dB", "normalised error at the best scale"),
        "insertion_loss_db": number(design.insertion_loss_db, "dB", "insertion loss"),
        "seconds": number(design.seconds, "s", "time that the design took"),
    }


def _design(dataset: "xr.Dataset") -> Design:
    return Design(
        stack=_stack(attribute(dataset, "stack_toml")),
        target=decode_complex(variable(dataset, "target")),
        phases_rad=np.asarray(variable(dataset, "phases_rad").values, np.float64),
        response=decode_complex(variable(dataset, "response")),
        nmse_db=float(variable(dataset, "nmse_db")),
        insertion_loss_db=float(variable(dataset, "insertion_loss_db")),
        history_db=np.asarray(variable(dataset, "history_db").values, np.float64),
        outcome=_outcome(attribute(dataset, "outcome")),
        seconds=float(variable(dataset, "seconds")),
        method=str(attribute(dataset, "method")),
        seed=int(attribute(dataset, "seed")),
        start=int(attribute(dataset, "start")),
    )


def _stack(text: object) -> Stack:
    require(isinstance(text, str), f"`stack_toml` must be text, but is {shown(text)}.")
    with naming("its attribute stack_toml"):
        return parse_stack(str(text))


def _outcome(name: object) -> Outcome:
    known = ", ".join(outcome.name for outcome in Outcome)
    require(
        isinstance(name, str) and name in Outcome.__members__,
        f"`outcome` must be one of {known}, but is {shown(name)}.",
    )
    return Outcome[str(name)]


def _check_shapes(design: Design) -> None:
    stack = design.stack
    matrix = (stack.receiver_array.size, stack.input_array.size)
    for name, array, shape in (
        ("phases_rad", design.phases_rad, stack.phases_shape),
        ("response", design.response, matrix),
        ("target", design.target, matrix),
    ):
        require(
            array.shape == shape,
            f"`{name}` must have the shape of the stack, {shape}, but has {array.shape}.",
        )
    require(
        bool(np.isfinite(design.phases_rad).all()),
        "`phases_rad` must be finite, but has NaN or infinity.",
    )
