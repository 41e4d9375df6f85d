"""Angular-division multiplexing: a stack that reads directions, run backwards.

A stack whose response is the 2D DFT gathers each direction of arrival at a receiver of its own.
Fed at its receivers it sends each stream in a direction of its own, so that users in different
bins are served at once by a stack that was never told where they are. The input layer's own phases
shift all beams together, as snapshots shift the bins of a reading.

Source: DOA paper, section VII (conclusions); (25)-(27) for the shift.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64
from ..stack import Stack


@in_float64
def beam_gains(
    response: Complex[AnyArray, "receivers inputs"],
    stack: Stack,
    directions: Float[AnyArray, "directions 3"],
) -> Float[Array, "directions receivers"]:
    """Power sent in each direction by each receiver's port, over what one element would send.

    `directions`: unit vectors away from the stack, towards its front. An orthogonal DFT without
    loss has a gain of the number of elements in the middle of each of its beams.
    """
    waves = _waves(stack, directions)
    return jnp.abs(waves @ jnp.asarray(response).T) ** 2


@in_float64
def assigned_ports(gains: Float[AnyArray, "users ports"]) -> Int[np.ndarray, " users"]:
    """A port for every user, so that the product of all gains is largest.

    Raises:
        InputError: more users than ports.
    """
    from scipy.optimize import linear_sum_assignment

    users, ports = np.shape(gains)
    require(
        users <= ports,
        f"There must be a port for every user, but there are {users} users for {ports} ports.",
    )
    cost = -np.log(np.maximum(np.asarray(gains), 1e-300))
    return linear_sum_assignment(cost)[1]


def _waves(
    stack: Stack, directions: Float[AnyArray, "directions 3"]
) -> Complex[Array, "directions inputs"]:
    """Far field of every element of the input layer, of modulus one."""
    positions_m = jnp.asarray(stack.planes[0].positions_m)
    path_m = jnp.asarray(directions) @ positions_m.T
    return jnp.exp(-2j * jnp.pi * path_m / stack.wavelength_m)
