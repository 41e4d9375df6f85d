"""Rigid bodies of straight thin wires: segments that meet at nodes, and the currents they carry.

Current is linear along every segment and flows on at every node: where n segments meet, n - 1
currents are free. A free end carries none. Lengths are in wavelengths.

Source: R. Harrington, Field Computation by Moment Methods, chapter 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jaxtyping import Array, Float, Int

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64

# Square of an angle in radians that is told from none.
_NO_TURN = 1e-24


@dataclass(frozen=True, eq=False)
class WireBody:
    """Segments between nodes; `ports` are nodes in the middle of a wire, fed across it.

    `pivot`: about which the body turns. Make one with `WireBody.checked`, `centre_fed_wires` or
    `wire_grid`.
    """

    nodes: Float[np.ndarray, "nodes 3"]
    segments: Int[np.ndarray, "segments 2"]
    radius: float
    ports: tuple[int, ...]
    pivot: Float[np.ndarray, "3"]

    @classmethod
    def checked(
        cls,
        nodes: Float[np.ndarray, "nodes 3"],
        segments: Int[np.ndarray, "segments 2"],
        radius: float,
        ports: Sequence[int] = (),
        pivot: Float[np.ndarray, "3"] | None = None,
    ) -> "WireBody":
        """A body that can be; without a pivot it turns about the mean of its nodes.

        Raises:
            InputError: segments without length, of nodes that are not there or too short for their
                radius; ports at nodes where not exactly two segments meet.
        """
        ends = nodes[segments]
        length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
        require(
            bool(radius > 0 and np.isfinite(nodes).all() and (length > radius).all()),
            f"Segments must be longer than their radius of {radius:g} wavelengths, but the "
            f"shortest has {length.min():g}.",
        )
        meeting = np.bincount(segments.ravel(), minlength=len(nodes))
        for port in ports:
            require(
                bool(meeting[port] == 2),
                f"A port must be where two segments meet, but at node {port} {meeting[port]} do.",
            )
        return cls(nodes, segments, radius, tuple(ports), _pivot(nodes, pivot))

    @cached_property
    def starts(self) -> Float[np.ndarray, "segments 3"]:
        """Where each segment begins."""
        return self.nodes[self.segments[:, 0]]

    @cached_property
    def vectors(self) -> Float[np.ndarray, "segments 3"]:
        """From the beginning of each segment to its end."""
        return self.nodes[self.segments[:, 1]] - self.starts

    @cached_property
    def _arms(self) -> list[list[tuple[int, int]]]:
        """Of every node the segments that meet there, and which of their ends it is."""
        arms: list[list[tuple[int, int]]] = [[] for _ in self.nodes]
        for segment, ends in enumerate(self.segments):
            for end, node in enumerate(ends):
                arms[node].append((segment, end))
        return arms

    @cached_property
    def currents(self) -> scipy.sparse.csr_array:
        """Current at both ends of every segment, along it, for each free current: 2 segments x n.

        A free current comes in to a node through its first arm and leaves through another.
        """
        rows, columns, values = list[int](), list[int](), list[float]()
        basis = 0
        for arms in self._arms:
            for out in arms[1:]:
                for (segment, end), sign in ((arms[0], 1), (out, -1)):
                    rows.append(2 * segment + end)
                    columns.append(basis)
                    values.append(sign if end == 1 else -sign)
                basis += 1
        shape = (2 * len(self.segments), basis)
        return scipy.sparse.csr_array((values, (rows, columns)), shape=shape)

    @property
    def free_currents(self) -> int:
        """How many there are."""
        return sum(max(len(arms) - 1, 0) for arms in self._arms)

    @cached_property
    def port_currents(self) -> Int[np.ndarray, " ports"]:
        """Which of the free currents flow through ports, directed as its wire's segments are."""
        first = np.cumsum([0] + [max(len(arms) - 1, 0) for arms in self._arms])
        return first[list(self.ports)].astype(int)

    @in_float64
    def moved(self, shift: Float[np.ndarray, "3"], turn: Float[np.ndarray, "3"]) -> "WireBody":
        """Turned about its pivot by a rotation vector, then shifted."""
        nodes = (self.nodes - self.pivot) @ np.asarray(rotation(turn)).T + self.pivot + shift
        return replace(self, nodes=nodes, pivot=self.pivot + shift)


