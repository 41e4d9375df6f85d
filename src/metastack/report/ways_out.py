"""What calibration wins back: the target and the directions, for every way of using a stack."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ..study import WayOut
from .style import BLUE, GREY, VERMILION, new_figure, styled

_FLOOR_DB = -150.0


@styled
def ways_out_figure(ways: Sequence[WayOut]) -> Figure:
    """Error of the target on the left, of directions with its interval on the right.

    `ways`: the stack as designed first, then every way of using the one that was built.
    """
    figure = new_figure(0.7 + 0.32 * len(ways), width_in=7.0)
    target, directions = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(ways))[::-1]
    colours = [GREY, VERMILION, *[BLUE] * (len(ways) - 2)][: len(ways)]
    errors_db = np.maximum([way.nmse_db for way in ways], _FLOOR_DB)
    target.barh(places, errors_db, color=colours, height=0.6)
    target.set_yticks(places, [way.name for way in ways])
    target.set_xlabel("error of the target, NMSE (dB)")
    mse_db = 10 * np.log10([[way.mse, way.low, way.high] for way in ways]).T
    directions.hlines(places, mse_db[1], mse_db[2], colors=colours, linewidth=2.4)
    directions.scatter(mse_db[0], places, c=colours, s=18, zorder=3)
    directions.axvline(mse_db[0, 0], color=GREY, linewidth=0.8, linestyle="--")
    directions.set_xlabel("mean squared error of ψ/π (dB), with interval")
    for axes in (target, directions):
        axes.grid(axis="x")
        axes.set_axisbelow(True)
    return figure
