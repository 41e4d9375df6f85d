"""What is fitted to pilots: a function from unknown numbers to responses, with its derivatives.

Source: calibration paper, eq. (4), for the responses; the derivatives are ours.
"""

from typing import Protocol, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from .._types import AnyArray
from ..atoms import Atoms, StuckAtoms, UnequalAtoms
from ..stack import Stack
from .illumination import Illumination
from .links import received, states
from .pilots import PilotPlan
from .sensitivity import (
    link_slopes,
    links_at,
    pilots_and_slopes,
    pilots_at,
    slopes_of_pilots,
)
from .unknowns import Unknowns


class PilotModel(Protocol):
    """Responses as a function of real unknowns, of one frequency or of several on a last axis."""

    def predict(
        self, values: Float[Array, " unknowns"]
    ) -> Complex[Array, "slots antennas users *frequencies"]:
        """Noiseless responses at unit gain."""
        ...

    def linearise(
        self, values: Float[Array, " unknowns"]
    ) -> tuple[
        Complex[Array, "slots antennas users *frequencies"],
        Complex[Array, "slots antennas users *frequencies unknowns"],
    ]:
        """Responses and their derivatives."""
        ...

    def applied(self, values: Float[Array, " unknowns"]) -> tuple[Stack, Illumination]:
        """The stack and its users with these values."""
        ...


class PoseModel(eqx.Module):
    """Poses and users are unknown, the atoms are as described."""

    unknowns: Unknowns
    transmission: Complex[Array, "slots layers atoms"]

    @classmethod
    def of(cls, unknowns: Unknowns, plan: PilotPlan) -> Self:
        """The model of a plan."""
        return cls(unknowns, unknowns.stack.atoms(jnp.asarray(plan.phases_rad)))

    def predict(self, values: Float[Array, " unknowns"]) -> Complex[Array, "slots antennas users"]:
        """Noiseless responses at unit gain."""
        return pilots_at(self.unknowns, values, self.transmission)

    def linearise(
        self, values: Float[Array, " unknowns"]
    ) -> tuple[
        Complex[Array, "slots antennas users"], Complex[Array, "slots antennas users unknowns"]
    ]:
        """Responses and their derivatives."""
        return pilots_and_slopes(self.unknowns, values, self.transmission)

    def applied(self, values: Float[Array, " unknowns"]) -> tuple[Stack, Illumination]:
        """The stack and its users with these values."""
        return self.unknowns.applied(values)


class PoseAndAtomModel(eqx.Module):
    """Beside poses and users, every atom has a complex gain of its own, 1 + e.

    After the unknowns of the poses come the real parts of e, all atoms of all layers, and then the
    imaginary parts. A stuck atom shows 1 + e itself, whatever phase is asked of it.
    """

    poses: PoseModel
    is_stuck: Bool[AnyArray, "layers atoms"]

    @classmethod
    def of(
        cls, unknowns: Unknowns, plan: PilotPlan, is_stuck: Bool[AnyArray, "layers atoms"]
    ) -> Self:
        """The model of a plan, with these atoms stuck."""
        shown = PoseModel.of(unknowns, plan)
        transmission = jnp.where(jnp.asarray(is_stuck), 1, shown.transmission)
        return cls(PoseModel(unknowns, transmission), is_stuck)

    def precision(self, variance: float) -> Float[np.ndarray, " unknowns"]:
        """Inverse prior variance of every unknown, if each part of e has this variance.

        Of stuck atoms nothing is known but that they are passive.
        """
        of_atoms = np.where(self.is_stuck, 1.0, 1 / variance).ravel()
        return np.concatenate([self.poses.unknowns.precision, of_atoms, of_atoms])

    def predict(self, values: Float[Array, " unknowns"]) -> Complex[Array, "slots antennas users"]:
        """Noiseless responses at unit gain."""
        poses, errors = self.split(values)
        links = links_at(self.poses.unknowns, poses)
        return received(links, self.poses.transmission * (1 + errors))

    def linearise(
        self, values: Float[Array, " unknowns"]
    ) -> tuple[
        Complex[Array, "slots antennas users"], Complex[Array, "slots antennas users unknowns"]
    ]:
        """Responses and their derivatives."""
        poses, errors = self.split(values)
        transmission = self.poses.transmission * (1 + errors)
        links = links_at(self.poses.unknowns, poses)
        passing = states(links, transmission)
        by_pose = slopes_of_pilots(link_slopes(self.poses.unknowns, poses), transmission, passing)
        by_atom = jnp.einsum(
            "ltmn,tln,ltun->tmuln", passing.leaving, self.poses.transmission, passing.arriving
        )
        by_atom = by_atom.reshape(*by_atom.shape[:3], -1)
        slopes = jnp.concatenate([by_pose, by_atom, 1j * by_atom], axis=-1)
        return received(links, transmission), slopes

    def applied(self, values: Float[Array, " unknowns"]) -> tuple[Stack, Illumination]:
        """The stack and its users with these values."""
        poses, errors = self.split(values)
        stack, illumination = self.poses.unknowns.applied(poses)
        atoms: Atoms = UnequalAtoms(stack.atoms, jnp.where(self.is_stuck, 1, 1 + errors))
        if np.any(self.is_stuck):
            atoms = StuckAtoms(atoms, self.is_stuck, 1 + errors)
        return eqx.tree_at(lambda each: each.atoms, stack, atoms), illumination

    def split(
        self, values: Float[Array, " unknowns"]
    ) -> tuple[Float[Array, " poses"], Complex[Array, "layers atoms"]]:
        """The unknowns of poses and users, and the atoms' errors e."""
        poses, parts = jnp.split(jnp.asarray(values), [self.poses.unknowns.size])
        real, imaginary = jnp.split(parts, 2)
        shape = self.poses.unknowns.stack.phases_shape
        return poses, jax.lax.complex(real, imaginary).reshape(shape)


@eqx.filter_jit
def linearised(
    model: PilotModel, values: Float[Array, " unknowns"]
) -> tuple[Complex[Array, "slots antennas users"], Complex[Array, "slots antennas users unknowns"]]:
    """`model.linearise`, compiled."""
    return model.linearise(values)


@eqx.filter_jit
def predicted(
    model: PilotModel, values: Float[Array, " unknowns"]
) -> Complex[Array, "slots antennas users"]:
    """`model.predict`, compiled."""
    return model.predict(values)
