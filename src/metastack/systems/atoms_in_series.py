"""Atoms of several stacks in the order in which the wave meets them."""

from itertools import accumulate

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..atoms import Atoms


class AtomsInSeries(eqx.Module):
    """`parts[k]` are the atoms of the next `layers[k]` layers, the first `sizes[k]` of each.

    Places beyond a part's own size let everything through: no wave reaches them.
    """

    parts: tuple[Atoms, ...]
    layers: tuple[int, ...] = eqx.field(static=True)
    sizes: tuple[int, ...] = eqx.field(static=True)

    def __call__(
        self, phase_rad: Float[Array, "*batch layers atoms"]
    ) -> Complex[Array, "*batch layers atoms"]:
        """Transmission of each atom."""
        width = phase_rad.shape[-1]
        ends = list(accumulate(self.layers, initial=0))
        each = zip(self.parts, ends[:-1], ends[1:], self.sizes, strict=True)
        transmissions = [
            _widened(part(phase_rad[..., start:end, :size]), width)
            for part, start, end, size in each
        ]
        return jnp.concatenate(transmissions, axis=-2)

    @property
    def settings_rad(self) -> Float[np.ndarray, " settings"]:
        """All that any part lists: an atom is asked what each setting gives."""
        return np.unique(np.concatenate([part.settings_rad for part in self.parts]))

    @property
    def is_smooth(self) -> bool:
        """Whether all parts are."""
        return all(part.is_smooth for part in self.parts)


def _widened(
    transmission: Complex[Array, "*batch layers atoms"], width: int
) -> Complex[Array, "*batch layers width"]:
    spare = [(0, 0)] * (transmission.ndim - 1) + [(0, width - transmission.shape[-1])]
    return jnp.pad(transmission, spare, constant_values=1)
