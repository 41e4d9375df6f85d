"""Strategies of calibration side by side: how near each comes to the truth, how long it takes."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ..study import Comparison
from .style import BLUE, GREEN, VERMILION, new_figure, styled


@styled
def strategies_figure(comparison: Comparison) -> Figure:
    """Errors of every stack, and their mean, on the left; time for one stack on the right."""
    rows = [comparison.nominal, *comparison.strategies]
    figure = new_figure(0.9 + 0.42 * len(rows), width_in=7.0)
    errors, times = figure.subplots(1, 2, sharey=True, width_ratios=[2, 1])
    places = np.arange(len(rows))[::-1]
    for place, row in zip(places, rows, strict=True):
        _dots(errors, row.held_out, place + 0.14, BLUE, "o")
        _dots(errors, row.raw, place - 0.14, GREEN, "^")
    errors.plot([], [], "o", color=BLUE, markersize=4, label="responses held out")
    errors.plot([], [], "^", color=GREEN, markersize=4, label="matrices between layers")
    errors.set_yticks(places, [row.name for row in rows])
    errors.set_xlabel("NMSE (dB): every stack, mean as a bar")
    seconds = [row.seconds for row in comparison.strategies]
    times.plot(seconds, places[1:], "D", color=VERMILION, markersize=5)
    times.set_xscale("log")
    # Whole decades: small differences look small, and two numbers at least tell the scale.
    low, high = np.log10(min(seconds) / 1.2), np.log10(max(seconds) * 1.2)
    times.set_xlim(10.0 ** np.floor(low), 10.0 ** np.ceil(high))
    # Decades, and where these are far apart the ones between have no room for labels.
    times.xaxis.set_major_locator(LogLocator(numticks=4))
    times.xaxis.set_minor_formatter(NullFormatter())
    times.set_xlabel("time of one stack (s)")
    for axes in (errors, times):
        axes.grid(axis="x")
        axes.set_axisbelow(True)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def _dots(
    axes: Axes, linear: Float[np.ndarray, " stacks"], place: float, colour: str, marker: str
) -> None:
    values_db = 10 * np.log10(linear)
    axes.plot(
        values_db, np.full(len(linear), place), marker, color=colour, alpha=0.5, markersize=2.5
    )
    axes.plot([10 * np.log10(linear.mean())] * 2, [place - 0.11, place + 0.11], color=colour)
