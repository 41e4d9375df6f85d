"""What a sweep found: each result over each axis; the front of a search."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..study.sweeps import Objective, pareto_front, shown_results
from .style import BLUE, GREY, SKY, VERMILION, new_figure, styled

_MOST_RESULTS, _MOST_AXES = 4, 4
_PANEL_IN = (1.75, 1.45)


@styled
def sweep_figure(data: xr.Dataset) -> Figure:
    """A row of panels for each result, a panel for each axis but the seed.

    The line is the median over everything else, the bands hold half and all of the points. Where
    no result is one number a point, whole tables are drawn so.
    """
    results = (shown_results(data) or list(map(str, data.data_vars)))[:_MOST_RESULTS]
    axes = [str(name) for name in data[results[0]].dims if name in data.coords and name != "seed"]
    axes = axes[:_MOST_AXES] or ["seed"]
    width, height = _PANEL_IN[0] * len(axes), _PANEL_IN[1] * len(results)
    figure = new_figure(height + 0.5, max(3.5, width))
    panels = figure.subplots(len(results), len(axes), squeeze=False, sharey="row", sharex="col")
    for result, row in zip(results, panels, strict=True):
        for axis, panel in zip(axes, row, strict=True):
            _draw_effect(panel, data[result], axis)
        row[0].set_ylabel(_label(data[result]))
    for axis, panel in zip(axes, panels[-1], strict=True):
        panel.set_xlabel(_axis_label(data, axis))
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _draw_effect(panel: Axes, result: xr.DataArray, axis: str) -> None:
    rows = result.transpose(axis, ...).values.reshape(result.sizes[axis], -1).astype(float)
    labels = result[axis].values
    place = np.arange(len(labels)) if labels.dtype.kind in "US" else labels.astype(float)
    order = np.argsort(place, kind="stable")
    with np.errstate(all="ignore"):
        low, lower, middle, upper, high = np.nanquantile(rows, (0, 0.25, 0.5, 0.75, 1), axis=1)
    panel.fill_between(
        place[order], low[order], high[order], color=SKY, alpha=0.25, lw=0, label="all points"
    )
    panel.fill_between(
        place[order], lower[order], upper[order], color=SKY, alpha=0.6, lw=0, label="half of them"
    )
    panel.plot(place[order], middle[order], "o-", color=BLUE, markersize=3, label="median")
    if labels.dtype.kind in "US":
        panel.set_xticks(place, labels, rotation=30, ha="right")
    elif np.all(place == np.round(place)):
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    panel.grid(visible=True)


@styled
def search_figure(data: xr.Dataset, objectives: Sequence[Objective]) -> Figure:
    """Every trial by the objectives, the front of those that no other betters marked.

    With one objective the best so far is drawn over the trials; with more, each pair is a panel.
    """
    if len(objectives) == 1:
        return _best_so_far(data, objectives[0])
    values = np.stack([data[each.name].values for each in objectives], axis=1)
    front = pareto_front(values, [each.is_maximised for each in objectives])
    pairs = [(a, b) for b in range(len(objectives)) for a in range(b)]
    figure = new_figure(2.9, max(3.5, 2.4 * len(pairs)))
    panels = figure.subplots(1, len(pairs), squeeze=False)[0]
    for panel, (a, b) in zip(panels, pairs, strict=True):
        panel.plot(
            values[~front, a],
            values[~front, b],
            "o",
            color=GREY,
            markersize=2.5,
            label="other trials",
        )
        panel.plot(
            values[front, a],
            values[front, b],
            "D",
            color=VERMILION,
            markersize=4,
            label="no trial is better in everything",
        )
        panel.set_xlabel(_label(data[objectives[a].name]))
        panel.set_ylabel(_label(data[objectives[b].name]))
        panel.grid(visible=True)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _best_so_far(data: xr.Dataset, objective: Objective) -> Figure:
    values = data[objective.name].values
    best = (np.fmax if objective.is_maximised else np.fmin).accumulate(values)
    figure = new_figure(2.6)
    panel = figure.add_subplot()
    panel.plot(values, "o", color=GREY, markersize=2.5, label="trial")
    panel.step(np.arange(len(best)), best, where="post", color=BLUE, label="best so far")
    panel.set_xlabel("trial")
    panel.set_ylabel(_label(data[objective.name]))
    panel.grid(visible=True)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _label(result: xr.DataArray) -> str:
    return f"{_words(str(result.name))}{_unit(result)}"


def _axis_label(data: xr.Dataset, axis: str) -> str:
    return f"{_words(axis)}{_unit(data[axis])}"


_SYMBOLS = {"wavelength": "λ", "degree": "°"}
_ENDINGS = ("_db", "_deg", "_rad", "_wavelengths", "_hz", "_m")


def _words(name: str) -> str:
    ending = next((ending for ending in _ENDINGS if name.endswith(ending)), "")
    words = name.removesuffix(ending).removeprefix("stack.").replace("_", " ").replace(".", " ")
    return words.replace("nmse", "NMSE").replace("snr", "SNR")


def _unit(array: xr.DataArray) -> str:
    unit = array.attrs.get("units")
    return f" ({_SYMBOLS.get(unit, unit)})" if unit else ""
