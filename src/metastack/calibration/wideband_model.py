"""What is fitted to pilots of several frequencies: one geometry, seen at each of them.

Responses have frequencies as a last axis, so that unknown gains, which are shared along slots,
antennas or users, are others at every frequency.

Source: ours.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..dispersion import Dispersion
from ..stack import Stack
from .illumination import Illumination
from .pilots import PilotPlan
from .sensitivity import pilots_and_slopes, pilots_at
from .unknowns import Unknowns
from .wideband_pilots import at_frequency, shown_over_band


class WidebandModel(eqx.Module):
    """Poses and users are unknown, atoms and their dispersion as described.

    Unknowns are counted in units of the centre frequency at all frequencies.
    """

    unknowns: Unknowns
    frequencies_hz: Float[AnyArray, " frequencies"]
    transmission: Complex[Array, "frequencies slots layers atoms"]

    @classmethod
    def of(
        cls,
        unknowns: Unknowns,
        plan: PilotPlan,
        frequencies_hz: Float[np.ndarray, " frequencies"],
        dispersion: Dispersion,
    ) -> Self:
        """The model of a plan that is carried out at these frequencies."""
        shown = shown_over_band(unknowns.stack, plan, frequencies_hz, dispersion)
        return cls(unknowns, frequencies_hz, shown)

    def predict(
        self, values: Float[Array, " unknowns"]
    ) -> Complex[Array, "slots antennas users frequencies"]:
        """Noiseless responses at unit gain."""

        def of_frequency(pair: tuple[Array, Array]) -> Array:
            frequency_hz, shown = pair
            return pilots_at(self._seen_at(frequency_hz), values, shown)

        y = jax.lax.map(of_frequency, (jnp.asarray(self.frequencies_hz), self.transmission))
        return jnp.moveaxis(y, 0, -1)

    def linearise(
        self, values: Float[Array, " unknowns"]
    ) -> tuple[
        Complex[Array, "slots antennas users frequencies"],
        Complex[Array, "slots antennas users frequencies unknowns"],
    ]:
        """Responses and their derivatives."""

        def of_frequency(pair: tuple[Array, Array]) -> tuple[Array, Array]:
            frequency_hz, shown = pair
            return pilots_and_slopes(self._seen_at(frequency_hz), values, shown)

        pairs = jnp.asarray(self.frequencies_hz), self.transmission
        y, slopes = jax.lax.map(of_frequency, pairs)
        return jnp.moveaxis(y, 0, -1), jnp.moveaxis(slopes, 0, -2)

    def applied(self, values: Float[Array, " unknowns"]) -> tuple[Stack, Illumination]:
        """The stack and its users with these values, at the centre frequency."""
        return self.unknowns.applied(values)

    def _seen_at(self, frequency_hz: Float[Array, ""]) -> Unknowns:
        """The same unknowns of the same stack at another frequency."""
        stack = at_frequency(self.unknowns.stack, frequency_hz)
        return eqx.tree_at(lambda each: each.stack, self.unknowns, stack)
