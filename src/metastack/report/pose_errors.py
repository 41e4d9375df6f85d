"""How far every plane is off in every degree of freedom, and what that number is uncertain by."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import radians
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..calibration.estimate import FoundPoses
from ..errors import require
from ..stack import Stack
from .pose_table import PoseTable, plane_labels, pose_table
from .style import BLUE, GREY, VERMILION, new_figure, styled

FREEDOM_NAMES = ("dx", "dy", "dz", "rx", "ry", "rz")
SHOWN_DEVIATIONS = 2
_SHIFTS = 3
_BAND = "#DEDEDE"
_MOST_IN_ONE_COLUMN = 3
_MOST_NUMBERS = 20
_SEEN, _TRUE, _EXPECTED = "calibrated", "truth", "expected"
_HARDLY_TOLD, _UNDETERMINED = "hardly told by the pilots", "not determined"
_NAMES = (_SEEN, _TRUE, _EXPECTED, _HARDLY_TOLD, _UNDETERMINED)


@dataclass(frozen=True)
class _Unit:
    """What shifts or turns are counted in: `size` is metres or radians."""

    size: float
    name: str


@styled
def pose_estimates(calibration: FoundPoses, truth: Stack | None = None) -> Figure:
    """Estimates of all poses with two standard deviations, one panel a degree of freedom.

    The band is what was expected before the pilots, to two standard deviations. Hollow markers
    are estimates that rest on this more than on the pilots; a question mark stands where nothing
    determines any. Crosses are the true displacements. Shown is what was looked for, and what in
    truth is displaced without having been looked for.

    Raises:
        InputError: no pose was looked for; a true stack with another number of planes.
    """
    table = pose_table(calibration, truth)
    shown = np.flatnonzero(table.is_displaced.any(axis=1)).tolist()
    require(
        len(shown) > 0,
        "`calibration` must have looked for poses, but looked for the users' coordinates only.",
    )
    columns = _columns(shown)
    rows = max(len(column) for column in columns)
    figure = new_figure(0.9 * rows + 0.9)
    grid = figure.subplots(rows, len(columns), squeeze=False)
    units = _units(table, float(calibration.nominal.wavelength_m))
    for panels, freedoms in zip(grid.T.tolist(), columns, strict=True):
        _draw_column(panels, freedoms, table, units)
        for axes in panels[: len(freedoms)]:
            _label_planes(axes, table, _MOST_NUMBERS // len(columns))
    _add_legend(figure)
    figure.align_ylabels()
    return figure


def _columns(shown: Sequence[int]) -> list[list[int]]:
    """One column, or one of shifts and one of turns."""
    if len(shown) <= _MOST_IN_ONE_COLUMN:
        return [list(shown)]
    return [[each for each in shown if each < _SHIFTS], [each for each in shown if each >= _SHIFTS]]


def _units(table: PoseTable, wavelength_m: float) -> list[_Unit]:
    """The unit of each degree of freedom: coarse where displacements are large."""
    largest = np.abs(table.estimate)
    if table.truth is not None:
        largest = np.maximum(largest, np.abs(table.truth))
    return [
        *[_unit(largest[:_SHIFTS], wavelength_m, "λ", "% λ", 1e-2)] * _SHIFTS,
        *[_unit(largest[_SHIFTS:], radians(1), "°", "mdeg", 1e-3)] * _SHIFTS,
    ]


def _unit(
    largest: Float[np.ndarray, "3 planes"], size: float, coarse: str, fine: str, share: float
) -> _Unit:
    return _Unit(size, coarse) if largest.max() > size / 10 else _Unit(share * size, fine)


def _draw_column(
    panels: Sequence[Axes], freedoms: Sequence[int], table: PoseTable, units: Sequence[_Unit]
) -> None:
    """Panels from the top, numbers of the layers under the last."""
    for axes in panels[len(freedoms) :]:
        axes.set_visible(False)
    for axes, freedom in zip(panels, freedoms, strict=False):
        _draw_panel(axes, freedom, table, units[freedom])
        axes.set_ylabel(f"{FREEDOM_NAMES[freedom]} ({units[freedom].name})")
        axes.tick_params(labelbottom=freedom == freedoms[-1])
    panels[len(freedoms) - 1].set_xlabel("layer")


def _draw_panel(axes: Axes, freedom: int, table: PoseTable, unit: _Unit) -> None:
    _draw_expected(axes, table.expected[freedom] / unit.size)
    axes.axhline(0, color=GREY, linewidth=0.6, zorder=1)
    values = table.estimate[freedom] / unit.size
    reach = SHOWN_DEVIATIONS * table.deviation[freedom] / unit.size
    told, seen = table.is_told[freedom], table.is_seen[freedom]
    _draw_estimates(axes, values, reach, seen, label=_SEEN)
    hollow = {"markerfacecolor": "white", "label": _HARDLY_TOLD}
    _draw_estimates(axes, values, reach, told & ~seen, **hollow)
    _draw_undetermined(axes, table.is_unknown[freedom] & ~told)
    if table.truth is not None:
        look: dict[str, Any] = {"color": VERMILION, "markersize": 5, "markeredgewidth": 1.1}
        axes.plot(table.truth[freedom] / unit.size, "x", zorder=4, label=_TRUE, **look)
    if not table.is_unknown[freedom].any():
        axes.set_title("taken as exact", loc="right", fontsize=7, pad=2)
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.margins(y=0.12)
    axes.grid(visible=True, axis="y")


def _draw_expected(axes: Axes, expected: Float[np.ndarray, " planes"]) -> None:
    """A band over the planes of which something was expected."""
    some = (expected > 0) & np.isfinite(expected)
    if some.any():
        reach = np.where(some, SHOWN_DEVIATIONS * expected, np.nan)
        edges = np.arange(len(expected) + 1) - 0.5
        band = axes.stairs(reach, edges, baseline=-reach, fill=True, color=_BAND)
        band.set(zorder=0, label=_EXPECTED, linewidth=0)


def _draw_estimates(
    axes: Axes,
    values: Float[np.ndarray, " planes"],
    reach: Float[np.ndarray, " planes"],
    shown: Bool[np.ndarray, " planes"],
    **look: Any,
) -> None:
    if shown.any():
        planes = np.flatnonzero(shown)
        look |= {"fmt": "o", "color": BLUE, "markersize": 3.5, "elinewidth": 1.0, "zorder": 3}
        axes.errorbar(planes, values[shown], reach[shown], **look)


def _draw_undetermined(axes: Axes, shown: Bool[np.ndarray, " planes"]) -> None:
    if shown.any():
        planes = np.flatnonzero(shown)
        look: dict[str, Any] = {"color": "black", "markersize": 5, "label": _UNDETERMINED}
        axes.plot(planes, np.zeros(len(planes)), linestyle="none", marker="$?$", **look)


def _label_planes(axes: Axes, table: PoseTable, most: int) -> None:
    """Numbers under as many layers as there is room for, from the first to the last shown."""
    shown = np.flatnonzero(table.is_displaced.any(axis=0))
    every = -(-len(shown) // most)
    labels = plane_labels(table.estimate.shape[1])
    axes.set_xticks(shown[::every], labels=[labels[plane] for plane in shown[::every]])
    axes.set_xlim(shown[0] - 0.5, shown[-1] + 0.5)


def _add_legend(figure: Figure) -> None:
    """What is drawn in several panels is named once, in an order of its own."""
    found: dict[str, Any] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    names = [name for name in _NAMES if name in found]
    figure.legend(
        [found[name] for name in names],
        names,
        loc="outside lower center",
        ncols=len(names) if len(names) < 4 else 2,
        title=f"bars and band: ± {SHOWN_DEVIATIONS} standard deviations",
        title_fontsize=7,
    )
