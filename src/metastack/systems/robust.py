"""Phases that nobody can set exactly: devices whose atoms err, and the mean rate over them.

Every atom's phase is off by an error of its own, drawn anew for each device. It judges designs; as
a design's own merit, the mean over draws (sample average) needs many more devices than phases,
where `mean_powers` needs none.

Source: calibration paper, Table I, [9]; ours.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Key

from .._types import AnyArray
from ..design import ProgrammableResponse, ProgrammedChain
from ..imperfections import ErrorLaw, GaussianErrors
from ..precision import in_float64
from ..propagation import propagate
from .downlink import Downlink
from .fronts import Transmitter

_GAUSSIAN = GaussianErrors()


class DrawnErrors(ProgrammableResponse):
    """A chain whose atoms are off by what was drawn: one response a draw."""

    base: ProgrammedChain
    factor: Complex[AnyArray, "draws layers atoms"]

    @property
    def phases_shape(self) -> tuple[int, int]:
        """Layers and atoms a layer."""
        return self.base.phases_shape

    def __call__(
        self, phases_rad: Float[AnyArray, "layers atoms"]
    ) -> Complex[Array, "draws receivers inputs"]:
        """The response of every draw."""
        transmission = self.base.atoms(jnp.asarray(phases_rad))
        return propagate(self.base.chain, transmission * jnp.asarray(self.factor))


class RobustSetting(eqx.Module):
    """The downlink of every channel, judged by its mean rate over drawn errors."""

    transmitter: Transmitter
    power: float
    factor: Complex[AnyArray, "draws layers atoms"]

    def __call__(self, channel: Complex[AnyArray, "users elements"]) -> Downlink[DrawnErrors]:
        """The downlink of one channel."""
        return Downlink(DrawnErrors(self.transmitter.to(channel), self.factor), self.power)


@in_float64
def phase_errors(
    key: Key[Array, ""],
    draws: int,
    shape: tuple[int, int],
    deviation_rad: float,
    *,
    law: ErrorLaw = _GAUSSIAN,
) -> Complex[Array, "draws layers atoms"]:
    """Factors e^{jδ} of so many devices; `deviation_rad` is the standard deviation of δ."""
    error = law.draw(key, (draws, *shape)) / law.deviation
    return jnp.exp(1j * deviation_rad * jnp.asarray(error))
