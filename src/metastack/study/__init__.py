"""Studies: computations over parameters that end in a figure and the data behind it."""

from .mse_study import Contender, MsePoint, mse_points
from .readings import (
    READERS,
    designed_stack,
    digital_energies,
    digital_fields,
    patterned_stack,
    published_arrays,
)

__all__ = [
    "READERS",
    "Contender",
    "MsePoint",
    "designed_stack",
    "digital_energies",
    "digital_fields",
    "mse_points",
    "patterned_stack",
    "published_arrays",
]
