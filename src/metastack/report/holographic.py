"""Capacity of a holographic link over the layers of its transmitter, with losses and without."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..study.holographic import LinkDesign
from .style import GREY, MARKERS, SERIES, new_figure, styled


@styled
def holographic_figure(
    layers: Sequence[int], designs: Sequence[Sequence[LinkDesign]], bound: float
) -> Figure:
    """Means over channels: capacity as the paper counts it, what goes through, and the loss."""
    figure = new_figure(2.9, width_in=7.0)
    panels: list[Axes] = list(figure.subplots(1, 3))
    panels[0].axhline(bound, color=GREY, linestyle="--", label="bound of lossless stacks")
    for index, colour, marker in zip(range(len(designs[0])), SERIES, MARKERS, strict=False):
        column = [row[index] for row in designs]
        curves = (
            [each.capacity.mean() for each in column],
            [each.rate.mean() for each in column],
            [np.median(each.loss_db) for each in column],
        )
        for axes, values in zip(panels, curves, strict=True):
            axes.plot(
                layers,
                values,
                color=colour,
                marker=marker,
                markersize=4,
                markerfacecolor="white",
                label=column[0].name,
            )
    for axes, label in zip(
        panels,
        (
            "capacity, losses compensated (bit/s/Hz)",
            "rate with all losses (bit/s/Hz)",
            "loss of both stacks (dB)",
        ),
        strict=True,
    ):
        axes.set_xlabel("layers of the transmitter")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(visible=True)
        axes.set_axisbelow(True)
    panels[1].set_yscale("log")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure
