"""Networks in a row: what reflects to and fro between them, summed exactly.

A two-sided network has ports on its left and on its right. Two in a row make one by the star
product, in which the waves between them are solved for and not, as by transfer matrices, inverted:
transmission may be as weak as it likes.

Source: R. Redheffer, J. Math. Phys. 41 (1962) 1; DESIGN.md, Calibration.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex

from .._types import AnyArray


class TwoSided(eqx.Module):
    """Scattering of a network with ports on both sides; waves enter from either.

    `to_right` is the transmission from left to right, `to_left` that from right to left.
    """

    left_reflection: Complex[AnyArray, "*batch left left"]
    to_left: Complex[AnyArray, "*batch left right"]
    to_right: Complex[AnyArray, "*batch right left"]
    right_reflection: Complex[AnyArray, "*batch right right"]

    @classmethod
    def split(cls, scattering: Complex[AnyArray, "*batch ports ports"], left: int) -> "TwoSided":
        """A network of which the first `left` ports are on the left and all others on the right."""
        S = scattering
        return cls(
            S[..., :left, :left], S[..., :left, left:], S[..., left:, :left], S[..., left:, left:]
        )

    @property
    def scattering(self) -> Complex[Array, "*batch ports ports"]:
        """The matrix of all ports, the left ones first."""
        upper = jnp.concatenate([self.left_reflection, self.to_left], axis=-1)
        lower = jnp.concatenate([self.to_right, self.right_reflection], axis=-1)
        return jnp.concatenate([upper, lower], axis=-2)


def star(first: TwoSided, second: TwoSided) -> TwoSided:
    """The network of two in a row, the right ports of the first being the left ones of the second.

    Waves from the second to the first are (1 - B11 A22)⁻¹ (B11 A21 a + B12 b), for a from the left
    and b from the right: all that is thrown to and fro between both.
    """
    A, B = first, second
    left, right = A.to_right.shape[-1], B.to_left.shape[-1]
    between = jnp.eye(A.right_reflection.shape[-1]) - B.left_reflection @ A.right_reflection
    thrown_back = B.left_reflection @ A.to_right
    batch = jnp.broadcast_shapes(thrown_back.shape[:-2], B.to_left.shape[:-2], between.shape[:-2])
    sources = [
        jnp.broadcast_to(each, (*batch, *each.shape[-2:])) for each in (thrown_back, B.to_left)
    ]
    solved = jnp.linalg.solve(
        jnp.broadcast_to(between, (*batch, *between.shape[-2:])), jnp.concatenate(sources, axis=-1)
    )
    from_left, from_right = solved[..., :left], solved[..., left : left + right]
    return TwoSided(
        A.left_reflection + A.to_left @ from_left,
        A.to_left @ from_right,
        B.to_right @ (A.to_right + A.right_reflection @ from_left),
        B.right_reflection + B.to_right @ A.right_reflection @ from_right,
    )
