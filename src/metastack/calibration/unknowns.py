"""Which numbers of a stack are to be found, in which unit, and what is known of them beforehand.

Unknowns are counted in units in which they are of order one: the deviation that is expected, or
where nothing is, a hundredth of a wavelength and a milliradian.
"""

from dataclasses import dataclass
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .._types import AnyArray, Number
from ..errors import require
from ..geometry import Pose
from ..imperfections import Imperfections
from ..stack import Stack
from .illumination import Illumination

DEGREES_OF_FREEDOM = ("dx_m", "dy_m", "dz_m", "rx_rad", "ry_rad", "rz_rad")
_SHIFTS = 3
_NATURAL_SHIFT_WAVELENGTHS, _NATURAL_TURN_RAD = 1e-2, 1e-3


@dataclass(frozen=True, eq=False)
class Expected:
    """What is known before calibrating: standard deviations, each about the nominal value.

    `deviation`: of each degree of freedom, one number for every programmable layer, or an array of
    one a plane; 0 is known exactly, `inf` not at all. `users`: of every coordinate of every user,
    metres of `SphericalWaves`, direction cosines of `PlaneWaves`.
    """

    deviation: Pose
    users: float = 0.0

    @classmethod
    def within(cls, imperfections: Imperfections, *, users: float = 0.0) -> Self:
        """What fabrication within tolerances makes one expect."""
        share = imperfections.law.deviation
        deviation = jax.tree.map(lambda each: np.asarray(each) * share, imperfections.tolerance)
        return cls(deviation, users)


class Unknowns(eqx.Module):
    """The unknowns of one calibration: first poses, plane by plane, then users' coordinates.

    `unit`: what one of each is, metres, radians or a user's coordinate; `precision`: of the prior
    in these units, 1 or, without a prior, 0.
    """

    stack: Stack
    illumination: Illumination
    planes: tuple[int, ...] = eqx.field(static=True)
    freedoms: tuple[int, ...] = eqx.field(static=True)
    unit: Float[np.ndarray, " unknowns"]
    precision: Float[np.ndarray, " unknowns"]

    @classmethod
    def of(cls, stack: Stack, illumination: Illumination, expected: Expected) -> Self:
        """What is not known exactly of a stack and its users.

        Raises:
            InputError: nothing is unknown; deviations that are negative, not numbers, or not one
                or one a plane; users' coordinates where there are none.
        """
        deviation = np.stack(
            [_on_planes(name, getattr(expected.deviation, name), stack) for name in _NAMES]
        )
        planes, freedoms = np.nonzero(deviation.T)
        coordinates = _coordinates(illumination)
        require(expected.users >= 0, f"`users` must not be negative, but is {expected.users}.")
        require(
            not expected.users or coordinates is not None,
            "`users` must be 0 for ports, which have no direction, but is not.",
        )
        many = 0 if coordinates is None or not expected.users else coordinates.size
        require(
            planes.size + many, "There must be something to calibrate, but every deviation is 0."
        )
        natural = np.where(
            freedoms < _SHIFTS,
            _NATURAL_SHIFT_WAVELENGTHS * float(stack.wavelength_m),
            _NATURAL_TURN_RAD,
        )
        natural = np.concatenate([natural, np.full(many, _NATURAL_TURN_RAD)])
        known = np.concatenate([deviation[freedoms, planes], np.full(many, expected.users)])
        has_prior = np.isfinite(known)
        unit = np.where(has_prior, known, natural)
        return cls(
            stack,
            illumination,
            tuple(planes.tolist()),
            tuple(freedoms.tolist()),
            unit,
            has_prior.astype(float),
        )

    @property
    def size(self) -> int:
        """Number of unknowns, P."""
        return len(self.unit)

    @property
    def has_prior(self) -> Bool[np.ndarray, " unknowns"]:
        """Which unknowns something is known of."""
        return self.precision > 0

    def applied(self, values: Float[AnyArray, " unknowns"]) -> tuple[Stack, Illumination]:
        """The stack and its users with these values, in units, away from nominal."""
        moved = jnp.asarray(values) * self.unit
        poses = len(self.planes)
        table = jnp.stack([jnp.asarray(getattr(self.stack.poses, name)) for name in _NAMES])
        table = table.at[np.array(self.freedoms, int), np.array(self.planes, int)].add(
            moved[:poses]
        )
        stack = eqx.tree_at(lambda each: each.poses, self.stack, Pose(*table))
        if poses == self.size:
            return stack, self.illumination
        coordinates = jnp.asarray(_coordinates(self.illumination))
        shifted = coordinates + moved[poses:].reshape(coordinates.shape)
        return stack, eqx.tree_at(_waves_at, self.illumination, shifted)

    def in_order(self, values: Float[Array, " unknowns"]) -> Bool[Array, ""]:
        """Whether every plane stays behind the one before it: others cannot be."""
        stack, _ = self.applied(values)
        gaps_m = jnp.asarray(stack.gaps_m) + jnp.diff(jnp.asarray(stack.poses.dz_m))
        return jnp.all(gaps_m > 0)

    def names(self) -> list[str]:
        """Every unknown in words, with its unit: 'dy_m of layer 2'."""
        poses = [
            f"{_NAMES[freedom]} of {plane_name(plane, self.stack)}"
            for plane, freedom in zip(self.planes, self.freedoms, strict=True)
        ]
        users = range(self.size - len(self.planes))
        return poses + [f"coordinate {number} of the users" for number in users]


_NAMES = DEGREES_OF_FREEDOM


def plane_name(plane: int, stack: Stack) -> str:
    """What a plane is called in words."""
    if plane == 0:
        return "the input layer"
    return "the receivers" if plane == stack.layers + 1 else f"layer {plane}"


def _waves_at(illumination: Any) -> Any:
    return illumination.waves.coordinates


def _coordinates(illumination: Illumination) -> Float[AnyArray, "users _"] | None:
    waves = getattr(illumination, "waves", None)
    return None if waves is None else waves.coordinates


def _on_planes(name: str, deviation: Number, stack: Stack) -> Float[np.ndarray, " planes"]:
    """One deviation a plane; a single number is for the programmable layers only."""
    planes = stack.layers + 2
    values = np.asarray(deviation, float)
    require(
        values.shape in ((), (planes,)),
        f"`deviation.{name}` must be one number or one a plane ({planes}), but has shape "
        f"{values.shape}.",
    )
    require(
        not np.isnan(values).any() and (values >= 0).all(),
        f"`deviation.{name}` must not be negative, but is {deviation}.",
    )
    on_layers = np.zeros(planes)
    on_layers[1:-1] = 1
    return np.where(on_layers > 0, values, 0) if values.ndim == 0 else values