def rotation(turn: Float[AnyArray, "3"]) -> Float[Array, "3 3"]:
    """Matrix of a turn by |turn| radians about `turn` (Rodrigues), also differentiable at none."""
    x, y, z = turn
    across = jnp.array([[0 * x, -z, y], [z, 0 * x, -x], [-y, x, 0 * x]])
    angle = jnp.sqrt(x**2 + y**2 + z**2 + _NO_TURN)
    once, twice = jnp.sinc(angle / jnp.pi), jnp.sinc(angle / (2 * jnp.pi)) ** 2 / 2
    return jnp.eye(3) + once * across + twice * across @ across


def centre_fed_wires(
    centres: Float[np.ndarray, "wires 3"],
    direction: Float[np.ndarray, "3"],
    length: float,
    radius: float,
    segments: int = 16,
    pivot: Float[np.ndarray, "3"] | None = None,
) -> WireBody:
    """Parallel wires with a port in the middle of each, of so many segments, an even number.

    Raises:
        InputError: an odd number of segments; wires that cannot be.
    """
    require(
        segments >= 2 and segments % 2 == 0,
        f"`segments` must be even, for a port in the middle, but is {segments}.",
    )
    along = np.linspace(-length / 2, length / 2, segments + 1)
    towards = np.asarray(direction, float) / np.linalg.norm(direction)
    nodes = centres[:, None, :] + along[:, None] * towards
    first = np.arange(len(centres))[:, None] * (segments + 1) + np.arange(segments)
    pairs = np.stack([first, first + 1], axis=-1).reshape(-1, 2)
    ports = np.arange(len(centres)) * (segments + 1) + segments // 2
    return WireBody.checked(nodes.reshape(-1, 3), pairs, radius, ports.tolist(), pivot)


def wire_grid(
    centre: Float[np.ndarray, "3"],
    across: Float[np.ndarray, "3"],
    up: Float[np.ndarray, "3"],
    lines: tuple[int, int],
    radius: float | None = None,
) -> WireBody:
    """A rectangular screen of wires connected where they cross, `lines` along its two sides.

    `across`, `up`: from edge to edge. Without a radius wires have as much surface as a solid screen
    has on both sides (a radius of a cell's width / 2π), which then is what they resemble.

    Raises:
        InputError: fewer than two lines a way; wires thicker than their distance.
    """
    require(min(lines) >= 2, f"`lines` must be at least 2 each way, but are {lines}.")
    i, j = np.meshgrid(*(np.linspace(-0.5, 0.5, each) for each in lines), indexing="ij")
    nodes = centre + i[..., None] * across + j[..., None] * up
    number = np.arange(nodes[..., 0].size).reshape(lines)
    level = np.stack([number[:-1], number[1:]], axis=-1).reshape(-1, 2)
    upright = np.stack([number[:, :-1], number[:, 1:]], axis=-1).reshape(-1, 2)
    cell = np.linalg.norm(across) / (lines[0] - 1), np.linalg.norm(up) / (lines[1] - 1)
    thick = float(np.sqrt(cell[0] * cell[1]) / (2 * np.pi)) if radius is None else radius
    return WireBody.checked(nodes.reshape(-1, 3), np.concatenate([level, upright]), thick)


def _pivot(
    nodes: Float[np.ndarray, "nodes 3"], pivot: Float[np.ndarray, "3"] | None
) -> Float[np.ndarray, "3"]:
    return nodes.mean(axis=0) if pivot is None else np.asarray(pivot, float)
