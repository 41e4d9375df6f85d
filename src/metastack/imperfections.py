"""What fabrication does to a stack: displaced layers, unequal, stuck and dead atoms.

A built stack is a stack like any other: it responds, is written to a file and calibrated as such.

Source: calibration paper, section II-C, for E-I, E-V and E-P; the other degrees of freedom and
the errors of atoms are ours.
"""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Key

from ._types import Number
from .atoms import Atoms, StuckAtoms, UnequalAtoms
from .errors import require
from .geometry import Pose
from .precision import in_float64
from .stack import Stack


class ErrorLaw(Protocol):
    """How an error is distributed within its tolerance."""

    @property
    def deviation(self) -> float:
        """Standard deviation in units of the tolerance."""
        ...

    def draw(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "*shape"]:
        """Errors in units of the tolerance."""
        ...


class UniformErrors(eqx.Module):
    """Anything within plus or minus the tolerance is equally likely, as in the paper."""

    @property
    def deviation(self) -> float:
        """Standard deviation in units of the tolerance."""
        return 3**-0.5

    def draw(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "*shape"]:
        """Errors in units of the tolerance."""
        return jax.random.uniform(key, shape, float, -1, 1)


class GaussianErrors(eqx.Module):
    """The tolerance is one standard deviation."""

    @property
    def deviation(self) -> float:
        """Standard deviation in units of the tolerance."""
        return 1.0

    def draw(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "*shape"]:
        """Errors in units of the tolerance."""
        return jax.random.normal(key, shape, float)


_UNIFORM = UniformErrors()


class Imperfections(eqx.Module):
    """What may be wrong with a built stack; without arguments nothing is.

    `tolerance`: of each degree of freedom, metres and radians; one number holds for every
    programmable layer, while input layer and receivers stay in place; an array holds one number a
    plane. Atoms: their amplitudes are off by a Gaussian share of deviation `amplitude_deviation`
    (never below zero), their phases by one of `phase_deviation_rad`; each atom sticks in some
    state with probability `stuck_share`, lets nothing through with `dead_share`.

    Raises:
        InputError: a tolerance or deviation that is negative or not finite, shares that are no
            probabilities.
    """

    tolerance: Pose = Pose()
    law: ErrorLaw = _UNIFORM
    amplitude_deviation: float = eqx.field(static=True, default=0.0)
    phase_deviation_rad: float = eqx.field(static=True, default=0.0)
    stuck_share: float = eqx.field(static=True, default=0.0)
    dead_share: float = eqx.field(static=True, default=0.0)

    def __check_init__(self) -> None:
        """Refuse what cannot be."""
        for name, value in vars(self.tolerance).items():
            _check_size(f"tolerance.{name}", value)
        for name in ("amplitude_deviation", "phase_deviation_rad"):
            _check_size(name, getattr(self, name))
        shares = self.stuck_share, self.dead_share
        require(
            min(shares) >= 0 and sum(shares) <= 1,
            "`stuck_share` and `dead_share` must be probabilities with a sum of at most 1, but are "
            f"{shares[0]} and {shares[1]}.",
        )


def published_imperfections(wavelength_m: float) -> Imperfections:
    """Those of the calibration paper's case study: e_I = .1 %λ, e_V = 1 %λ, e_P = .01°, uniform."""
    e_i, e_v, e_p = 1e-3 * wavelength_m, 1e-2 * wavelength_m, np.radians(0.01)
    return Imperfections(Pose(dz_m=e_i, dy_m=e_v, rz_rad=e_p))


@in_float64
def built(stack: Stack, imperfections: Imperfections, key: Key[Array, ""]) -> Stack:
    """One stack as fabrication makes it: displaced from where `stack` has its planes.

    The same key gives the same errors, in units of the tolerances, whatever the tolerances are.

    Raises:
        InputError: tolerances that are not one number or one a plane.
    """
    for_poses, for_gains, for_stuck = jax.random.split(key, 3)
    return eqx.tree_at(
        lambda s: (s.poses, s.atoms),
        stack,
        (
            _displaced(stack, imperfections, for_poses),
            _with_faults(
                _unequal(stack, imperfections, for_gains),
                stack.phases_shape,
                imperfections,
                for_stuck,
            ),
        ),
    )


def _displaced(stack: Stack, imperfections: Imperfections, key: Key[Array, ""]) -> Pose:
    planes = stack.layers + 2
    errors = imperfections.law.draw(key, (6, planes))
    names = list(vars(stack.poses))
    tolerances = [
        _on_planes(name, getattr(imperfections.tolerance, name), planes) for name in names
    ]
    return Pose(
        *(
            jnp.asarray(getattr(stack.poses, name)) + tolerance * error
            for name, tolerance, error in zip(names, tolerances, errors, strict=True)
        )
    )


def _on_planes(name: str, tolerance: Number, planes: int) -> Float[Array, " planes"]:
    """One tolerance a plane; a single number is not for the ports."""
    require(
        np.shape(tolerance) in ((), (planes,)),
        f"`tolerance.{name}` must be one number or one a plane ({planes}), but has shape "
        f"{np.shape(tolerance)}.",
    )
    if np.ndim(tolerance) == 0:
        return jnp.zeros(planes).at[1:-1].set(tolerance)
    return jnp.asarray(tolerance)


def _unequal(stack: Stack, imperfections: Imperfections, key: Key[Array, ""]) -> Atoms:
    if not (imperfections.amplitude_deviation or imperfections.phase_deviation_rad):
        return stack.atoms
    of_amplitude, of_phase = jax.random.normal(key, (2, *stack.phases_shape), float)
    amplitude = jnp.maximum(1 + imperfections.amplitude_deviation * of_amplitude, 0)
    phase_rad = imperfections.phase_deviation_rad * of_phase
    return UnequalAtoms(stack.atoms, amplitude * jnp.exp(1j * phase_rad))


def _with_faults(
    atoms: Atoms, shape: tuple[int, int], imperfections: Imperfections, key: Key[Array, ""]
) -> Atoms:
    """Some atoms stuck in a state that they could be set to, some dead."""
    stuck, dead = imperfections.stuck_share, imperfections.dead_share
    if not (stuck or dead):
        return atoms
    for_lot, for_state = jax.random.split(key)
    lot = jax.random.uniform(for_lot, shape, float)
    state_rad = jax.random.uniform(for_state, shape, float, 0, 2 * np.pi)
    transmission = jnp.where(lot < dead, 0, atoms(state_rad))
    return StuckAtoms(atoms, lot < dead + stuck, transmission)


def _check_size(name: str, value: Number) -> None:
    if isinstance(value, Tracer):
        return
    values = np.asarray(value)
    require(
        bool(np.isfinite(values).all() and (values >= 0).all()),
        f"`{name}` must not be negative and must be finite, but is {value}.",
    )
