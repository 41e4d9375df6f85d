"""Residual of a fit and its derivative at given phases: all that Levenberg-Marquardt asks.

In the response of a stack, a column of J is the outer product of what arrives at an atom and what
leaves it, so that J itself is never needed for a product. Of any other response J is held whole.
"""

from abc import abstractmethod
from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ..propagation import incoming_fields, outgoing_weights
from .problem import AnyProblem, Problem, beta, scaled_error

Residual: TypeAlias = Complex[Array, "to from"]


class Linearisation(eqx.Module):
    """The residual r and its derivative by the phases, layers side by side, and by the scale."""

    residual: Residual
    scale_directions: Complex[Array, "freedom to from"]

    @abstractmethod
    def pull_back(self, dual: Residual) -> Float[Array, " unknowns"]:
        """J^T dual, for the phases."""

    @abstractmethod
    def push_forward(self, phases: Float[Array, " unknowns"]) -> Residual:
        """J phases."""

    @abstractmethod
    def jacobian(self) -> Float[Array, "equations unknowns"]:
        """J itself, rows of real parts above those of imaginary parts."""

    @abstractmethod
    def mean_square(self) -> Float[Array, ""]:
        """Trace of J J^T over the number of real equations: the natural unit of damping."""

    def gram(self, dual: Residual) -> Residual:
        """J J^T dual, the scale's own directions included."""
        return self.change(self.pull_back(dual), dual)

    def change(self, phases: Float[Array, " unknowns"], dual: Residual) -> Residual:
        """J J^T dual where `phases` are those that the dual pulls back to."""
        along_scale = jnp.tensordot(self.scale_directions.conj(), dual, 2).real
        by_scale = jnp.tensordot(along_scale, self.scale_directions, 1)
        return self.push_forward(phases) + by_scale


class ProductLinearisation(Linearisation):
    """That of a stack: dr = outgoing diag(d_phase) incoming^T + scale terms."""

    outgoing: Complex[Array, "to unknowns"]
    incoming: Complex[Array, "from unknowns"]

    def pull_back(self, dual: Residual) -> Float[Array, " unknowns"]:
        """J^T dual, for the phases."""
        carried = dual @ jnp.conj(self.incoming)
        return jnp.sum(jnp.conj(self.outgoing) * carried, axis=0).real

    def push_forward(self, phases: Float[Array, " unknowns"]) -> Residual:
        """J phases."""
        return (self.outgoing * phases) @ self.incoming.T

    def jacobian(self) -> Float[Array, "equations unknowns"]:
        """J itself, rows of real parts above those of imaginary parts."""
        return _real_rows(self.outgoing[:, None, :] * self.incoming[None, :, :])

    def mean_square(self) -> Float[Array, ""]:
        """Trace of J J^T over the number of real equations: the natural unit of damping."""
        columns = jnp.sum(_squared(self.outgoing), 0) * jnp.sum(_squared(self.incoming), 0)
        return jnp.sum(columns) / (2 * self.residual.size)


class WholeLinearisation(Linearisation):
    """That of any response: dr = slopes d_phase + scale terms."""

    slopes: Complex[Array, "to from unknowns"]

    def pull_back(self, dual: Residual) -> Float[Array, " unknowns"]:
        """J^T dual, for the phases."""
        return jnp.tensordot(jnp.conj(dual), self.slopes, 2).real

    def push_forward(self, phases: Float[Array, " unknowns"]) -> Residual:
        """J phases."""
        return self.slopes @ phases

    def jacobian(self) -> Float[Array, "equations unknowns"]:
        """J itself, rows of real parts above those of imaginary parts."""
        return _real_rows(self.slopes)

    def mean_square(self) -> Float[Array, ""]:
        """Trace of J J^T over the number of real equations: the natural unit of damping."""
        return jnp.sum(_squared(self.slopes)) / (2 * self.residual.size)


def linearise(problem: AnyProblem, phases_rad: Float[Array, "layers atoms"]) -> Linearisation:
    """Residual and derivative at the given phases."""
    if isinstance(problem, Problem):
        return linearise_product(problem, phases_rad)
    response = problem.response(phases_rad)
    factor = beta(problem, response) / jnp.linalg.norm(problem.target)
    slopes = problem.response.slopes(phases_rad).reshape(*response.shape, -1)
    residual, directions = _residual_and_scale(problem, response, factor)
    return WholeLinearisation(residual, directions, factor * slopes)


def linearise_product(
    problem: Problem, phases_rad: Float[Array, "layers atoms"]
) -> ProductLinearisation:
    """Residual and derivative of a stack at the given phases."""
    ones = jnp.ones_like(phases_rad)
    transmission, slope = jax.jvp(problem.atoms, (phases_rad,), (ones,))
    incoming = incoming_fields(problem.hops, transmission)
    outgoing = outgoing_weights(problem.hops, transmission, problem.target.shape[0])
    response = (outgoing[0] * transmission[0]) @ incoming[0].T
    factor = beta(problem, response) / jnp.linalg.norm(problem.target)
    leaving = _side_by_side(outgoing * slope[:, None, :])
    residual, directions = _residual_and_scale(problem, response, factor)
    return ProductLinearisation(residual, directions, factor * leaving, _side_by_side(incoming))


def _residual_and_scale(
    problem: AnyProblem, response: Complex[Array, "to from"], factor: Complex[Array, ""]
) -> tuple[Residual, Complex[Array, "freedom to from"]]:
    scaled = factor * response
    # A prescribed modulus leaves only the phase of beta free, the first of the two directions.
    directions = jnp.stack([1j * scaled, scaled])[: problem.scale.freedom]
    return scaled_error(problem, response), directions


def _side_by_side(
    fields: Complex[Array, "layers ports atoms"],
) -> Complex[Array, "ports unknowns"]:
    return jnp.moveaxis(fields, 0, 1).reshape(fields.shape[1], -1)


def _squared(field: Complex[Array, "*shape"]) -> Float[Array, "*shape"]:
    """|field|^2: `abs` would take roots that nothing overflows without."""
    return field.real**2 + field.imag**2


def _real_rows(columns: Complex[Array, "to from unknowns"]) -> Float[Array, "equations unknowns"]:
    columns = columns.reshape(-1, columns.shape[-1])
    return jnp.concatenate([columns.real, columns.imag], axis=0)
