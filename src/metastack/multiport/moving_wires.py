"""How a network of wires follows bodies that are out of place, without solving it again.

Currents follow to first order: they are known for unit currents into the ports, and how they change
with every motion. Impedances are stationary in currents, so that what comes of them is right to
third order: Z(v) = c(v)ᵀ Z_all(v) c(v), c(v) = c₀ + Σ v_i c_i. Between bodies waves go from segment
to segment, as between short dipoles, in full dependence on their places.

Source: ours; for stationarity R. Harrington, Field Computation by Moment Methods, section 1-8.
Lengths are in wavelengths, impedances in ohm, time goes as e^{-jωt}.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
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

    `at_rest`: impedances where all values are 0, and `slopes_at_rest` there. `dipoles`: of each
    body's segments current times length for a unit current into each port, at rest, and `changes`
    of that per unit of every motion. `bending`: what two changes of currents make together, in ohm.
    """

    bodies: tuple[WireBody, ...]
    motions: tuple[Motion, ...]
    at_rest: Complex[np.ndarray, "ports ports"]
    slopes_at_rest: Complex[np.ndarray, "values ports ports"]
    dipoles: tuple[Complex[np.ndarray, "_ ports"], ...]
    changes: tuple[Complex[np.ndarray, "values _ ports"], ...]
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
        first = np.cumsum([len(each) for each in solution.currents])[:-1]
        still = [_Pose(*_single(np.zeros((2, 3)))) for _ in bodies]
        pushes = np.zeros((len(motions), *np.concatenate(solution.currents).shape), complex)
        sizes = [len(each) for each in dipoles]
        for moved in _MovedBody.each(bodies, still, dipoles, motions):
            tested = [
                np.stack([test.T @ one for one in each])
                for test, each in zip(tests, moved.pushes(sizes), strict=True)
            ]
            pushes[moved.numbers] += np.concatenate(tested, axis=1)
        changes = np.zeros_like(pushes)
        for done, (change, push) in enumerate(zip(changes, pushes, strict=True), start=1):
            change[solution.passive] = -scipy.linalg.lu_solve(
                solution.factors, push[solution.passive], check_finite=False
            )
            if on_motion is not None:
                on_motion(done)
        bending = -np.einsum("inp,jnq->ijpq", changes, pushes, optimize=True)
        parts = np.split(changes, first, axis=1)
        by_body = [
            np.array([test @ one for one in part]).reshape(-1, *still_there.shape)
            for test, part, still_there in zip(tests, parts, dipoles, strict=True)
        ]
        return cls(
            bodies,
            tuple(motions),
            solution.impedance_ohm,
            np.concatenate(solution.currents).T @ pushes,
            tuple(dipoles),
            tuple(by_body),
            bending,
        )

    def impedance_ohm(
        self, values: Float[np.ndarray, " values"]
    ) -> Complex[np.ndarray, "ports ports"]:
        """Between the ports of all bodies, in their order."""
        if not np.any(values):
            return self.at_rest.copy()
        dipoles, poses = self._dipoles(values), self._poses(values)
        return self._impedance_ohm(values, dipoles, self._pushed(poses, dipoles))

    def with_slopes_ohm(
        self, values: Float[np.ndarray, " values"]
    ) -> tuple[Complex[np.ndarray, "ports ports"], Complex[np.ndarray, "values ports ports"]]:
        """`impedance_ohm`, and its derivatives by every value."""
        if not np.any(values):
            return self.at_rest.copy(), self.slopes_at_rest.copy()
        dipoles, poses = self._dipoles(values), self._poses(values)
        pushed = self._pushed(poses, dipoles)
        half = np.tensordot(values, self.bending, axes=1)
        for change, push in zip(self.changes, pushed, strict=True):
            half += np.swapaxes(change, 1, 2) @ push
        for moved in _MovedBody.each(self.bodies, poses, dipoles, self.motions):
            half[moved.numbers] += moved.slopes()
        return self._impedance_ohm(values, dipoles, pushed), half + np.swapaxes(half, 1, 2)

    def _impedance_ohm(
        self,
        values: Float[np.ndarray, " values"],
        dipoles: list[Complex[np.ndarray, "_ ports"]],
        pushed: list[Complex[np.ndarray, "_ ports"]],
    ) -> Complex[np.ndarray, "ports ports"]:
        Z = self.at_rest + np.einsum("i,j,ijpq->pq", values, values, self.bending)
        # Every pair of bodies is met from both sides.
        return Z + sum(each.T @ push for each, push in zip(dipoles, pushed, strict=True))

    def moved(self, values: Float[np.ndarray, " values"]) -> list[WireBody]:
        """The bodies where they are with these values."""
        poses = zip(self.bodies, self._poses(values), strict=True)
        return [body.moved(np.asarray(shift), np.asarray(turn)) for body, (shift, turn) in poses]

    def _dipoles(
        self, values: Float[np.ndarray, " values"]
    ) -> list[Complex[np.ndarray, "_ ports"]]:
        return [
            still + np.tensordot(values, change, axes=1)
            for still, change in zip(self.dipoles, self.changes, strict=True)
        ]

    def _poses(self, values: Float[np.ndarray, " values"]) -> list["_Pose"]:
        poses = np.zeros((len(self.bodies), 2, 3))
        for value, motion in zip(values, self.motions, strict=True):
            poses[list(motion.bodies)] += value * np.stack([motion.shift, motion.turn])
        return [_Pose(*pose) for pose in _single(poses)]

    def _pushed(
        self, poses: list["_Pose"], dipoles: list[Complex[np.ndarray, "_ ports"]]
    ) -> list[Complex[np.ndarray, "_ ports"]]:
        """Voltage per length that these poses add along each body, by all others."""
        segments = [_segments(body) for body in self.bodies]
        moved = [_placed(each, pose) for each, pose in zip(segments, poses, strict=True)]
        still = [_Wires(each.centres, each.directions) for each in segments]
        pushed = list[Complex[np.ndarray, "_ ports"]]()
        for body in range(len(self.bodies)):
            here, there = (moved[body], _others(moved, body)), (still[body], _others(still, body))
            added = _added(*here, *there, _single(_others_of(dipoles, body)))
            pushed.append(np.asarray(added))
        return pushed


