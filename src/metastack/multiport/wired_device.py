"""The wires of a device of layers, and how these may be out of place.

A layer is two planes of parallel wires, fed at their centres, and half-way between them perhaps a
screen of wires. A layer moves as a whole, its screen by itself beside that. Lengths are in
wavelengths; shifts go along the device's axis, along the wires (vertical), and across both.

Source: ours.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from jaxtyping import Float

from ..errors import require
from .moments import solve_wires
from .moving_wires import Motion, MovingWires
from .wire_body import WireBody, centre_fed_wires, wire_grid

# How far from flat and from square planes may be, in wavelengths and as a cosine.
_FLAT = 1e-3
_COMPLEX_BYTES = 16
# Copies held at once of the couplings between two bodies, and of the currents of a motion, measured
# with the peak of a process.
_COPIES_OF_A_PAIR, _COPIES_OF_A_MOTION = 4, 8


class Degree(Enum):
    """In which way something is out of place; the value says it."""

    AXIAL = "axial"
    VERTICAL = "vertical"
    LATERAL = "lateral"
    ROTATION = "rotation"


@dataclass(frozen=True)
class Elements:
    """Wires with a port in the middle, all along one direction; an even number of segments."""

    direction: tuple[float, float, float]
    length: float
    radius: float
    segments: int = 16


@dataclass(frozen=True)
class Screen:
    """A grid of connected wires, across and along the elements; radius as `wire_grid`."""

    size: tuple[float, float]
    lines: tuple[int, int]
    radius: float | None = None


@dataclass(frozen=True)
class LayerTolerance:
    """How far out of place at most, uniformly distributed; 0 does not move."""

    axial: float = 0.0
    vertical: float = 0.0
    lateral: float = 0.0
    rotation_rad: float = 0.0

    def deviations(self) -> Iterator[tuple[Degree, float]]:
        """Of everything that moves, the standard deviation."""
        most = (self.axial, self.vertical, self.lateral, self.rotation_rad)
        for degree, each in zip(Degree, most, strict=True):
            if each:
                yield degree, each / 3**0.5


@dataclass(frozen=True)
class Wiring:
    """What a device is made of: elements, screens, if it has any, and how well they are placed.

    `tolerance`: of layers as a whole. `screen_tolerance`: of screens against the elements of their
    layers; if none, that of layers, but for the axial one.
    """

    elements: Elements
    tolerance: LayerTolerance
    screen: Screen | None = None
    screen_tolerance: LayerTolerance | None = None

    @property
    def of_screens(self) -> LayerTolerance:
        """Tolerance of screens against the elements of their layers."""
        return self.screen_tolerance or replace(self.tolerance, axial=0.0)


@dataclass(frozen=True, eq=False)
class LayerMotion:
    """In which way a layer moves, or its screen against it; layers are counted from 1."""

    layer: int
    is_of_screen: bool
    degree: Degree
    motion: Motion

    @property
    def name(self) -> str:
        """As 'layer 2 vertical'."""
        return f"layer {self.layer} {'screen ' if self.is_of_screen else ''}{self.degree.value}"

    @property
    def unit(self) -> str:
        """Of what a value is told in."""
        return "°" if self.degree is Degree.ROTATION else "λ"

    @property
    def deviation(self) -> float:
        """That is expected, in `unit`: what a value of 1 stands for."""
        turn = np.degrees(np.linalg.norm(self.motion.turn))
        return float(turn if self.degree is Degree.ROTATION else np.linalg.norm(self.motion.shift))


@dataclass(frozen=True, eq=False)
class WiredDevice:
    """Wires, their ports in the order of the network's, and how they move.

    `frame`: unit vectors across, along the wires (vertical) and along the axis.
    """

    bodies: tuple[WireBody, ...]
    motions: tuple[LayerMotion, ...]
    frame: Float[np.ndarray, "3 3"]

    @property
    def segments(self) -> int:
        """How many there are."""
        return sum(len(body.segments) for body in self.bodies)

    @property
    def unknowns(self) -> int:
        """Free currents, which are solved for together."""
        return sum(body.free_currents for body in self.bodies)

    @property
    def required_bytes(self) -> int:
        """Estimated peak memory of solving for the currents and preparing the motions."""
        ports = sum(len(body.ports) for body in self.bodies)
        largest = max(len(body.segments) for body in self.bodies)
        pairs = _COPIES_OF_A_PAIR * (2 * largest) ** 2
        motions = _COPIES_OF_A_MOTION * len(self.motions) * self.unknowns * ports
        return _COMPLEX_BYTES * (self.unknowns**2 + max(self.unknowns**2 + pairs, motions))

    def prepared(
        self, frequency_hz: float, on_motion: Callable[[int], None] | None = None
    ) -> "PreparedWires":
        """Solved, with every motion; `on_motion` is told how many are done, from 0."""
        told = on_motion or (lambda _: None)
        solution = solve_wires(self.bodies)
        told(0)
        wires = MovingWires.prepared(solution, [each.motion for each in self.motions], told)
        return PreparedWires(frequency_hz, wires, self.motions)


@dataclass(frozen=True, eq=False)
class PreparedWires:
    """Wires of a device as far as they are solved once for all, at one frequency."""

    frequency_hz: float
    wires: MovingWires
    motions: tuple[LayerMotion, ...]


def wired_device(
    wiring: Wiring, positions: Float[np.ndarray, "ports 3"], *, feeds: int, layers: int, atoms: int
) -> WiredDevice:
    """The wires of a device whose ports are at `positions`: feeds, both sides of layers, receivers.

    Raises:
        InputError: planes that are not across the axis, from feeds to receivers, or not in order
            along it; wires that are not across it, touch, or cannot be; nothing that moves.
    """
    planes = _planes(positions, feeds, layers, atoms)
    frame = _frame(planes, wiring.elements)
    _check_planes(planes, frame[2])
    _check_apart(positions, wiring.elements, frame[1])
    bodies, motions = [_wires(planes[0], wiring.elements)], list[LayerMotion]()
    for layer, sides in enumerate(zip(planes[1:-1:2], planes[2:-1:2], strict=True), start=1):
        motions += _motions(layer, wiring, len(bodies), frame)
        bodies += _layer(sides, wiring, frame)
    require(motions, "`tolerance` must let something move, but all tolerances are 0.")
    return WiredDevice((*bodies, _wires(planes[-1], wiring.elements)), tuple(motions), frame)


def _planes(
    positions: Float[np.ndarray, "ports 3"], feeds: int, layers: int, atoms: int
) -> list[Float[np.ndarray, "_ 3"]]:
    """Feeds, both sides of every layer, receivers."""
    fewest = feeds + 2 * layers * atoms
    require(
        len(positions) > fewest,
        f"`positions` must be of more than {fewest} ports, of {feeds} feeds, {layers} layers of "
        f"{atoms} atoms and of receivers, but are of {len(positions)}.",
    )
    return np.split(positions, range(feeds, fewest + 1, atoms))


def _frame(
    planes: Sequence[Float[np.ndarray, "_ 3"]], elements: Elements
) -> Float[np.ndarray, "3 3"]:
    towards = planes[-1].mean(axis=0) - planes[0].mean(axis=0)
    along, lengths = np.asarray(elements.direction, float), np.linalg.norm(towards)
    require(lengths > _FLAT, "`positions` of receivers must not be those of feeds, but are.")
    require(np.linalg.norm(along) > 0, "`elements.direction` must not be zero, but is.")
    axis, along = towards / lengths, along / np.linalg.norm(along)
    require(
        abs(axis @ along) < _FLAT,
        "`elements.direction` must be across the axis from feeds to receivers, "
        f"{_shown(axis)}, but is {_shown(along)}.",
    )
    return np.stack([np.cross(along, axis), along, axis])


def _check_planes(planes: Sequence[Float[np.ndarray, "_ 3"]], axis: Float[np.ndarray, "3"]) -> None:
    depths = [plane @ axis for plane in planes]
    for number, (depth, name) in enumerate(zip(depths, _names(len(planes)), strict=True)):
        require(
            np.ptp(depth) < _FLAT,
            f"`positions` of {name} must be in a plane across the axis from feeds to receivers, "
            f"{_shown(axis)}, but reach over {np.ptp(depth):.4g} wavelengths along it.",
        )
        before = depths[number - 1].mean() if number else -np.inf
        require(
            depth.mean() > before,
            f"`positions` of {name} must come behind the plane before it, but are "
            f"{before - depth.mean():.4g} wavelengths in front: look at the order of ports.",
        )


def _names(planes: int) -> list[str]:
    layers = range(1, planes // 2)
    sides = [f"layer {layer}'s {side} side" for layer in layers for side in ("first", "second")]
    return ["feeds", *sides, "receivers"]


def _shown(direction: Float[np.ndarray, "3"]) -> str:
    return f"({', '.join(f'{each:.3g}' for each in direction)})"


def _check_apart(
    positions: Float[np.ndarray, "ports 3"], elements: Elements, along: Float[np.ndarray, "3"]
) -> None:
    away = positions[:, None] - positions
    ahead = away @ along
    aside = np.linalg.norm(away - ahead[..., None] * along, axis=-1)
    apart = np.hypot(np.maximum(np.abs(ahead) - elements.length, 0), aside)
    apart[np.diag_indices(len(apart))] = np.inf
    first, second = np.unravel_index(apart.argmin(), apart.shape)
    require(
        apart.min() > 2 * elements.radius,
        f"`elements.length_wavelengths` must leave wires apart, but at {elements.length:g} those "
        f"of ports {first} and {second} touch.",
    )


def _wires(
    centres: Float[np.ndarray, "wires 3"],
    elements: Elements,
    pivot: Float[np.ndarray, "3"] | None = None,
) -> WireBody:
    direction = np.asarray(elements.direction, float)
    return centre_fed_wires(
        centres, direction, elements.length, elements.radius, elements.segments, pivot
    )


def _layer(
    sides: tuple[Float[np.ndarray, "atoms 3"], Float[np.ndarray, "atoms 3"]],
    wiring: Wiring,
    frame: Float[np.ndarray, "3 3"],
) -> list[WireBody]:
    """The first side, the screen if there is one, the second side, all turning about one point."""
    middle = (sides[0].mean(axis=0) + sides[1].mean(axis=0)) / 2
    first, second = (_wires(side, wiring.elements, middle) for side in sides)
    screen = wiring.screen
    if screen is None:
        return [first, second]
    across, up = screen.size[0] * frame[0], screen.size[1] * frame[1]
    return [first, wire_grid(middle, across, up, screen.lines, screen.radius), second]


def _motions(
    layer: int, wiring: Wiring, first: int, frame: Float[np.ndarray, "3 3"]
) -> Iterator[LayerMotion]:
    """Of a layer whose bodies begin with number `first`."""
    bodies = 2 if wiring.screen is None else 3
    for degree, deviation in wiring.tolerance.deviations():
        motion = _motion(tuple(range(first, first + bodies)), degree, deviation, frame)
        yield LayerMotion(layer, False, degree, motion)
    if wiring.screen is not None:
        for degree, deviation in wiring.of_screens.deviations():
            motion = _motion((first + 1,), degree, deviation, frame)
            yield LayerMotion(layer, True, degree, motion)


def _motion(
    bodies: tuple[int, ...], degree: Degree, deviation: float, frame: Float[np.ndarray, "3 3"]
) -> Motion:
    lateral, vertical, axis = deviation * frame
    shifts = {Degree.AXIAL: axis, Degree.VERTICAL: vertical, Degree.LATERAL: lateral}
    turn = axis if degree is Degree.ROTATION else np.zeros(3)
    return Motion(bodies, shifts.get(degree, np.zeros(3)), turn)
