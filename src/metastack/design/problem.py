"""The fit that every design method solves: phases that make beta G equal to a target.

Most methods ask a response for nothing but its values and derivatives, so that it may come from any
model. What a stack's response is made of, hops and atoms, spares others time or makes them exact.

Source: DOA paper, eq. (17), (18), (24); the prescribed loss is ours.
"""

from functools import partial
from typing import Protocol, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .._types import AnyArray, Number
from ..atoms import Atoms
from ..propagation import Chain, propagate
from .programmable import ProgrammableResponse


class Scale(Protocol):
    """How the factor beta between response and target is chosen."""

    freedom: int

    def __call__(
        self, overlap: Complex[Array, "*batch"], energy: Float[Array, "*batch"]
    ) -> Complex[Array, "*batch"]:
        """Beta from the overlap g^H f and the energy g^H g of a response."""
        ...


class FreeScale(eqx.Module):
    """Beta is whatever fits best, eq. (24): the insertion loss falls where it falls."""

    freedom: int = eqx.field(default=2, static=True)

    def __call__(
        self, overlap: Complex[Array, "*batch"], energy: Float[Array, "*batch"]
    ) -> Complex[Array, "*batch"]:
        """The least-squares factor."""
        return overlap / energy


class PrescribedScale(eqx.Module):
    """Beta has a given modulus and the best phase: the insertion loss is prescribed."""

    modulus: Number
    freedom: int = eqx.field(default=1, static=True)

    def __call__(
        self, overlap: Complex[Array, "*batch"], energy: Float[Array, "*batch"]
    ) -> Complex[Array, "*batch"]:
        """The given modulus with the least-squares phase."""
        return jnp.asarray(self.modulus) * overlap / jnp.abs(overlap)


class FixedScale(eqx.Module):
    """What is fitted counts as it is."""

    freedom: int = eqx.field(static=True, default=0)

    def __call__(
        self, overlap: Complex[Array, "*batch"], energy: Float[Array, "*batch"]
    ) -> Complex[Array, "*batch"]:
        """One."""
        return jnp.ones_like(overlap)


class Problem(eqx.Module):
    """Hops and atoms of a stack, the target, and how the scale is chosen."""

    hops: Chain
    atoms: Atoms
    target: Complex[Array, "to from"]
    scale: Scale

    def response(
        self, phases_rad: Float[Array, "*batch layers atoms"]
    ) -> Complex[Array, "*batch to from"]:
        """The product of hops and atoms, eq. (14)."""
        return propagate(self.hops, self.atoms(phases_rad))


class ResponseProblem(eqx.Module):
    """Any differentiable response, the target, and how the scale is chosen."""

    response: ProgrammableResponse
    target: Complex[Array, "to from"]
    scale: Scale


AnyProblem: TypeAlias = Problem | ResponseProblem


@partial(jax.jit, inline=True)
def respond(
    problem: AnyProblem, phases_rad: Float[AnyArray, "*batch layers atoms"]
) -> Complex[Array, "*batch to from"]:
    """The response at the given phases."""
    return problem.response(jnp.asarray(phases_rad))


def scaled_error(
    problem: AnyProblem, response: Complex[Array, "*batch to from"]
) -> Complex[Array, "*batch to from"]:
    """(beta G - F) / ||F||_F with the problem's beta: its squared norm is the NMSE."""
    error = beta(problem, response)[..., None, None] * response - problem.target
    return error / jnp.linalg.norm(problem.target)


def beta(
    problem: AnyProblem, response: Complex[Array, "*batch to from"]
) -> Complex[Array, "*batch"]:
    """The problem's factor between response and target."""
    overlap = jnp.sum(jnp.conj(response) * problem.target, axis=(-2, -1))
    energy = jnp.sum(response.real**2 + response.imag**2, axis=(-2, -1))
    return problem.scale(overlap, energy)


def loss(
    problem: AnyProblem, phases_rad: Float[Array, "*batch layers atoms"]
) -> Float[Array, "*batch"]:
    """Squared norm of the scaled error: the NMSE at the problem's scale, linear."""
    error = scaled_error(problem, respond(problem, phases_rad))
    return jnp.sum(error.real**2 + error.imag**2, axis=(-2, -1))
