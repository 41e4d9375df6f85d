"""The planes of a calibrated stack where they were found, displacements exaggerated.

Every point is drawn at its nominal place plus a stated multiple of its displacement. Shifts along
the axis, shifts across it and turns in the plane have multiples of their own: fabrication makes
some of them a hundred times smaller than others.
"""

from math import floor, log10

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..calibration.estimate import FoundPoses
from ..errors import require
from ..stack import Stack
from .front_view import draw_front_views, front_rows, largest_turn_rad
from .pose_table import DZ, PoseTable, pose_table
from .side_view import (
    FROM_ABOVE,
    FROM_THE_SIDE,
    TRUE_LOOK,
    SideView,
    draw_side_view,
    label_planes_above,
    side_view,
)
from .style import BLUE, GREY, SKY, VERMILION, new_figure, styled

# Drawn displacements stay within these shares of a gap and of the layers' half side, and this turn.
_OF_GAP, _OF_HALF_SIDE, _MOST_TURN_RAD = 0.42, 0.25, 0.5
_SIDE_IN, _FRONT_IN, _TITLE_IN, _LEGEND_IN = 1.2, 0.58, 0.2, 0.45
_MOST_EXAGGERATION = 1e6


@styled
def displacement_drawing(calibration: FoundPoses, truth: Stack | None = None) -> Figure:
    """The stack from the side and from above, and the turn of every layer seen from the front.

    Planes are grey where they were designed to stand and blue where they were found, with one
    standard deviation: a band along the axis, a bar across it, a wedge of the turn. Dashed are
    planes of which something is not determined, drawn as if it were as designed. Open circles
    mark the true planes. A view without news is left out; `exaggeration` picks the multiples,
    which the figure states.

    Raises:
        InputError: no pose was looked for; a true stack with another number of layers.
    """
    table = pose_table(calibration, truth)
    require(
        table.is_displaced.any(),
        "`calibration` must have looked for poses, but looked for the users' coordinates only.",
    )
    stack, turned = calibration.nominal, front_rows(table)
    views = _side_views(stack, table)
    heights_in = [_TITLE_IN + _SIDE_IN * len(views) + 0.35] * bool(views)
    heights_in += [_TITLE_IN + _FRONT_IN * turned] * bool(turned)
    figure = new_figure(sum(heights_in) + _LEGEND_IN)
    parts = figure.subfigures(len(heights_in), 1, height_ratios=heights_in, squeeze=False)[:, 0]
    if views:
        _draw_sides(parts[0], views, stack)
    if turned:
        times = exaggeration(largest_turn_rad(table), _MOST_TURN_RAD)
        draw_front_views(parts[-1], stack, table, times)
        parts[-1].suptitle(f"turns in the plane × {times:g}, seen from the receivers", fontsize=8)
    _add_legend(figure, table)
    return figure


def exaggeration(largest: float, limit: float) -> float:
    """The largest of 1, 2, 5, 10, … that takes `largest` to no more than `limit`; at least 1."""
    ratio = min(limit / largest, _MOST_EXAGGERATION) if largest > 0 else 1.0
    if ratio < 1:
        return 1.0
    decade = 10.0 ** floor(log10(ratio))
    return max(times for times in (decade, 2 * decade, 5 * decade) if times <= ratio)


def _side_views(stack: Stack, table: PoseTable) -> list[SideView]:
    """The views with news; shifts along the axis, which are seen in both, need only one."""
    news = table.is_displaced
    directions = [
        each for each in (FROM_THE_SIDE, FROM_ABOVE) if news[[each.shift, each.tilt]].any()
    ]
    if not directions and news[DZ].any():
        directions = [FROM_THE_SIDE]
    return [side_view(stack, table, direction) for direction in directions]


def _draw_sides(figure: SubFigure, views: list[SideView], stack: Stack) -> None:
    along_m, across_m = np.max([view.largest_m for view in views], axis=0)
    half_m = min(float(np.ptp(view.across_m[1])) / 2 for view in views)
    along = exaggeration(along_m, _OF_GAP * float(np.min(stack.gaps_m)))
    across = exaggeration(across_m, _OF_HALF_SIDE * half_m)
    wavelength_m = float(stack.wavelength_m)
    panels = figure.subplots(len(views), 1, sharex=True, squeeze=False)[:, 0]
    for axes, view in zip(panels, views, strict=True):
        draw_side_view(axes, view, along=along, across=across, wavelength_m=wavelength_m)
    label_planes_above(panels[0], views[0], wavelength_m)
    panels[-1].set_xlabel("$z/λ$")
    names = " and ".join(sorted(view.name for view in views))
    scales = {"z": along if along_m > 0 else 0, names: across if across_m > 0 else 0}
    note = ", ".join(f"× {times:g} along {name}" for name, times in scales.items() if times)
    figure.suptitle(f"displacements {note}", fontsize=8)


def _add_legend(figure: Figure, table: PoseTable) -> None:
    entries: list[Artist] = [
        Line2D([], [], color=GREY, linewidth=0.8, label="as designed"),
        Line2D([], [], color=BLUE, marker="o", markersize=2.5, label="calibrated"),
        Patch(color=SKY, alpha=0.4, linewidth=0, label="± 1 standard deviation"),
    ]
    if table.truth is not None:
        entries.append(Line2D([], [], color=VERMILION, label="truth", **TRUE_LOOK))
    if (table.is_unknown & ~table.is_told).any():
        entries.append(Line2D([], [], color=BLUE, linestyle="--", label="partly undetermined"))
    figure.legend(handles=entries, loc="outside lower center", ncols=3 if len(entries) == 3 else 2)
