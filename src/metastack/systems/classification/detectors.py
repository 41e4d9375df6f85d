"""Which receivers read which class, and how energies become scores.

Receivers measure energy alone. The class is the one of the highest score.

Source: X. Lin et al., Science 361 (2018), for the brightest region; J. Li et al., Advanced
Photonics 1 (2019), for differential detection.
"""

from typing import Protocol, Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._types import AnyArray
from ...errors import require
from ...geometry import PlanarArray


class Detectors(Protocol):
    """From the energies of all receivers to one score a class, whatever the light's power."""

    @property
    def regions(self) -> Float[AnyArray, "regions receivers"]:
        """Weight of each receiver in each region."""
        ...

    @property
    def sharpness(self) -> float:
        """What scores are multiplied by to be logits of a softmax in training."""
        ...

    @property
    def classes(self) -> int:
        """Number of classes that are told apart."""
        ...

    def scores(self, energies: Float[Array, "*images receivers"]) -> Float[Array, "*images class"]:
        """One score a class."""
        ...


class BrightestRegion(eqx.Module):
    """Every class has a region of receivers; its score is its share of all regions' energy."""

    regions: Float[AnyArray, "classes receivers"]
    sharpness: float = eqx.field(static=True, default=20.0)

    @classmethod
    def on(cls, receivers: PlanarArray, classes: int) -> Self:
        """As many neighbouring receivers a class as there are, in their order.

        Raises:
            InputError: fewer receivers than classes.
        """
        return cls(_runs(receivers, classes, "one a class"))

    @property
    def classes(self) -> int:
        """Number of classes that are told apart."""
        return len(self.regions)

    def scores(self, energies: Float[Array, "*images receivers"]) -> Float[Array, "*images class"]:
        """Share of each region."""
        in_regions = energies @ jnp.asarray(self.regions, energies.dtype).T
        return in_regions / jnp.sum(in_regions, axis=-1, keepdims=True)


class DifferentialRegions(eqx.Module):
    """Two regions a class, E+ for and E- against it; its score is (E+ - E-) / (E+ + E-)."""

    regions: Float[AnyArray, "twice_classes receivers"]
    sharpness: float = eqx.field(static=True, default=8.0)

    @classmethod
    def on(cls, receivers: PlanarArray, classes: int) -> Self:
        """Neighbouring receivers in their order: those for class 0, those against it, and so on.

        Raises:
            InputError: fewer than two receivers a class.
        """
        return cls(_runs(receivers, 2 * classes, "two a class"))

    @property
    def classes(self) -> int:
        """Number of classes that are told apart."""
        return len(self.regions) // 2

    def scores(self, energies: Float[Array, "*images receivers"]) -> Float[Array, "*images class"]:
        """Normalised difference of each pair of regions."""
        in_regions = energies @ jnp.asarray(self.regions, energies.dtype).T
        plus, minus = in_regions[..., 0::2], in_regions[..., 1::2]
        return (plus - minus) / (plus + minus)


def _runs(
    receivers: PlanarArray, regions: int, each: str
) -> Float[np.ndarray, "regions receivers"]:
    require(
        receivers.size >= regions,
        f"The receivers must be at least {regions}, {each}, but are {receivers.size}; set "
        "`[receivers] columns` and `rows` in the stack file.",
    )
    region_of = np.arange(receivers.size) * regions // receivers.size
    return (np.arange(regions)[:, None] == region_of).astype(float)
