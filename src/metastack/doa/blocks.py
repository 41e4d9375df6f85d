"""Equations in few parameters that are kept and many log-powers that do not meet each other."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import elimination
from .._types import Number


class Blocks(NamedTuple):
    """An information matrix: the kept parameters, the log-powers (diagonal), and between them.

    A group without energy tells nothing and takes nothing away.
    """

    kept: Float[Array, "kept kept"]
    cross: Float[Array, "kept groups"]
    own: Float[Array, " groups"]

    def reduced(self) -> Float[Array, "kept kept"]:
        """What is left about the kept parameters when the powers have to be found as well."""
        return self.kept - self._shares @ self.cross.T

    def damped(self, damping: Number) -> "Blocks":
        """With a larger diagonal, in proportion (Marquardt)."""
        more = 1 + jnp.asarray(damping)
        diagonal = jnp.diag(jnp.diag(self.kept))
        return Blocks(self.kept + (more - 1) * diagonal, self.cross, more * self.own)

    def solved(
        self, kept: Float[Array, " kept"], groups: Float[Array, " groups"]
    ) -> tuple[Float[Array, " kept"], Float[Array, " groups"]]:
        """The steps whose image is this gradient."""
        step = elimination.solved(self.reduced(), kept - self._shares @ groups)
        rest = groups - self.cross.T @ step
        return step, jnp.where(self._lit, rest / self._safe_own, 0)

    @property
    def _lit(self) -> Array:
        return self.own > 0

    @property
    def _safe_own(self) -> Array:
        return jnp.where(self._lit, self.own, 1)

    @property
    def _shares(self) -> Float[Array, "kept groups"]:
        return jnp.where(self._lit, self.cross / self._safe_own, 0)
