"""Errors of directions over SNR, for each number of patterns, beside their bounds."""

from collections.abc import Sequence
from itertools import cycle, groupby

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..study.pattern_directions import DirectionPoint
from .style import GREY, MARKERS, SERIES, new_figure, styled


@styled
def pattern_directions_figure(points: Sequence[DirectionPoint]) -> Figure:
    """Mean squares of ψ/π in dB with 95 % intervals; bounds dashed in the same colour."""
    figure = new_figure(3.2)
    axes = figure.add_subplot()
    groups = groupby(points, key=lambda point: point.slots)
    for (slots, group), colour, marker in zip(groups, cycle(SERIES), cycle(MARKERS)):
        members = list(group)
        snrs_db = [point.snr_db for point in members]
        value, low, high, bound = 10 * np.log10(
            [
                (each.error.value, each.error.low, each.error.high, each.bound)
                for each in members
            ]
        ).T  # fmt: skip
        axes.errorbar(
            snrs_db,
            value,
            [value - low, high - value],
            color=colour,
            marker=marker,
            markersize=4,
            markerfacecolor="white",
            capsize=2,
            label=f"{slots} patterns",
        )
        axes.plot(snrs_db, bound, "--", color=colour)
    axes.set_xlabel("SNR of the wave at an atom (dB)")
    axes.set_ylabel("mean squared error of ψ/π (dB)")
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    handles, _ = axes.get_legend_handles_labels()
    dashed = Line2D([], [], color=GREY, linestyle="--", label="Cramér-Rao bound")
    figure.legend(handles=[*handles, dashed], loc="outside lower center", ncols=2)
    return figure
