"""A stack made ready for many images: its hops and atoms in the precision of the work.

All that an image meets is linear, so the response is found once for a whole batch, by sending
waves back from the receivers: ten receivers take ten fields, however many images there are.
"""

from itertools import pairwise
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from ..._types import AnyArray
from ...atoms import Atoms, smooth
from ...precision import in_float64
from ...propagation import Chain, DenseHop, outgoing_weights, propagate, transposed
from ...stack import Stack, hops


class Device(eqx.Module):
    """Hops and atoms of a stack."""

    chain: Chain
    atoms: Atoms
    receivers: int = eqx.field(static=True)

    @classmethod
    def of(cls, stack: Stack, dtype: type[np.floating]) -> Self:
        """Every hop in its fastest exact form, found in double precision."""
        parts = cls(hops(stack), stack.atoms, stack.receiver_array.size)
        return in_precision(parts, dtype)

    @classmethod
    def traced(cls, stack: Stack) -> Self:
        """Whole matrices, in the precision of the stack: for poses that JAX is tracing."""
        built = [
            DenseHop.between(start, end, stack.model, wavelength_m=stack.wavelength_m)
            for start, end in pairwise(stack.planes)
        ]
        return cls(Chain.of(built), stack.atoms, stack.receiver_array.size)

    def response(
        self, phases_rad: Float[AnyArray, "layers atoms"]
    ) -> Complex[Array, "receivers inputs"]:
        """End-to-end response, by the fewer of inputs and receivers.

        Atoms that round count as they round, but pass on the gradient of those that do not
        (straight-through: Y. Bengio et al., arXiv:1308.3432, 2013).
        """
        phases_rad = jnp.asarray(phases_rad)
        followed = smooth(self.atoms)(phases_rad)
        set_ = self.atoms(phases_rad).astype(followed.dtype)
        transmission = followed + jax.lax.stop_gradient(set_ - followed)
        if self.receivers > self.chain.hops[0].from_size:
            return propagate(self.chain, transmission)
        from_first = outgoing_weights(self.chain, transmission, self.receivers)[0]
        return transposed(self.chain.hops[0], from_first * transmission[0])


def energies(
    response: Complex[Array, "receivers inputs"], fields: Inexact[Array, "images inputs"]
) -> Float[Array, "images receivers"]:
    """|response @ field|^2 of every image at every receiver."""
    received = fields @ response.T
    return received.real**2 + received.imag**2


def in_precision(tree: Any, dtype: type[np.floating]) -> Any:
    """Every inexact array and number of a tree as reals of `dtype` or complex pairs of them."""
    complex_type = np.result_type(dtype, np.complex64)

    def cast(leaf: Any) -> Any:
        if np.iscomplexobj(leaf):
            return jnp.asarray(np.asarray(leaf, complex_type))
        is_real = np.issubdtype(np.asarray(leaf).dtype, np.floating)
        return jnp.asarray(np.asarray(leaf, dtype)) if is_real else leaf

    return jax.tree.map(cast, tree)


@in_float64
def fields_on_the_way(
    stack: Stack, phases_rad: Float[AnyArray, "layers atoms"], field: Inexact[AnyArray, " inputs"]
) -> tuple[Complex[np.ndarray, "layers atoms"], Complex[np.ndarray, " receivers"]]:
    """The field that meets every layer, and the receivers, when the input layer sends `field`."""
    transmission = stack.atoms(jnp.asarray(phases_rad))
    moving, met = jnp.asarray(field, complex), list[Array]()
    for hop, through in zip(hops(stack), [1, *transmission], strict=True):
        moving = hop(moving * through)
        met.append(moving)
    return np.stack(met[:-1]), np.asarray(met[-1])
