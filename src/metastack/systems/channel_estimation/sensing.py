"""What antennas behind a stack read of the field that meets it, pattern after pattern.

A stack has far more atoms than antennas stand behind it. While a user repeats its pilot, the layers
show one pattern of phases a slot, and every slot weighs the same unknown field anew: all readings
are y = A h + u, and A is known from the stack. The channel must stand still for so many slots.

Source: X. Yao, J. An et al., Channel estimation for stacked intelligent metasurface-assisted
wireless networks, 2024 (calibration paper, [5]).
"""

from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..._types import AnyArray
from ...atoms import smooth
from ...design import ProgrammedChain
from ...errors import require
from ...precision import in_float64
from ...propagation import outgoing_weights
from ..fronts import Receiver, matrix_of


class Sensing(eqx.Module):
    """From patterns of phases to the matrix A by which they sense the field on the first layer."""

    response: ProgrammedChain
    antennas: int = eqx.field(static=True)

    @classmethod
    @in_float64
    def of(cls, receiver: Receiver) -> Self:
        """Behind this stack."""
        last = jax.eval_shape(matrix_of, receiver.hops[-1])
        return cls(receiver.behind(np.eye(len(receiver.positions_m), dtype=complex)), last.shape[0])

    @property
    def smoothed(self) -> Self:
        """With the atoms whose rounding these are, for a search that needs gradients."""
        return replace(self, response=replace(self.response, atoms=smooth(self.response.atoms)))

    def __call__(
        self, phases_rad: Float[Array, "slots layers atoms"]
    ) -> Complex[Array, "readings atoms"]:
        """Rows Q(ξ_t) = W_L Y_L … W_1 Y_1, slot after slot, antennas within a slot.

        Walked from the few antennas to the many atoms.
        """

        def of_slot(transmission: Complex[Array, "layers atoms"]) -> Complex[Array, "antennas _"]:
            behind = outgoing_weights(self.response.chain, transmission, self.antennas)
            return behind[0] * transmission[0]

        rows = jax.vmap(of_slot)(self.response.atoms(phases_rad))
        return rows.reshape(-1, rows.shape[-1])


@in_float64
def sensing_matrix(
    receiver: Receiver, phases_rad: Float[AnyArray, "slots layers atoms"]
) -> Complex[np.ndarray, "readings atoms"]:
    """The matrix A of all slots in double precision; readings count antennas first, then slots.

    Raises:
        InputError: patterns of another shape than the stack's, none, or not finite.
    """
    phases, sensing = np.asarray(phases_rad, float), Sensing.of(receiver)
    shape = sensing.response.phases_shape
    require(
        phases.ndim == 3 and phases.shape[1:] == shape and len(phases) > 0,
        f"Patterns must have the shape (slots, {shape[0]}, {shape[1]}), layers and atoms of the "
        f"stack, with one slot at least, but have {phases.shape}.",
    )
    bad = np.count_nonzero(~np.isfinite(phases))
    require(not bad, f"Patterns must be finite, but {bad} of {phases.size} phases are not.")
    return np.asarray(_sensed(sensing, jnp.asarray(phases)))


@eqx.filter_jit
def _sensed(sensing: Sensing, phases_rad: Array) -> Array:
    return sensing(phases_rad)
