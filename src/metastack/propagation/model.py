"""What a propagation model answers, and the matrix of a hop that follows from it."""

from functools import partial
from typing import NamedTuple, Protocol

import jax
from jaxtyping import Array, Complex, Float

from .._types import Number
from ..geometry import Plane


class Nearest(NamedTuple):
    """The shortest distance between planes at which a model holds, and what fails below it."""

    distance_m: Number
    because: str


class InterlayerModel(Protocol):
    """What every propagation model answers: the field at `to_m` per unit field at `from_m`.

    A model is a pytree, so that what it depends on can be differentiated.
    """

    @property
    def follows_geometry(self) -> bool:
        """Whether planes that are shifted or mirrored together keep their matrix.

        Only then a hop may be carried by FFT or by mirror symmetry.
        """
        ...

    def nearest(self, wavelength_m: Number) -> Nearest:
        """From which distance between planes on the model holds."""
        ...

    def __call__(
        self,
        from_m: Float[Array, "from 3"],
        to_m: Float[Array, "to 3"],
        *,
        normal: Float[Array, "3"],
        wavelength_m: Number,
    ) -> Complex[Array, "to from"]:
        """Matrix of the hop, columns acting first."""
        ...


@partial(jax.jit, inline=True)
def hop_matrix(
    start: Plane, end: Plane, model: InterlayerModel, wavelength_m: Number
) -> Complex[Array, "to from"]:
    """Matrix W of a hop, `field_out = W @ field_in`."""
    return model(start.positions_m, end.positions_m, normal=start.normal, wavelength_m=wavelength_m)
