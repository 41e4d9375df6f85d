"""What users receive in the mean over what atoms may do: exactly, no device is drawn.

Every atom's phase is off by an error of its own, which leaves a share ρ = |E e^{jδ}| of its field
coherent and scatters the rest of its power. So the second moments of what a user hears go back
through the stack layer by layer, user by user:
C -> W^H (ρ² t* t^T ∘ C + (1 - ρ²) diag(|t|² ∘ diag C)) W.

The rate counts by the ratio of mean powers, which is the mean rate but for the spread of powers
about their means; J. An et al. design for known phases (calibration paper, Table I, [9]).

Source: ours; Q. Zhang et al., Power scaling of uplink massive MIMO systems with arbitrary-rank
channel means, 2014, lemma 1, for the ratio of means; K. Shen and W. Yu, Fractional programming for
communication systems, 2018, for the precoder.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int

from .._types import AnyArray, Number
from ..design import ProgrammedChain
from ..propagation import Hop, transposed
from .fronts import Transmitter, matrix_of
from .precoders import precoder_within
from .variables import Variables


class MeanPowers(eqx.Module):
    """A stack and the air behind it whose atoms keep a share of their fields coherent.

    The response is per root of the noise power, 1/√W; `power` in watts.
    """

    response: ProgrammedChain
    power: Number
    coherent: Number

    def covariances(
        self, phases_rad: Float[AnyArray, "layers atoms"]
    ) -> Complex[Array, "users antennas antennas"]:
        """E[g* g^T] of every user's row g of the response."""
        transmission = self.response.atoms(jnp.asarray(phases_rad))
        *before, last = self.response.chain
        H = matrix_of(last)
        moments = jnp.conj(H)[:, :, None] * H[:, None, :]
        for hop, layer in zip(reversed(before), transmission[::-1], strict=True):
            moments = _carried(hop, self._crossed(moments, layer))
        return moments

    def merit(self, variables: Variables) -> Float[Array, ""]:
        """Sum rate of the mean powers, bit/s/Hz."""
        heard = _powers(self.covariances(variables.phases_rad), variables.precoder)
        wanted = jnp.diagonal(heard)
        return jnp.sum(jnp.log2(1 + wanted / (heard.sum(1) - wanted + 1)))

    def _crossed(
        self, moments: Complex[Array, "users atoms atoms"], layer: Complex[Array, " atoms"]
    ) -> Complex[Array, "users atoms atoms"]:
        turned = jnp.conj(layer)[:, None] * layer * moments
        kept = self.coherent**2
        return turned * (kept + (1 - kept) * jnp.eye(len(layer)))


class MeanPowerSetting(eqx.Module):
    """The downlink of every channel; `coherent` is ρ, for Gaussian phase errors e^{-σ²/2}."""

    transmitter: Transmitter
    power: float
    coherent: float

    def __call__(self, channel: Complex[AnyArray, "users elements"]) -> MeanPowers:
        """The downlink of one channel."""
        return MeanPowers(self.transmitter.to(channel), self.power, self.coherent)


class MeanPowerPrecoder(eqx.Module):
    """A precoder for mean powers: ratios, then the precoder, each in closed form, so many times."""

    times: int = eqx.field(static=True, default=3)

    def begin(self, system: MeanPowers, variables: Variables) -> None:
        """Nothing."""

    def improve(
        self, system: MeanPowers, variables: Variables, memory: None
    ) -> tuple[Variables, None]:
        """A precoder of a larger rate."""
        moments = system.covariances(variables.phases_rad)

        def once(_: Int[Array, ""], precoder: Any) -> Any:
            heard = _powers(moments, precoder)
            total, wanted = heard.sum(1) + 1, jnp.diagonal(heard)
            weight = total / (total - wanted)
            towards = jnp.einsum("kab,bk->ak", moments, precoder) * (weight / total)
            curvature = jnp.einsum("k,kab->ab", weight * wanted / total**2, moments)
            return precoder_within(system.power, curvature, towards)

        precoder = jax.lax.fori_loop(0, self.times, once, variables.precoder)
        return Variables(variables.phases_rad, precoder), memory


def _carried(hop: Hop, moments: Complex[Array, "users to to"]) -> Complex[Array, "users from from"]:
    """W^H C W."""
    return _adjoint(transposed(hop, _adjoint(transposed(hop, moments))))


def _adjoint(matrices: Complex[Array, "users a b"]) -> Complex[Array, "users b a"]:
    return jnp.conj(jnp.swapaxes(matrices, -1, -2))


def _powers(
    moments: Complex[Array, "users antennas antennas"],
    precoder: Complex[AnyArray, "antennas streams"],
) -> Float[Array, "users streams"]:
    """Mean power of every stream at every user."""
    return jnp.einsum("as,kab,bs->ks", jnp.conj(precoder), moments, precoder).real
