"""A stack from the side with exaggerated displacements: the axis to the right, x or y up.

Displacements are taken to first order in the turns: where a plane tilts by r, a point at distance
u from its middle moves by r u along the axis.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes

from ..geometry import PlanarArray
from ..stack import Stack
from .pose_table import DX, DY, DZ, RX, RY, PoseTable, plane_labels
from .style import BLUE, GREY, SKY, VERMILION

_EDGES_AND_MIDDLE = np.array([-1.0, 0.0, 1.0])
_MOST_NUMBERS = 18


@dataclass(frozen=True)
class Direction:
    """From where the stack is seen: rows of the shift across and of the tilt in a `PoseTable`.

    `sign`: which way the upper edge of a plane goes along the axis where its tilt is positive.
    """

    name: str
    shift: int
    tilt: int
    sign: int


FROM_THE_SIDE = Direction("y", DY, RX, 1)
FROM_ABOVE = Direction("x", DX, RY, -1)


@dataclass(frozen=True, eq=False)
class Motion:
    """Of every plane: along the axis its bottom, middle and top; across the axis as a whole."""

    along_m: Float[np.ndarray, "planes 3"]
    across_m: Float[np.ndarray, " planes"]


@dataclass(frozen=True, eq=False)
class SideView:
    """Bottom, middle and top of every plane as designed, metres, and how far they are displaced.

    `is_displaced`: planes that anything of the view has news of; `is_found`: of which something
    that is seen was looked for; `is_told`: and of which all of that is determined.
    """

    name: str
    z_m: Float[np.ndarray, "planes 3"]
    across_m: Float[np.ndarray, "planes 3"]
    found: Motion
    deviation: Motion
    truth: Motion | None
    is_displaced: Bool[np.ndarray, " planes"]
    is_found: Bool[np.ndarray, " planes"]
    is_told: Bool[np.ndarray, " planes"]

    @property
    def largest_m(self) -> tuple[float, float]:
        """The largest displacements along and across, true or estimated with a deviation."""
        along_m = np.abs(self.found.along_m) + self.deviation.along_m
        across_m = np.abs(self.found.across_m) + self.deviation.across_m
        truth = self.truth or self.found
        return (
            float(np.maximum(along_m, np.abs(truth.along_m)).max()),
            float(np.maximum(across_m, np.abs(truth.across_m)).max()),
        )


def side_view(stack: Stack, table: PoseTable, direction: Direction) -> SideView:
    """What is seen of a stack and its displacements."""
    half_m = np.array([half_side_m(array, direction) for array in arrays_of(stack)])
    u_m = half_m[:, None] * _EDGES_AND_MIDDLE
    heights_m = np.cumsum([0.0, *np.asarray(stack.gaps_m)])
    nominal = _motion(table.nominal, direction, u_m)
    seen = [direction.shift, DZ, direction.tilt]
    return SideView(
        name=direction.name,
        z_m=heights_m[:, None] + nominal.along_m,
        across_m=nominal.across_m[:, None] + u_m,
        found=_motion(table.estimate, direction, u_m),
        deviation=_deviation(table, direction, u_m),
        truth=None if table.truth is None else _motion(table.truth, direction, u_m),
        is_displaced=np.asarray(table.is_displaced[seen].any(axis=0)),
        is_found=np.asarray(table.is_unknown[seen].any(axis=0)),
        is_told=np.asarray((table.is_told | ~table.is_unknown)[seen].all(axis=0)),
    )


def arrays_of(stack: Stack) -> list[PlanarArray]:
    """The array of every plane."""
    return [stack.input_array, *[stack.layer_array] * stack.layers, stack.receiver_array]


def half_side_m(array: PlanarArray, direction: Direction) -> float:
    """Half the extent of an array, one cell an element, whichever way its grid is turned."""
    cos, sin = np.abs([np.cos(array.rotation_rad), np.sin(array.rotation_rad)])
    x_m = array.columns * float(array.spacing_x_m) / 2
    y_m = array.rows * float(array.spacing_y_m) / 2
    return float(cos * x_m + sin * y_m if direction is FROM_ABOVE else sin * x_m + cos * y_m)


def _motion(
    shifts: Float[np.ndarray, "6 planes"],
    direction: Direction,
    u_m: Float[np.ndarray, "planes 3"],
) -> Motion:
    tilt = direction.sign * shifts[direction.tilt][:, None]
    return Motion(shifts[DZ][:, None] + tilt * u_m, shifts[direction.shift])


def _deviation(
    table: PoseTable, direction: Direction, u_m: Float[np.ndarray, "planes 3"]
) -> Motion:
    C, tilt = table.covariance[..., None], direction.tilt
    u = direction.sign * u_m
    variance = C[:, DZ, DZ] + 2 * u * C[:, DZ, tilt] + u**2 * C[:, tilt, tilt]
    return Motion(np.sqrt(np.maximum(variance, 0)), table.deviation[direction.shift])


def draw_side_view(
    axes: Axes, view: SideView, *, along: float, across: float, wavelength_m: float
) -> None:
    """Planes as designed, as found and as they are; displacements times `along` and `across`."""

    def drawn(
        motion: Motion,
    ) -> tuple[Float[np.ndarray, "planes 3"], Float[np.ndarray, "planes 3"]]:
        z_m = view.z_m + along * motion.along_m
        return z_m / wavelength_m, (
            view.across_m + across * motion.across_m[:, None]
        ) / wavelength_m

    z, y = view.z_m / wavelength_m, view.across_m / wavelength_m
    axes.plot(z.T, y.T, color=GREY, linewidth=0.8, zorder=1)
    z, y = drawn(view.found)
    reach_z = along * view.deviation.along_m / wavelength_m
    reach_y = across * view.deviation.across_m / wavelength_m
    for plane in np.flatnonzero(view.is_found):
        _draw_uncertainty(axes, z[plane], y[plane], reach_z[plane], float(reach_y[plane]))
        look: dict[str, Any] = {"linestyle": "-" if view.is_told[plane] else "--"}
        axes.plot(z[plane], y[plane], color=BLUE, marker="o", markersize=2.5, markevery=[1], **look)
    if view.truth is not None:
        z, y = (each[view.is_displaced].ravel() for each in drawn(view.truth))
        axes.plot(z, y, color=VERMILION, zorder=4, **TRUE_LOOK)
    axes.set_ylabel(f"${view.name}/λ$")
    axes.margins(x=0.03)


TRUE_LOOK: dict[str, Any] = {
    "marker": "o",
    "markersize": 3.5,
    "markeredgewidth": 0.7,
    "fillstyle": "none",
    "linestyle": "none",
}


def _draw_uncertainty(
    axes: Axes,
    z: Float[np.ndarray, "3"],
    y: Float[np.ndarray, "3"],
    reach_z: Float[np.ndarray, "3"],
    reach_y: float,
) -> None:
    """One standard deviation: a band along the axis, a bar across it at the middle."""
    axes.fill_betweenx(y, z - reach_z, z + reach_z, color=SKY, alpha=0.4, linewidth=0, zorder=2)
    bar: dict[str, Any] = {"fmt": "none", "ecolor": BLUE, "elinewidth": 0.8, "capsize": 1.5}
    axes.errorbar(z[1], y[1], yerr=reach_y, **bar)


def label_planes_above(axes: Axes, view: SideView, wavelength_m: float) -> None:
    """Numbers of as many layers as there is room for, over where they were designed to stand."""
    labels = plane_labels(len(view.z_m))
    every = -(-len(labels) // _MOST_NUMBERS)
    above = axes.secondary_xaxis("top")
    above.set_xticks(view.z_m[::every, 1] / wavelength_m, labels=labels[::every])
    above.tick_params(length=2, pad=1)
