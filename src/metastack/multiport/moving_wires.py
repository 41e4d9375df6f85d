"""How a network of wires follows bodies that are out of place, without solving it again.

Currents follow to first order: they are known for unit currents into the ports, and how they change
with every motion. Impedances are stationary in currents, so that what comes of them is right to
third order: Z(v) = c(v)ᵀ Z_all(v) c(v), c(v) = c₀ + Σ v_i c_i. Between bodies waves go from segment
to segment, as between short dipoles, in full dependence on their places.

Source: ours; for stationarity R. Harrington, Field Computation by Moment Methods, section 1-8.
Lengths are in wavelengths, impedances in ohm, time goes as e^{-jωt}.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..precision import in_float64
from .moments import WAVENUMBER, WireSolution
from .thin_wire import FREE_SPACE_OHM
from .wire_body import WireBody, rotation


@dataclass(frozen=True, eq=False)
class Motion:
    """What one value moves: bodies that are shifted, and turned about their pivots, per unit.

    `shift` in wavelengths, `turn` a rotation vector in radians; a value of 1 is an expected
    deviation, if these are deviations.
    """

    bodies: tuple[int, ...]
    shift: Float[np.ndarray, "3"]
    turn: Float[np.ndarray, "3"]


@dataclass(frozen=True, eq=False)
class MovingWires:
    """Impedances between the ports of bodies for any values of their motions.

    `at_rest`: impedances where all values are 0. `dipoles`: of each body's segments current times
    length for a unit current into each port, at rest, and the change of that per unit of every
    motion. `bending`: what two changes of currents make together, in ohm.
    """

    bodies: tuple[WireBody, ...]
    motions: tuple[Motion, ...]
    at_rest: Complex[np.ndarray, "ports ports"]
    dipoles: tuple[Complex[np.ndarray, "segments ports"], ...]
    changes: tuple[Complex[np.ndarray, "values segments ports"], ...]
    bending: Complex[np.ndarray, "values values ports ports"]

    @classmethod
    def prepared(
        cls,
        solution: WireSolution,
        motions: Sequence[Motion],
        on_motion: Callable[[int], None] | None = None,
    ) -> "MovingWires":
        """From the solution at rest; `on_motion` is told how many motions are done."""
        bodies, tests = solution.bodies, [_dipoles(body) for body in solution.bodies]
        dipoles = [test @ each for test, each in zip(tests, solution.currents, strict=True)]
        first = np.cumsum([len(each) for each in solution.currents])
        changes, pushes = [], []
        for done, motion in enumerate(motions, start=1):
            on_bodies = _pushes(bodies, dipoles, motion)
            push = np.concatenate(
                [test.T @ each for test, each in zip(tests, on_bodies, strict=True)]
            )
            change = np.zeros_like(push)
            change[solution.passive] = -scipy.linalg.lu_solve(
                solution.factors, push[solution.passive], check_finite=False
            )
            changes.append(change)
            pushes.append(push)
            if on_motion is not None:
                on_motion(done)
        bending = -np.einsum("inp,jnq->ijpq", np.array(changes), np.array(pushes), optimize=True)
        parts = [np.split(change, first[:-1]) for change in changes]
        by_body = [
            np.array([test @ part[body] for part in parts]) for body, test in enumerate(tests)
        ]
        return cls(
            bodies,
            tuple(motions),
            solution.impedance_ohm,
            tuple(dipoles),
            tuple(by_body),
            bending,
        )

    def impedance_ohm(self, values: Float[np.ndarray, " values"]) -> Complex[np.ndarray, "p p"]:
        """Between the ports of all bodies, in their order."""
        dipoles = self._dipoles(values)
        Z = self.at_rest + np.einsum("i,j,ijpq->pq", values, values, self.bending)
        poses = self._poses(values)
        for a, b in combinations(range(len(self.bodies)), 2):
            on_a, _ = _change(self.bodies, poses, dipoles, a, b)
            Z += _both_ways(dipoles[a].T @ on_a)
        return Z

    def slopes_ohm(
        self, values: Float[np.ndarray, " values"]
    ) -> Complex[np.ndarray, "values ports ports"]:
        """Derivatives of `impedance_ohm` by every value."""
        dipoles, poses = self._dipoles(values), self._poses(values)
        pushed = [np.zeros_like(each) for each in dipoles]
        for a, b in combinations(range(len(self.bodies)), 2):
            on_a, on_b = _change(self.bodies, poses, dipoles, a, b)
            pushed[a] += on_a
            pushed[b] += on_b
        slopes = np.zeros((len(self.motions), *self.at_rest.shape), complex)
        for number, motion in enumerate(self.motions):
            for a, b in _pairs_of(motion, len(self.bodies)):
                on_a, _ = _rate(self.bodies, poses, dipoles, motion, a, b)
                slopes[number] += _both_ways(dipoles[a].T @ on_a)
            bent = np.tensordot(values, self.bending[:, number], axes=1)
            for change, push in zip(self.changes, pushed, strict=True):
                bent = bent + change[number].T @ push
            slopes[number] += _both_ways(bent)
        return slopes

    def _dipoles(
        self, values: Float[np.ndarray, " values"]
    ) -> list[Complex[np.ndarray, "segments ports"]]:
        return [
            still + np.tensordot(values, change, axes=1)
            for still, change in zip(self.dipoles, self.changes, strict=True)
        ]

    def _poses(self, values: Float[np.ndarray, " values"]) -> list["_Pose"]:
        poses = [_Pose(np.zeros(3), np.zeros(3)) for _ in self.bodies]
        for value, motion in zip(values, self.motions, strict=True):
            for body in motion.bodies:
                shift, turn = poses[body]
                poses[body] = _Pose(shift + value * motion.shift, turn + value * motion.turn)
        return poses

    def moved(self, values: Float[np.ndarray, " values"]) -> list[WireBody]:
        """The bodies where they are with these values."""
        poses = self._poses(values)
        return [
            body.moved(np.asarray(shift), np.asarray(turn))
            for body, (shift, turn) in zip(self.bodies, poses, strict=True)
        ]


class _Pose(NamedTuple):
    shift: Float[AnyArray, "3"]
    turn: Float[AnyArray, "3"]


class _Segments(NamedTuple):
    centres: Float[AnyArray, "segments 3"]
    directions: Float[AnyArray, "segments 3"]
    pivot: Float[AnyArray, "3"]


def _both_ways(Z: Complex[np.ndarray, "ports ports"]) -> Complex[np.ndarray, "ports ports"]:
    """What a does to b and b to a, which is the same, of ports on both."""
    return Z + Z.T


def _dipoles(body: WireBody) -> scipy.sparse.csr_array:
    """Mean current times length of every segment, of each free current."""
    currents, length = body.currents, np.linalg.norm(body.vectors, axis=1)
    return scipy.sparse.csr_array(
        scipy.sparse.diags_array(length / 2) @ (currents[0::2] + currents[1::2])
    )


def _segments(body: WireBody) -> _Segments:
    length = np.linalg.norm(body.vectors, axis=1, keepdims=True)
    return _Segments(body.starts + body.vectors / 2, body.vectors / length, body.pivot)


def _pairs_of(motion: Motion, bodies: int) -> Iterable[tuple[int, int]]:
    """Pairs of bodies that this motion moves against each other, or may."""
    moved = set(motion.bodies)
    return (pair for pair in combinations(range(bodies), 2) if moved & set(pair))


def _pushes(
    bodies: Sequence[WireBody],
    dipoles: Sequence[Complex[np.ndarray, "segments ports"]],
    motion: Motion,
) -> list[Complex[np.ndarray, "segments ports"]]:
    """What a motion changes of the voltage per length along every segment, at rest."""
    pushes, still = (
        [np.zeros_like(each) for each in dipoles],
        [_Pose(np.zeros(3), np.zeros(3)) for _ in bodies],
    )
    for a, b in _pairs_of(motion, len(bodies)):
        on_a, on_b = _rate(bodies, still, dipoles, motion, a, b)
        pushes[a] += on_a
        pushes[b] += on_b
    return pushes


def _change(
    bodies: Sequence[WireBody],
    poses: Sequence[_Pose],
    dipoles: Sequence[Complex[np.ndarray, "segments ports"]],
    a: int,
    b: int,
) -> tuple[Complex[np.ndarray, "a ports"], Complex[np.ndarray, "b ports"]]:
    """Voltages per length that poses add to what two bodies make in each other."""
    ends = _segments(bodies[a]), _segments(bodies[b])
    on_a, on_b = _added((poses[a], poses[b]), *ends, dipoles[a], dipoles[b])
    return np.asarray(on_a), np.asarray(on_b)


def _rate(
    bodies: Sequence[WireBody],
    poses: Sequence[_Pose],
    dipoles: Sequence[Complex[np.ndarray, "segments ports"]],
    motion: Motion,
    a: int,
    b: int,
) -> tuple[Complex[np.ndarray, "a ports"], Complex[np.ndarray, "b ports"]]:
    """How these voltages follow a motion."""
    ends = _segments(bodies[a]), _segments(bodies[b])
    speeds = tuple(
        _Pose(motion.shift * (body in motion.bodies), motion.turn * (body in motion.bodies))
        for body in (a, b)
    )
    on_a, on_b = _added_rate((poses[a], poses[b]), speeds, *ends, dipoles[a], dipoles[b])
    return np.asarray(on_a), np.asarray(on_b)


_Both = tuple[Complex[Array, "a ports"], Complex[Array, "b ports"]]


@in_float64
@jax.jit
def _added(
    poses: tuple[_Pose, _Pose], a: _Segments, b: _Segments, dipoles_a: Array, dipoles_b: Array
) -> _Both:
    still = _Pose(jnp.zeros(3), jnp.zeros(3))
    K = _voltages(poses, a, b) - _voltages((still, still), a, b)
    return K @ dipoles_b, K.T @ dipoles_a


@in_float64
@jax.jit
def _added_rate(
    poses: tuple[_Pose, _Pose],
    speeds: tuple[_Pose, _Pose],
    a: _Segments,
    b: _Segments,
    dipoles_a: Array,
    dipoles_b: Array,
) -> _Both:
    _, K = jax.jvp(lambda moved: _voltages(moved, a, b), (poses,), (speeds,))
    return K @ dipoles_b, K.T @ dipoles_a


def _voltages(poses: tuple[_Pose, _Pose], a: _Segments, b: _Segments) -> Complex[Array, "a b"]:
    """Voltage per length along each segment of one body, of a unit dipole on each of another.

    -jηk e^{jkr}/(4πr) [(1 + j/kr - 1/k²r²) u·u' - (1 + 3j/kr - 3/k²r²) (u·r)(u'·r)/r²].
    """
    (places_a, towards_a), (places_b, towards_b) = (
        _moved(segments, pose) for segments, pose in zip((a, b), poses, strict=True)
    )
    away = [places_a[:, None, axis] - places_b[None, :, axis] for axis in range(3)]
    r2 = away[0] ** 2 + away[1] ** 2 + away[2] ** 2
    r = jnp.sqrt(r2)
    along_a = sum(each * towards_a[:, None, axis] for axis, each in enumerate(away))
    along_b = sum(each * towards_b[None, :, axis] for axis, each in enumerate(away))
    near = 1j / (WAVENUMBER * r)
    wave = -1j * FREE_SPACE_OHM * WAVENUMBER * jnp.exp(1j * WAVENUMBER * r) / (4 * jnp.pi * r)
    across = (1 + near + near**2) * (towards_a @ towards_b.T)
    radial = (1 + 3 * near + 3 * near**2) * along_a * along_b / r2
    return wave * (across - radial)


def _moved(segments: _Segments, pose: _Pose) -> tuple[Array, Array]:
    """Centres and directions, after a turn about the pivot and a shift."""
    centres, directions, pivot = (jnp.asarray(each) for each in segments)
    R = rotation(pose.turn)
    return (centres - pivot) @ R.T + pivot + pose.shift, directions @ R.T
