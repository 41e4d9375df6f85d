"""What errors cost and calibration wins back, over the tolerance that layers are placed to."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..study.cost import Interval, means, shares
from .style import BLUE, GREEN, GREY, VERMILION, new_figure, styled

_GOAL_PERCENT = 95.0
# Curves next to each other are told apart by where their markers stand, in shares of the axis.
_ASIDE = 0.006


@styled
def cost_figure(data: xr.Dataset) -> Figure:
    """The figure of merit in every way, and the share of the loss that is won back below it.

    `data`: as `CostStudy.gathered` gives it. Bars are 95 % intervals over drawn stacks.
    """
    figure = new_figure(4.4)
    merit, share = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    percent = 100 * data.tolerance.values
    merit.plot(
        percent, data.perfect.mean("draw"), "--", color=GREY, label="perfect stack", zorder=1
    )
    _draw(merit, percent, means(data, "built"), "s", VERMILION, "built, as designed", 0)
    _draw(merit, percent, means(data, "known"), "^", GREEN, "redesigned, errors known", 1)
    _draw(merit, percent, means(data, "calibrated"), "o", BLUE, "calibrated and redesigned", -1)
    merit.set_ylabel(f"{data.attrs['merit']} ({data.attrs['unit']})")
    for way, marker, colour, aside in (("known", "^", GREEN, 1), ("calibrated", "o", BLUE, -1)):
        found = [
            (at, 100 * np.array([each.value, each.low, each.high]))
            for at, each in zip(percent, shares(data, way), strict=True)
            if each is not None
        ]
        places = np.array([at for at, _ in found])
        _draw(share, places, [Interval(*each) for _, each in found], marker, colour, "", aside)
    share.axhline(_GOAL_PERCENT, color=GREY, linestyle=":", label=f"{_GOAL_PERCENT:g} % won back")
    share.set_ylabel("loss won back (%)")
    share.set_xlabel("tolerance of every layer's place (% of λ)")
    share.set_ylim(*_around_hundred(share))
    for axes in (merit, share):
        axes.grid(visible=True)
        axes.set_axisbelow(True)
    figure.align_ylabels()
    entries = [axes.get_legend_handles_labels() for axes in (merit, share)]
    handles, labels = (
        [each for found in part for each in found] for part in zip(*entries, strict=True)
    )
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _draw(
    axes: Axes,
    percent: np.ndarray,
    values: list[Interval],
    marker: str,
    colour: str,
    label: str,
    aside: int,
) -> None:
    if not values:
        return
    middle = np.array([each.value for each in values])
    low = middle - [each.low for each in values]
    high = [each.high for each in values] - middle
    axes.errorbar(
        percent + aside * _ASIDE * max(percent.max(), 1e-9),
        middle,
        # Rounding may put a mean a hair outside what was drawn around it.
        np.maximum([low, high], 0),
        color=colour,
        marker=marker,
        markersize=3.5,
        markerfacecolor="white",
        capsize=2,
        label=label,
    )


def _around_hundred(axes: Axes) -> tuple[float, float]:
    """Limits that show the goal and all, whatever the values are."""
    low, high = axes.get_ylim()
    return min(low, 80.0), max(high, 105.0)
