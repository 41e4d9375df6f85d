"""The field that a plane wave puts on the elements of the input layer.

Source: DOA paper, eq. (3)-(5).
"""

import numpy as np
from jaxtyping import Complex, Float

from .._types import Number
from ..geometry import column_and_row


def steering_vector(
    psi_x_rad: Float[Number, "*#batch"],
    psi_y_rad: Float[Number, "*#batch"],
    columns: int,
    rows: int,
) -> Complex[np.ndarray, "*batch elements"]:
    """Steering vector a = a_y ⊗ a_x, [a_x]_n = e^{jψ_x n}, eq. (3)-(5).

    `psi_x_rad`, `psi_y_rad`: electrical angles. Elements count x fastest, each gets unit power, and
    element 0 is the phase reference.
    """
    column, row = column_and_row(columns, rows)
    psi_x, psi_y = np.asarray(psi_x_rad)[..., None], np.asarray(psi_y_rad)[..., None]
    return np.exp(1j * (psi_x * column + psi_y * row))
