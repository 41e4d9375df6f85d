"""The insertion loss of one stack at many phases, as a search goes by them."""

from typing import Self

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import targets
from .._types import AnyArray
from ..atoms import Atoms
from ..precision import in_float64
from ..propagation import Chain, propagate
from ..stack import Stack, hops


class InsertionLossMeter(eqx.Module):
    """Tells the loss of phases; the matrices between layers are made once."""

    hops: Chain
    atoms: Atoms

    @classmethod
    @in_float64
    def of(cls, stack: Stack) -> Self:
        """The meter of a stack."""
        return cls(hops(stack), stack.atoms)

    @in_float64
    def __call__(
        self, phases_rad: Float[AnyArray, "*batch layers atoms"]
    ) -> Float[Array, "*batch"]:
        """Insertion loss, dB."""
        return _insertion_loss_db(self, jnp.asarray(phases_rad))


@eqx.filter_jit
def _insertion_loss_db(meter: InsertionLossMeter, phases_rad: Array) -> Array:
    return targets.insertion_loss_db(propagate(meter.hops, meter.atoms(phases_rad)))
