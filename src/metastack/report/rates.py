"""Rates over transmitted power, scheme by scheme."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from ..study.downlink_case import Scheme
from .style import GREY, MARKERS, SERIES, new_figure, styled


@styled
def rates_figure(schemes: Sequence[Scheme], powers_dbm: Sequence[float], label: str) -> Figure:
    """Means over channels with two standard errors, over power in dBm; bounds dashed."""
    figure = new_figure(3.2)
    axes = figure.add_subplot()
    colours = iter(zip(SERIES, MARKERS, strict=True))
    for scheme in schemes:
        if "bound" in scheme.name:
            axes.plot(powers_dbm, scheme.mean, "--", color=GREY, label=scheme.name, zorder=1)
            continue
        colour, marker = next(colours)
        axes.errorbar(
            powers_dbm,
            scheme.mean,
            2 * scheme.standard_error,
            color=colour,
            marker=marker,
            markersize=4,
            markerfacecolor="white",
            capsize=2,
            label=scheme.name,
        )
    axes.set_xlabel("transmitted power (dBm)")
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=1)
    return figure
