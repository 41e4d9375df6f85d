"""How the error of channel estimates falls with SNR and slots, beside the bounds."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.typing import LineStyleType

from ..study.channel_estimates import EstimatePoint
from .intervals import INTERVALS
from .style import COLUMN_WIDTH_IN, MARKERS, SERIES, new_figure, styled

_NAMES = {"ls": "least squares", "subspace": "subspace", "lmmse": "LMMSE"}
_MOST_TICKS = 8
_DASHES: dict[str, LineStyleType] = {"ls": ":", "subspace": "--", "lmmse": "-"}


@styled
def channel_estimates_figure(points: Sequence[EstimatePoint]) -> Figure:
    """Simulated NMSE as markers, bounds as lines: over SNR, and over slots where there are several.

    Over SNR with most slots, over slots at the highest SNR. A colour for patterns and what is
    believed, a marker and a dash for the estimator.
    """
    most, highest = max(p.slots for p in points), max(p.snr_db for p in points)
    panels: list[tuple[str, Callable[[EstimatePoint], float], list[EstimatePoint]]] = []
    if len({p.snr_db for p in points}) > 1 or len({p.slots for p in points}) == 1:
        with_most = [p for p in points if p.slots == most]
        panels.append((f"SNR at an atom (dB), {most} slots", lambda p: p.snr_db, with_most))
    if len({p.slots for p in points}) > 1:
        at_highest = [p for p in points if p.snr_db == highest]
        panels.append((f"slots, SNR {highest:g} dB", lambda p: p.slots, at_highest))
    series = list(dict.fromkeys(map(_series, points)))
    estimators = list(dict.fromkeys(p.estimator for p in points))
    figure = new_figure(3.1, width_in=COLUMN_WIDTH_IN * len(panels))
    all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (label, place, shown) in zip(all_axes, panels, strict=True):
        for colour, name in zip(SERIES, series, strict=False):
            for marker, estimator in zip(MARKERS, estimators, strict=False):
                curve = [p for p in shown if (_series(p), p.estimator) == (name, estimator)]
                _draw(axes, sorted(curve, key=place), place, colour, marker)
        axes.set_xlabel(label)
        places = sorted({place(point) for point in shown})
        if len(places) <= _MOST_TICKS:
            axes.set_xticks(places)
        axes.grid(visible=True)
        axes.set_axisbelow(True)
    all_axes[0].set_ylabel("NMSE of the channel (dB)")
    _explain(figure, series, estimators)
    return figure


def _series(point: EstimatePoint) -> tuple[str, str]:
    return point.patterns, point.believed


def _draw(
    axes: Axes,
    curve: Sequence[EstimatePoint],
    place: Callable[[EstimatePoint], float],
    colour: str,
    marker: str,
) -> None:
    if not curve:
        return
    where = np.array([place(p) for p in curve], float)
    bound = np.array([10 * np.log10(p.bound) for p in curve])
    means = [p.judged.nmse for p in curve]
    nmse = np.array([mean.db for mean in means])
    reach = [nmse - [mean.low_db for mean in means], [mean.high_db for mean in means] - nmse]
    axes.plot(where, bound, linestyle=_DASHES[curve[0].estimator], color=colour, linewidth=0.9)
    axes.errorbar(
        where,
        nmse,
        reach,
        fmt=marker,
        color=colour,
        markersize=4,
        markerfacecolor="white",
        markeredgewidth=0.8,
        elinewidth=0.8,
        zorder=3,
    )


def _explain(figure: Figure, series: Sequence[tuple[str, str]], estimators: Sequence[str]) -> None:
    """Colours in the first rows, markers with dashes in the last."""
    several = len({believed for _, believed in series}) > 1
    colours = [
        Line2D([], [], color=colour, linewidth=3, label=f"{patterns}, believed {believed}")
        if several
        else Line2D([], [], color=colour, linewidth=3, label=f"{patterns} patterns")
        for colour, (patterns, believed) in zip(SERIES, series, strict=False)
    ]
    looks = [
        Line2D(
            [],
            [],
            marker=marker,
            linestyle=_DASHES[name],
            label=_NAMES[name],
            color="black",
            markersize=4,
            markerfacecolor="white",
            linewidth=0.9,
        )
        for marker, name in zip(MARKERS, estimators, strict=False)
    ]
    columns = 3 if figure.get_figwidth() > COLUMN_WIDTH_IN else 2
    handles = [*_whole_rows(colours, columns), *_whole_rows(looks, columns)]
    figure.legend(
        # A legend fills column after column.
        handles=[each for column in range(columns) for each in handles[column::columns]],
        loc="outside upper center",
        ncols=columns,
        columnspacing=1.2,
        title=f"markers: simulated; lines: bounds; {INTERVALS}",
        title_fontsize=7,
    )


def _whole_rows(handles: list[Line2D], columns: int) -> list[Line2D]:
    return handles + [Line2D([], [], linestyle="none", label="")] * (-len(handles) % columns)
