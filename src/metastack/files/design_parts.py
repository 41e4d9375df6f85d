"""What files of both kinds of design have in common: the stack inside, the outcome, the maker."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..design.solution import Outcome
from ..errors import require
from ..stack import Stack
from .netcdf import attribute, load_netcdf, netcdf_errors, variable
from .provenance import Provenance
from .stack_file import parse_stack, stack_text
from .wording import naming, shown

if TYPE_CHECKING:
    import xarray as xr

    from ..design import Design
    from ..doa import DirectionDesign

MATRIX = ("receiver", "input")
MADE_BY = "provenance_"


def common_attributes(
    design: "Design | DirectionDesign", provenance: Provenance
) -> dict[str, str | int | float]:
    """The stack as text, how the design was found, and what wrote the file."""
    made_by = {f"{MADE_BY}{name}": value for name, value in asdict(provenance).items()}
    return {
        "stack_toml": stack_text(design.stack),
        "outcome": design.outcome.name,
        "method": design.method,
        "seed": str(design.seed),  # as text: a seed may have more than 64 bits
        "start": int(design.start),
        **made_by,
    }


def common_fields(dataset: "xr.Dataset") -> dict[str, Any]:
    """The fields of a design that both kinds have, but matrices."""
    return {
        "stack": stack_of(attribute(dataset, "stack_toml")),
        "phases_rad": array_of(dataset, "phases_rad"),
        "history_db": array_of(dataset, "history_db"),
        "insertion_loss_db": float(variable(dataset, "insertion_loss_db")),
        "outcome": outcome_of(attribute(dataset, "outcome")),
        "seconds": float(variable(dataset, "seconds")),
        "method": str(attribute(dataset, "method")),
        "seed": int(attribute(dataset, "seed")),
        "start": int(attribute(dataset, "start")),
    }


def number(value: float, units: str, meaning: str) -> tuple[Any, ...]:
    """A variable of one number."""
    return (), float(value), {"units": units, "long_name": meaning}


def array_of(dataset: "xr.Dataset", name: str) -> Any:
    """A variable as an array of double precision."""
    return np.asarray(variable(dataset, name).values, np.float64)


def read_made_by(path: Path | str, kind: str) -> Provenance:
    """What wrote a design file.

    Raises:
        InputError: the file cannot be read or is of another kind.
    """
    dataset = load_netcdf(path, kind=kind)
    with netcdf_errors(path), naming(path):
        names = [field.name for field in fields(Provenance)]
        return Provenance(**{name: str(attribute(dataset, f"{MADE_BY}{name}")) for name in names})


def check_phases(phases_rad: Any, stack: Stack) -> None:
    """Refuse phases that are not those of the stack.

    Raises:
        InputError: another shape, or phases that are not finite.
    """
    check_shape("phases_rad", phases_rad, stack.phases_shape)
    require(
        bool(np.isfinite(phases_rad).all()), "`phases_rad` must be finite, but has NaN or infinity."
    )


def check_shape(name: str, array: Any, shape: tuple[int, ...]) -> None:
    """Refuse an array that does not fit its own stack.

    Raises:
        InputError: another shape.
    """
    require(
        array.shape == shape,
        f"`{name}` must have the shape of the stack, {shape}, but has {array.shape}.",
    )


def stack_of(text: object) -> Stack:
    """The stack that a file holds as text."""
    require(isinstance(text, str), f"`stack_toml` must be text, but is {shown(text)}.")
    with naming("its attribute stack_toml"):
        return parse_stack(str(text))


def outcome_of(name: object) -> Outcome:
    """How the run ended."""
    known = ", ".join(outcome.name for outcome in Outcome)
    require(
        isinstance(name, str) and name in Outcome.__members__,
        f"`outcome` must be one of {known}, but is {shown(name)}.",
    )
    return Outcome[str(name)]
