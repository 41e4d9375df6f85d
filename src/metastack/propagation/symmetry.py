"""What is known of a pair of planes before anything is computed.

Positions that JAX is tracing have no symmetry that could be relied on.
"""

from collections.abc import Sequence

import numpy as np
from jax.core import Tracer

from .._types import Number
from ..errors import require
from ..geometry import Plane
from .model import InterlayerModel


def is_mirror_symmetric(start: Plane, end: Plane) -> bool:
    """Whether both planes are known to be centred, unrotated and untilted."""
    return all(
        _is_zero(_in_plane_motion(plane)) and _is_zero(_tilt(plane)) for plane in (start, end)
    )


def shares_lattice(start: Plane, end: Plane) -> bool:
    """Whether both planes are known to be parallel, with equal spacing and orientation."""
    turns = [plane.array.rotation_rad + plane.pose.rz_rad for plane in (start, end)]
    spacings = [(plane.array.spacing_x_m, plane.array.spacing_y_m) for plane in (start, end)]
    differences = [turns[1] - turns[0], *(b - a for a, b in zip(*spacings, strict=True))]
    return all(_is_zero(values) for values in (_tilt(start), _tilt(end), differences))


def require_symmetry(model: InterlayerModel, name: str) -> None:
    """Refuse a model whose matrices need not share the symmetry of the planes.

    Raises:
        InputError: it is one.
    """
    require(
        model.follows_geometry,
        f"{name} needs a model by distances and angles, but {type(model).__name__} is of given "
        "matrices; use DenseHop.",
    )


def _in_plane_motion(plane: Plane) -> list[Number]:
    pose = plane.pose
    return [plane.array.rotation_rad, pose.dx_m, pose.dy_m, pose.rz_rad]


def _tilt(plane: Plane) -> list[Number]:
    return [plane.pose.rx_rad, plane.pose.ry_rad]


def _is_zero(values: Sequence[Number]) -> bool:
    return not any(isinstance(value, Tracer) or np.any(np.asarray(value)) for value in values)
