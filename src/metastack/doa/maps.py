"""Over a grid of electrical angles: what every probe hears, and how well directions can be known.

Directions outside the visible region are on the map too: the electrical angles are all there is.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import targets
from ..precision import in_float64
from .cramer_rao import cramer_rao
from .information import unit_information
from .model import DirectionModel
from .protocol import Protocol
from .unknowns import Noise, SteadyPower


def psi_axis_rad(points: int) -> Float[np.ndarray, " points"]:
    """Centres of equal cells that together cover [-π, π)."""
    return np.pi * ((2 * np.arange(points) + 1) / points - 1)


@in_float64
def energy_maps(
    model: DirectionModel,
    psi_x_rad: Float[np.ndarray, " x"],
    psi_y_rad: Float[np.ndarray, " y"],
    *,
    snapshot: int = 0,
) -> Float[np.ndarray, "probes y x"]:
    """Energy on every probe in one snapshot from a unit source at each pair of angles."""
    one = DirectionModel(model.weights[snapshot : snapshot + 1], model.columns, model.rows)
    energies = one.energies(jnp.asarray(_grid(psi_x_rad, psi_y_rad)))
    return np.moveaxis(np.asarray(energies)[..., 0, :], -1, 0)


@in_float64
def bound_over_grid(
    model: DirectionModel,
    psi_x_rad: Float[np.ndarray, " x"],
    psi_y_rad: Float[np.ndarray, " y"],
    *,
    noise: Noise,
) -> Float[np.ndarray, "y x"]:
    """Cramér-Rao bound of one angle from energies, rad², the mean of both, for a unit source.

    The source's power is unknown. Infinite where the energies do not tell the direction.
    """
    # Compiled once and called row by row: all directions of a large array would fill the memory.
    of_row = jax.jit(jax.vmap(lambda psi: unit_information(model, psi, noise, SteadyPower())))
    rows = [of_row(jnp.asarray(row)) for row in _grid(psi_x_rad, psi_y_rad)]
    return np.trace(cramer_rao(np.stack(rows)), axis1=-2, axis2=-1) / 2


def ideal_dft(protocol: Protocol, *, insertion_loss_db: float = 0.0) -> DirectionModel:
    """A device that computes the 2D DFT exactly, with this insertion loss; lossless unless told."""
    unitary = targets.dft_2d(protocol.columns, protocol.rows) / np.sqrt(protocol.elements)
    return DirectionModel.of_stack(10 ** (-insertion_loss_db / 20) * unitary, protocol)


def _grid(
    psi_x_rad: Float[np.ndarray, " x"], psi_y_rad: Float[np.ndarray, " y"]
) -> Float[np.ndarray, "y x 2"]:
    return np.stack(np.meshgrid(psi_x_rad, psi_y_rad), axis=-1)
