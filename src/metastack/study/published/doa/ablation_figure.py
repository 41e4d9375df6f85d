"""Published errors of the stacks against ours: the picture of Tables I and II."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from ....report.style import GREY, MAGNITUDE_MAP, VERMILION, new_figure, styled
from .ablation_verdicts import RoundOfCells, rounds_of

_WIDTH_IN = 7.16


@styled
def draw(data: xr.Dataset) -> Figure:
    """One panel a round: a point a stack, the range over our starts, the published best marked."""
    figure = new_figure(2.8, _WIDTH_IN)
    rounds = rounds_of(data)
    panels = np.atleast_1d(figure.subplots(1, len(rounds)))
    points = [_panel(axes, found) for axes, found in zip(panels, rounds, strict=True)]
    panels[0].set_ylabel("our NMSE, mean over starts (dB)")
    bar = figure.colorbar(points[0], ax=list(panels), pad=0.01)
    bar.set_label(f"share of starts below {data.attrs['success_db']} dB")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _panel(axes: Axes, found: RoundOfCells) -> PathCollection:
    mean, low, high = (f(found.nmse_db, axis=1) for f in (np.mean, np.min, np.max))
    shown = found.published_db
    ends = [min(shown.min(), low.min()), 0]
    axes.plot(ends, ends, color=GREY, linewidth=0.8, label="equal")
    axes.vlines(shown, low, high, color=GREY, linewidth=0.5, alpha=0.6, label="range over starts")
    points = axes.scatter(
        shown, mean, s=11, c=found.success, cmap=MAGNITUDE_MAP, vmin=0, vmax=1, zorder=3
    )
    best = found.published_best
    axes.plot(
        shown[best], mean[best], "o", ms=9, mfc="none", mec=VERMILION, label="best as published"
    )
    axes.set_title(f"round {found.number}: {len(shown)} stacks")
    axes.set_xlabel("published NMSE (dB)")
    axes.grid(visible=True)
    return points
