"""The turn of every plane in itself, exaggerated: one small picture a plane, from the receivers."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.patches import Polygon, Wedge

from ..geometry import PlanarArray
from ..stack import Stack
from .phases import panels_across
from .pose_table import RZ, PoseTable, plane_labels
from .side_view import TRUE_LOOK, arrays_of
from .style import BLUE, GREY, SKY, VERMILION

_MOST_ACROSS = 7


def front_rows(table: PoseTable) -> int:
    """How many rows the pictures take; none where no plane turns."""
    panels = int(table.is_displaced[RZ].sum())
    return -(-panels // _MOST_ACROSS)


def largest_turn_rad(table: PoseTable) -> float:
    """The largest turn in the plane, true or estimated with a deviation."""
    found = np.abs(table.estimate[RZ]) + table.deviation[RZ]
    true = found if table.truth is None else np.abs(table.truth[RZ])
    return float(np.maximum(found, true).max())


def draw_front_views(figure: SubFigure, stack: Stack, table: PoseTable, times: float) -> None:
    """Every plane that turns, as designed and as found, its turn drawn `times` as large."""
    planes = np.flatnonzero(table.is_displaced[RZ])
    across = panels_across(len(planes), _MOST_ACROSS)
    panels = figure.subplots(front_rows(table), across, squeeze=False).ravel()
    labels, arrays = plane_labels(stack.layers + 2), arrays_of(stack)
    for axes in panels:
        axes.set_axis_off()
        axes.set_aspect("equal")
    for axes, plane in zip(panels, planes, strict=False):
        axes.set_title(labels[plane], fontsize=7, pad=1)
        _draw_plane(axes, arrays[plane], table, int(plane), times)


def _draw_plane(axes: Axes, array: PlanarArray, table: PoseTable, plane: int, times: float) -> None:
    """Outlines, and an arm from the middle to the right edge that shows the turn."""
    designed = float(array.rotation_rad) + table.nominal[RZ, plane]
    found = designed + times * table.estimate[RZ, plane]
    reach = np.degrees(times * table.deviation[RZ, plane])
    half = np.array([array.columns * array.spacing_x_m, array.rows * array.spacing_y_m], float)
    half = half / np.hypot(*half)
    _draw_outline(axes, half, designed, color=GREY)
    if table.is_unknown[RZ, plane]:
        middle = np.degrees(found)
        wedge = Wedge((0, 0), half[0], middle - reach, middle + reach, color=SKY, alpha=0.4)
        axes.add_patch(wedge).set(linewidth=0)
        style = "-" if table.is_told[RZ, plane] else "--"
        _draw_outline(axes, half, found, color=BLUE, linestyle=style)
    if table.truth is not None:
        angle = designed + times * table.truth[RZ, plane]
        axes.plot(half[0] * np.cos(angle), half[0] * np.sin(angle), color=VERMILION, **TRUE_LOOK)
    axes.set(xlim=(-1, 1), ylim=(-1, 1))


def _draw_outline(axes: Axes, half: Float[np.ndarray, "2"], turn_rad: float, **look: Any) -> None:
    cos, sin = np.cos(turn_rad), np.sin(turn_rad)
    corners = half * np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    turned = corners @ np.array([[cos, sin], [-sin, cos]])
    axes.add_patch(Polygon(turned, fill=False, linewidth=0.9, **look))
    axes.plot([0, half[0] * cos], [0, half[0] * sin], linewidth=0.6, **look)
