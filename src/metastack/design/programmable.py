"""Responses that phases determine, of which a design method knows only values and derivatives.

Source: ours; the derivative of a network is that of H = S_RT + S_RS Γ (1 - S_SS Γ)⁻¹ S_ST.
"""

from abc import abstractmethod
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..atoms import Atoms
from ..multiport import Cascade, Device, MatchedAtoms
from ..propagation import Chain, incoming_fields, outgoing_weights, propagate


class ProgrammableResponse(eqx.Module):
    """A response by its phases: write `phases_shape` and the call, in functions of JAX."""

    @property
    @abstractmethod
    def phases_shape(self) -> tuple[int, int]:
        """Layers and atoms a layer."""

    @abstractmethod
    def __call__(
        self, phases_rad: Float[AnyArray, "*batch layers atoms"]
    ) -> Complex[Array, "*batch receivers inputs"]:
        """The response at these phases."""

    def slopes(
        self, phases_rad: Float[Array, "layers atoms"]
    ) -> Complex[Array, "receivers inputs layers atoms"]:
        """Its derivatives, automatic ones unless a kind of response knows better."""

        def parts(phases_rad: Float[Array, "layers atoms"]) -> Float[Array, "2 receivers inputs"]:
            response = self(phases_rad)
            return jnp.stack([response.real, response.imag])

        real, imaginary = jax.jacfwd(parts)(phases_rad)
        return jax.lax.complex(real, imaginary)


class ResponseFunction(ProgrammableResponse):
    """A function of phases, told apart from others by its identity."""

    function: Callable[[Array], Array] = eqx.field(static=True)
    shape: tuple[int, int] = eqx.field(static=True)

    @property
    def phases_shape(self) -> tuple[int, int]:
        """Layers and atoms a layer."""
        return self.shape

    def __call__(
        self, phases_rad: Float[AnyArray, "*batch layers atoms"]
    ) -> Complex[Array, "*batch receivers inputs"]:
        """The response at these phases."""
        return self.function(jnp.asarray(phases_rad))


class ProgrammedChain(ProgrammableResponse):
    """Hops in a row with atoms between them: a stack, and what stands before or behind it."""

    chain: Chain
    atoms: Atoms
    layer_atoms: int = eqx.field(static=True)

    @property
    def phases_shape(self) -> tuple[int, int]:
        """Layers and atoms a layer."""
        return len(self.chain) - 1, self.layer_atoms

    def __call__(
        self, phases_rad: Float[AnyArray, "*batch layers atoms"]
    ) -> Complex[Array, "*batch receivers inputs"]:
        """The product of hops and atoms, DOA paper, eq. (14)."""
        return propagate(self.chain, self.atoms(jnp.asarray(phases_rad)))

    def slopes(
        self, phases_rad: Float[Array, "layers atoms"]
    ) -> Complex[Array, "receivers inputs layers atoms"]:
        """What leaves an atom for each receiver, times what arrives there from each input."""
        transmission, slope = jax.jvp(self.atoms, (phases_rad,), (jnp.ones_like(phases_rad),))
        incoming = incoming_fields(self.chain, transmission)
        receivers = jax.eval_shape(self, phases_rad).shape[0]
        outgoing = outgoing_weights(self.chain, transmission, receivers) * slope[:, None, :]
        return jnp.einsum("lrm,lim->rilm", outgoing, incoming)


class ProgrammedCascade(ProgrammableResponse):
    """Gaps in a row with matched atoms e^{jξ} between them."""

    cascade: Cascade

    @property
    def phases_shape(self) -> tuple[int, int]:
        """Layers and atoms a layer."""
        return len(self.cascade.gaps) - 1, self.cascade.gaps[0].to_right.shape[-2]

    def __call__(
        self, phases_rad: Float[AnyArray, "*batch layers atoms"]
    ) -> Complex[Array, "*batch receivers feeds"]:
        """The response at these phases, with the reflections that the gaps have."""
        return self.cascade.response(MatchedAtoms.of_phases(phases_rad))


class ProgrammedDevice(ProgrammableResponse):
    """A device with matched atoms e^{jξ}, and every coupling that it has."""

    device: Device

    @property
    def phases_shape(self) -> tuple[int, int]:
        """Layers and atoms a layer."""
        return self.device.layers, self.device.atoms

    def __call__(
        self, phases_rad: Float[AnyArray, "*batch layers atoms"]
    ) -> Complex[Array, "*batch receivers feeds"]:
        """The response at these phases, with every coupling."""
        return self.device.response(MatchedAtoms.of_phases(phases_rad))

    def slopes(
        self, phases_rad: Float[Array, "layers atoms"]
    ) -> Complex[Array, "receivers feeds layers atoms"]:
        """DH = w dΓ a: what arrives at one side of an atom leaves from the other, both ways.

        Two solutions for all atoms, where automatic derivatives take one for each.
        """
        device, (layers, atoms) = self.device, phases_rad.shape
        S, inner, last = jnp.asarray(device.scattering), device.inner, device.inner.stop
        gamma, unit = MatchedAtoms.of_phases(phases_rad).matrix(), jnp.eye(2 * layers * atoms)
        arriving = jnp.linalg.solve(unit - S[inner, inner] @ gamma, S[inner, : device.feeds])
        behind = (unit - gamma @ S[inner, inner]).T
        weight = jnp.linalg.solve(behind, S[last:, inner].T).T
        by_side = weight.reshape(-1, layers, 2, atoms)[:, :, ::-1]
        from_side = arriving.reshape(layers, 2, atoms, -1)
        passed = jnp.einsum("rlsm,lsmf->rflm", by_side, from_side)
        return 1j * jnp.exp(1j * phases_rad) * passed
