"""Directions through a stack, from a few antennas that keep the phase and many patterns.

A far user's wave meets the first layer as y = A a(ψ) s + u: every pattern is a snapshot of
`doa.DirectionModel`, so that `doa.matched_steering` is maximum likelihood, with its bound.

Source: J. An et al. (calibration paper, [4]); DOA paper, eq. (3)-(5).
"""

import numpy as np
from jaxtyping import Float

from ..._types import AnyArray
from ...doa import DirectionModel, cramer_rao, field_information
from ...geometry import PlanarArray
from ..fronts import Receiver
from .sensing import sensing_matrix


def pattern_model(
    receiver: Receiver, layer_array: PlanarArray, phases_rad: Float[AnyArray, "slots layers atoms"]
) -> DirectionModel:
    """A stack that is read once a pattern; its aperture is the first programmable layer.

    Raises:
        InputError: patterns that do not fit the stack.
    """
    weights = sensing_matrix(receiver, phases_rad)
    by_slot = weights.reshape(len(phases_rad), -1, weights.shape[1])
    return DirectionModel(by_slot, layer_array.columns, layer_array.rows)


def direction_bound_rad2(
    model: DirectionModel, psi_rad: Float[AnyArray, "*batch 2"], *, noise_variance: float
) -> Float[np.ndarray, " *batch"]:
    """Cramér-Rao bound of ψ_x and ψ_y together, the amplitude s, |s| = 1, unknown but steady."""
    information = field_information(model, psi_rad, noise_variance=noise_variance)
    return np.asarray(np.trace(cramer_rao(information), axis1=-2, axis2=-1))