class _Pose(NamedTuple):
    shift: Float[AnyArray, "3"]
    turn: Float[AnyArray, "3"]


class _Segments(NamedTuple):
    centres: Float[AnyArray, "segments 3"]
    directions: Float[AnyArray, "segments 3"]
    pivot: Float[AnyArray, "3"]


class _Wires(NamedTuple):
    centres: Float[AnyArray, "segments 3"]
    directions: Float[AnyArray, "segments 3"]


def _dipoles(body: WireBody) -> scipy.sparse.csr_array:
    """Mean current times length of every segment, of each free current."""
    currents, length = body.currents, np.linalg.norm(body.vectors, axis=1)
    return scipy.sparse.csr_array(
        scipy.sparse.diags_array(length / 2) @ (currents[0::2] + currents[1::2])
    )


def _segments(body: WireBody) -> _Segments:
    length = np.linalg.norm(body.vectors, axis=1, keepdims=True)
    places = body.starts + body.vectors / 2, body.vectors / length, body.pivot
    return _Segments(*map(_single, places))


def _others(wires: Sequence[_Wires], body: int) -> _Wires:
    return _Wires(
        _others_of([each.centres for each in wires], body),
        _others_of([each.directions for each in wires], body),
    )


def _others_of(parts: Sequence[AnyArray], body: int) -> np.ndarray:
    """Of all other bodies, one after another."""
    return np.concatenate([np.asarray(part) for at, part in enumerate(parts) if at != body])


def _single(values: np.ndarray) -> np.ndarray:
    """In single precision: rounding is a millionth of a change, and no model is as good as that."""
    return values.astype(np.complex64 if np.iscomplexobj(values) else np.float32)


