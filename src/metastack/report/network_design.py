"""Phases of several models in one device: error against loss of all starts, and the responses."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..study.network_design import JudgedDesigns
from ..targets import best_scale
from .style import GREY, MARKERS, SERIES, new_figure, styled


@styled
def designers_figure(judged: Sequence[JudgedDesigns]) -> Figure:
    """NMSE against insertion loss, both by the whole device; entries of the responses chosen.

    Entries are at the best complex scale, each turned and scaled by the target's own, so that all
    of a perfect response are 1; entries of which the target is zero are left out.
    """
    figure = new_figure(2.7, width_in=7.0)
    errors, entries = figure.subplots(1, 2, width_ratios=(1.25, 1))
    for number, each in enumerate(judged):
        _draw_starts(errors, each, number)
        _draw_entries(entries, each, number)
    errors.set_xlabel("insertion loss (dB)")
    errors.set_ylabel("NMSE (dB)")
    entries.plot(1, 0, "+", color="black", markersize=9, zorder=3)
    entries.set_xlabel("real part of entries over target")
    entries.set_ylabel("imaginary part")
    entries.set_aspect("equal", adjustable="datalim")
    for axes in (errors, entries):
        axes.grid(visible=True)
        axes.set_axisbelow(True)
    figure.legend(
        *errors.get_legend_handles_labels(),
        loc="outside upper center",
        ncols=len(judged),
        title="designed by (filled: what it takes for its best), all judged by the whole network",
        title_fontsize=8,
    )
    return figure


def _draw_starts(axes: Axes, judged: JudgedDesigns, number: int) -> None:
    """Every start; the one that the model takes for its best is filled."""
    look: dict[str, Any] = {"color": SERIES[number], "marker": MARKERS[number], "linestyle": "none"}
    loss, error = judged.insertion_loss_db, judged.nmse_db
    axes.plot(loss, error, markerfacecolor="white", markersize=4.5, **look)
    best = slice(judged.best, judged.best + 1)
    axes.plot(loss[best], error[best], markersize=6, label=judged.model, **look)


def _draw_entries(axes: Axes, judged: JudgedDesigns, number: int) -> None:
    target = judged.designs[0].target
    response = judged.responses[judged.best]
    is_wanted = np.abs(target) > 1e-6 * np.abs(target).max()
    shown = (np.asarray(best_scale(response, target)) * response)[is_wanted] / target[is_wanted]
    axes.axhline(0, color=GREY, linewidth=0.4)
    axes.plot(
        shown.real,
        shown.imag,
        color=SERIES[number],
        marker=MARKERS[number],
        markersize=4,
        linestyle="none",
    )
