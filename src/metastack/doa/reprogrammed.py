"""A design for directions whose phases were changed, by rounding for one, and what that costs."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from .. import targets
from ..precision import in_float64
from ..stack import response
from .direction_design import DirectionDesign
from .information_design import bound_over_view
from .model import DirectionModel


@in_float64
def reprogrammed(
    design: DirectionDesign,
    phases_rad: Float[np.ndarray, "layers atoms"],
    input_phases_rad: Float[np.ndarray, "snapshots elements"],
) -> DirectionDesign:
    """The same stack with other phases and patterns, and how well those read directions.

    The atoms do with the phases what they do: stuck ones stay stuck, those that round do.
    """
    protocol = design.goal.protocol
    G = np.asarray(response(design.stack, phases_rad))
    model = DirectionModel.of_patterns(
        G, input_phases_rad, columns=protocol.columns, rows=protocol.rows
    )
    bounds = bound_over_view(model, design.goal)
    return replace(
        design,
        phases_rad=phases_rad,
        input_phases_rad=input_phases_rad,
        response=G,
        insertion_loss_db=float(targets.insertion_loss_db(G)),
        bound_rad2=float(np.mean(bounds)),
        worst_bound_rad2=float(np.max(bounds)),
    )
