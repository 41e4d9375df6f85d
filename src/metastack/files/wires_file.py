"""Wires of a device, solved once, as an .npz of arrays: currents, their changes, and the motions.

Currents are in single precision, which impedances are told from by less than a hundred-thousandth
of what a motion changes; impedances at rest are in double. Packed it would be a sixth smaller only,
and is not.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from ..errors import InputError, require
from ..multiport import LayerMotion, Motion, MovingWires, PreparedWires, WireBody
from ..multiport.wired_device import Degree
from .atomic import replacing
from .matrix_file import Arrays, read_arrays
from .pilot_arrays import positive_in
from .wording import naming, one_line, shown

_FORMAT = 1
_DEGREES = tuple(Degree)


def write_wires(prepared: PreparedWires, path: Path | str) -> None:
    """Write prepared wires, whole or not at all.

    Raises:
        InputError: another suffix; the file cannot be written.
    """
    _check_suffix(Path(path))
    wires = prepared.wires
    arrays: dict[str, Any] = {
        "metastack_wires": np.array(_FORMAT),
        "frequency_hz": np.array(prepared.frequency_hz),
        **_of_bodies(wires.bodies),
        **_of_motions(prepared.motions, len(wires.bodies)),
        "at_rest_ohm": wires.at_rest,
        "slopes_at_rest_ohm": wires.slopes_at_rest,
        "dipoles": np.concatenate(wires.dipoles).astype(np.complex64),
        "changes": np.concatenate(wires.changes, axis=1).astype(np.complex64),
        "bending_ohm": wires.bending.astype(np.complex64),
    }
    with replacing(path) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)


def read_wires(path: Path | str) -> PreparedWires:
    """Read prepared wires.

    Raises:
        InputError: the file cannot be read, is of another kind, or is damaged.
    """
    path = Path(path)
    _check_suffix(path)
    arrays = read_arrays(path)
    with naming(path):
        require(
            "metastack_wires" in arrays,
            "The file must be one that `metastack network wires` wrote, but is not.",
        )
        try:
            return _of_arrays(arrays)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"The file must hold wires as they were written, but is damaged: {error}."
            ) from error


def _check_suffix(path: Path) -> None:
    require(
        path.suffix.lower() == ".npz",
        f"`{one_line(str(path))}` must end in .npz, but ends in {shown(path.suffix)}.",
    )


def _of_bodies(bodies: Sequence[WireBody]) -> dict[str, Shaped[np.ndarray, "..."]]:
    """All bodies in a row, and how much of each row is whose."""
    return {
        "body_nodes": np.array([len(body.nodes) for body in bodies]),
        "body_segments": np.array([len(body.segments) for body in bodies]),
        "body_ports": np.array([len(body.ports) for body in bodies]),
        "radii": np.array([body.radius for body in bodies]),
        "pivots": np.array([body.pivot for body in bodies]),
        "nodes": np.concatenate([body.nodes for body in bodies]),
        "segments": np.concatenate([body.segments for body in bodies]),
        "ports": np.concatenate([np.array(body.ports, int) for body in bodies]),
    }


def _of_motions(
    motions: Sequence[LayerMotion], bodies: int
) -> dict[str, Shaped[np.ndarray, "..."]]:
    return {
        "motion_layer": np.array([each.layer for each in motions]),
        "motion_of_screen": np.array([int(each.is_of_screen) for each in motions]),
        "motion_degree": np.array([_DEGREES.index(each.degree) for each in motions]),
        "motion_bodies": np.array(
            [[int(body in each.motion.bodies) for body in range(bodies)] for each in motions]
        ),
        "motion_shift": np.array([each.motion.shift for each in motions]),
        "motion_turn": np.array([each.motion.turn for each in motions]),
    }


def _of_arrays(arrays: Arrays) -> PreparedWires:
    frequency_hz = positive_in(arrays, "frequency_hz")
    require(frequency_hz is not None, "`frequency_hz` must be in the file, but is not.")
    bodies, motions = tuple(_bodies(arrays)), tuple(_motions(arrays))
    segments, values = sum(len(body.segments) for body in bodies), len(motions)
    ports = sum(len(body.ports) for body in bodies)
    shapes = {
        "at_rest_ohm": (ports, ports),
        "slopes_at_rest_ohm": (values, ports, ports),
        "dipoles": (segments, ports),
        "changes": (values, segments, ports),
        "bending_ohm": (values, values, ports, ports),
    }
    for name, shape in shapes.items():
        require(
            arrays[name].shape == shape and bool(np.isfinite(arrays[name]).all()),
            f"`{name}` must be finite and of shape {shape}, but is not.",
        )
    last = np.cumsum([len(body.segments) for body in bodies])[:-1]
    wires = MovingWires(
        bodies,
        tuple(each.motion for each in motions),
        arrays["at_rest_ohm"],
        arrays["slopes_at_rest_ohm"],
        tuple(np.split(arrays["dipoles"], last)),
        tuple(np.split(arrays["changes"], last, axis=1)),
        arrays["bending_ohm"].astype(complex),
    )
    return PreparedWires(frequency_hz or 0.0, wires, motions)


def _bodies(arrays: Arrays) -> Iterator[WireBody]:
    def parts(name: str) -> list[np.ndarray]:
        return np.split(arrays[name], np.cumsum(arrays[f"body_{name}"])[:-1])

    rows = zip(
        *map(parts, ("nodes", "segments", "ports")), arrays["radii"], arrays["pivots"], strict=True
    )
    for nodes, segments, ports, radius, pivot in rows:
        yield WireBody.checked(nodes, segments, float(radius), ports.tolist(), pivot)


def _motions(arrays: Arrays) -> Iterator[LayerMotion]:
    names = ("layer", "of_screen", "degree", "bodies", "shift", "turn")
    rows = zip(*(arrays[f"motion_{name}"] for name in names), strict=True)
    for layer, of_screen, degree, bodies, shift, turn in rows:
        motion = Motion(tuple(np.flatnonzero(bodies).tolist()), shift, turn)
        yield LayerMotion(int(layer), bool(of_screen), _DEGREES[int(degree)], motion)
