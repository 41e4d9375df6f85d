"""How deep to search a codebook: error of the answer over candidates tried."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..errors import require
from ..study import SearchDepth
from .intervals import INTERVALS, interval_db
from .style import GREY, MARKERS, SERIES, new_figure, styled


@styled
def search_depth_figure(depths: Sequence[SearchDepth], most_candidates: int) -> Figure:
    """One curve a signal-to-noise ratio, one marker a level; dashed what the best fit leaves.

    Between the first two markers are searches that end within the first level. Dotted is the
    number of candidates that the codebook allows, if a search would go beyond.

    Raises:
        InputError: no curves, or more than there are markers.
    """
    require(
        0 < len(depths) <= len(MARKERS),
        f"`depths` must be from 1 to {len(MARKERS)}, but are {len(depths)}.",
    )
    figure = new_figure(3.2)
    axes = figure.add_subplot()
    for depth, colour, marker in zip(depths, SERIES, MARKERS, strict=False):
        _draw_search(axes, depth, colour, marker)
    axes.plot([], [], "--", color=GREY, linewidth=0.9, label="best fit: bound")
    if max(depth.candidates[-1] for depth in depths) > most_candidates:
        axes.axvline(most_candidates, color=GREY, linewidth=0.9, linestyle=":", label="allowed")
    _number_levels(axes, depths[-1])
    axes.set_xlabel("candidates tried")
    axes.set_ylabel("NMSE of matrices between layers (dB)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.margins(y=0.08)
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    figure.legend(
        loc="outside upper center",
        ncols=2,
        columnspacing=1.2,
        title=f"a marker a level of the search; {INTERVALS}",
        title_fontsize=7,
    )
    return figure


def _draw_search(axes: Axes, depth: SearchDepth, colour: str, marker: str) -> None:
    axes.axhline(10 * np.log10(depth.bound), color=colour, linewidth=0.8, linestyle="--")
    mean_db, *around_db = interval_db(depth.missed)
    axes.plot(depth.candidates, mean_db, color=colour, linewidth=0.9)
    whole = depth.is_whole
    axes.errorbar(
        depth.candidates[whole],
        mean_db[whole],
        [side[whole] for side in around_db],
        fmt=marker,
        color=colour,
        markersize=4,
        markerfacecolor="white",
        capsize=2,
        linewidth=0.9,
        label=f"SNR {depth.snr_db:g} dB",
        zorder=3,
    )


def _number_levels(axes: Axes, depth: SearchDepth) -> None:
    """Below the markers of the deepest search, where nothing else is."""
    mean_db, below_db, _ = interval_db(depth.missed[:, depth.is_whole])
    places = zip(depth.candidates[depth.is_whole], mean_db - below_db, strict=True)
    for level, (candidates, low_db) in enumerate(places):
        axes.annotate(
            str(level),
            (candidates, low_db),
            xytext=(0, -3),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=6,
        )
