"""What receivers tell of every response: the field itself, or its energy alone.

Each kind turns responses and their derivatives into rows whose product with themselves is the
Fisher information, one unknown gain overall being the last unknowns.

Source: S. M. Kay, Estimation Theory (1993), sections 3.9, 15.7; of an energy, `rician`.
"""

from typing import ClassVar, Protocol

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .._types import Number
from ..rician import information
from ..stack import Stack
from .bounds import Bounds, bayesian_cramer_rao
from .energy_bounds import energy_bayesian_cramer_rao
from .pilots import PilotPlan
from .unknowns import Expected


class Receivers(Protocol):
    """What is told of responses; `gains` is how many real numbers an unknown gain is."""

    gains: ClassVar[int]

    def rows(
        self,
        y: Complex[Array, "patterns antennas users"],
        slopes: Complex[Array, "patterns antennas users unknowns"],
        noise_variance: Number,
    ) -> Float[Array, "patterns numbers unknowns_and_gains"]:
        """Derivatives of what is received, in units in which all is equally well known."""
        ...

    def bound(
        self, stack: Stack, plan: PilotPlan, expected: Expected, *, noise_variance: float
    ) -> Bounds:
        """The Bayesian Cramér-Rao bound of a plan, one unknown gain overall."""
        ...


class FieldReceivers(eqx.Module):
    """Complex responses, of an unknown complex gain."""

    gains: ClassVar = 2

    def rows(
        self,
        y: Complex[Array, "patterns antennas users"],
        slopes: Complex[Array, "patterns antennas users unknowns"],
        noise_variance: Number,
    ) -> Float[Array, "patterns numbers unknowns_and_gains"]:
        """Real parts above imaginary ones, in standard deviations of the noise."""
        J = jnp.concatenate([slopes, y[..., None], 1j * y[..., None]], axis=-1)
        J = J.reshape(len(y), -1, J.shape[-1])
        return jnp.concatenate([J.real, J.imag], axis=1) * jnp.sqrt(2 / noise_variance)

    def bound(
        self, stack: Stack, plan: PilotPlan, expected: Expected, *, noise_variance: float
    ) -> Bounds:
        """The Bayesian Cramér-Rao bound of a plan, one unknown gain overall."""
        return bayesian_cramer_rao(stack, plan, expected, noise_variance=noise_variance)


class EnergyReceivers(eqx.Module):
    """Energies, of an unknown power gain; the noise is known."""

    gains: ClassVar = 1

    def rows(
        self,
        y: Complex[Array, "patterns antennas users"],
        slopes: Complex[Array, "patterns antennas users unknowns"],
        noise_variance: Number,
    ) -> Float[Array, "patterns numbers unknowns_and_gains"]:
        """Derivatives of λ = |y|²/σ², by the root of the information of each about its λ."""
        snr = (y.real**2 + y.imag**2) / noise_variance
        by_unknown = 2 * jnp.real(jnp.conj(y)[..., None] * slopes) / noise_variance
        J = jnp.concatenate([by_unknown, snr[..., None]], axis=-1)
        J = jnp.sqrt(information(snr).snr)[..., None] * J
        return J.reshape(len(y), -1, J.shape[-1])

    def bound(
        self, stack: Stack, plan: PilotPlan, expected: Expected, *, noise_variance: float
    ) -> Bounds:
        """The Bayesian Cramér-Rao bound of a plan, one unknown power gain overall."""
        return energy_bayesian_cramer_rao(stack, plan, expected, noise_variance=noise_variance)