@dataclass(frozen=True, eq=False)
class _MovedBody:
    """One body that some motions move, and all others as they are now."""

    body: int
    numbers: list[int]
    segments: _Segments
    pose: _Pose
    speeds: _Pose
    there: _Wires
    own: Complex[np.ndarray, "here ports"]
    others: Complex[np.ndarray, "there ports"]

    @classmethod
    def each(
        cls,
        bodies: Sequence[WireBody],
        poses: Sequence[_Pose],
        dipoles: Sequence[Complex[np.ndarray, "_ ports"]],
        motions: Sequence[Motion],
    ) -> Iterator["_MovedBody"]:
        """All bodies that move."""
        segments = [_segments(each) for each in bodies]
        moved = [_placed(each, pose) for each, pose in zip(segments, poses, strict=True)]
        for body in range(len(bodies)):
            numbers = [at for at, motion in enumerate(motions) if body in motion.bodies]
            if not numbers:
                continue
            shifts = _single(np.stack([motions[at].shift for at in numbers]))
            turns = _single(np.stack([motions[at].turn for at in numbers]))
            own, others = _single(dipoles[body]), _single(_others_of(dipoles, body))
            there, speeds = _others(moved, body), _Pose(shifts, turns)
            yield cls(body, numbers, segments[body], poses[body], speeds, there, own, others)

    def slopes(self) -> Complex[np.ndarray, "motions ports ports"]:
        """How what all others do to this body follows its motions, in ohm."""
        args = self.segments, self.pose, self.speeds, self.there
        return np.asarray(_slopes(*args, self.own, self.others))

    def pushes(self, sizes: Sequence[int]) -> list[Complex[np.ndarray, "motions _ ports"]]:
        """How voltages per length along all bodies, of so many segments, follow its motions."""
        args = self.segments, self.pose, self.speeds, self.there
        on_own, on_others = _pushes(*args, self.own, self.others)
        ends = np.cumsum([size for at, size in enumerate(sizes) if at != self.body])[:-1]
        pushes = np.split(np.asarray(on_others), ends, axis=1)
        return [*pushes[: self.body], np.asarray(on_own), *pushes[self.body :]]


@jax.jit
def _added(
    here: _Wires, there: _Wires, here_still: _Wires, there_still: _Wires, dipoles: Array
) -> Complex[Array, "here ports"]:
    """Voltages per length here by dipoles there, less those at rest."""
    return (_voltages(here, there) - _voltages(here_still, there_still)) @ dipoles


def _rates(
    segments: _Segments, pose: _Pose, speeds: _Pose, there: _Wires
) -> Complex[Array, "motions here there"]:
    """How voltages per length follow motions of what is here."""

    def rate(speed: _Pose) -> Complex[Array, "here there"]:
        return jax.jvp(lambda at: _voltages(_placed(segments, at), there), (pose,), (speed,))[1]

    return jax.vmap(rate)(speeds)


@jax.jit
def _slopes(
    segments: _Segments, pose: _Pose, speeds: _Pose, there: _Wires, own: Array, others: Array
) -> Complex[Array, "motions ports ports"]:
    return own.T @ (_rates(segments, pose, speeds, there) @ others)


@jax.jit
def _pushes(
    segments: _Segments, pose: _Pose, speeds: _Pose, there: _Wires, own: Array, others: Array
) -> tuple[Complex[Array, "motions here ports"], Complex[Array, "motions there ports"]]:
    rates = _rates(segments, pose, speeds, there)
    return rates @ others, jnp.swapaxes(rates, 1, 2) @ own


@jax.jit
def _placed(segments: _Segments, pose: _Pose) -> _Wires:
    """After a turn about the pivot and a shift."""
    centres, directions, pivot = (jnp.asarray(each) for each in segments)
    R = rotation(pose.turn)
    return _Wires((centres - pivot) @ R.T + pivot + pose.shift, directions @ R.T)


def _voltages(here: _Wires, there: _Wires) -> Complex[Array, "here there"]:
    """Voltage per length along each segment here, of a unit dipole on each of those there.

    -jηk e^{jkr}/(4πr) [(1 + j/kr - 1/k²r²) u·u' - (1 + 3j/kr - 3/k²r²) (u·r)(u'·r)/r²].
    """
    away = [here.centres[:, None, axis] - there.centres[None, :, axis] for axis in range(3)]
    r2 = away[0] ** 2 + away[1] ** 2 + away[2] ** 2
    r = jnp.sqrt(r2)
    along_here = sum(each * here.directions[:, None, axis] for axis, each in enumerate(away))
    along_there = sum(each * there.directions[None, :, axis] for axis, each in enumerate(away))
    near = 1j / (WAVENUMBER * r)
    wave = -1j * FREE_SPACE_OHM * WAVENUMBER * jnp.exp(1j * WAVENUMBER * r) / (4 * jnp.pi * r)
    across = (1 + near + near**2) * (here.directions @ there.directions.T)
    radial = (1 + 3 * near + 3 * near**2) * along_here * along_there / r2
    return wave * (across - radial)
