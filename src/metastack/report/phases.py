"""The phases of every layer, and patterns of the input layer, as small maps: what to program."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..design.solution import Design
from ..doa.direction_design import DirectionDesign
from .style import (
    COLUMN_WIDTH_IN,
    PHASE_MAP,
    add_phase_bar,
    new_figure,
    phase_scale,
    styled,
)

_MOST_ACROSS, _MOST_PATTERNS_ACROSS = 5, 8
MOST_PATTERNS = 64


@styled
def phase_maps(design: Design | DirectionDesign) -> Figure:
    """The phases of each layer, seen from the receivers: x to the right, y up.

    Columns and rows count from 0, layers from 1; all layers share one cyclic scale.
    """
    layers = range(design.stack.layers)
    titles = [f"layer {layer + 1}" for layer in layers]
    grids = [grid_of(design, layer) for layer in layers]
    return _small_maps(grids, titles, panels_across(len(grids)))


@styled
def pattern_maps(design: DirectionDesign) -> Figure:
    """The phases that the input layer shows in each snapshot, seen from the receivers.

    Snapshots t count from 0; of more than 64, the first 64.
    """
    inputs = design.stack.input_array
    patterns = np.mod(design.input_phases_rad[:MOST_PATTERNS], 2 * np.pi)
    grids = [pattern.reshape(inputs.rows, inputs.columns) for pattern in patterns]
    most = _MOST_ACROSS if len(grids) <= _MOST_ACROSS**2 else _MOST_PATTERNS_ACROSS
    titles = [f"$t = {snapshot}$" for snapshot in range(len(grids))]
    return _small_maps(grids, titles, panels_across(len(grids), most))


def panels_across(panels: int, most: int = _MOST_ACROSS) -> int:
    """As many panels a row as fit, the last row as full as it can be."""
    down = ceil(panels / most)
    return ceil(panels / down)


def grid_of(design: Design | DirectionDesign, layer: int) -> Float[np.ndarray, "rows columns"]:
    """Phases of one layer (from 0) between 0 and 2π as a grid [n_y, n_x], row 0 lowest."""
    array = design.stack.layer_array
    return np.mod(design.phases_rad[layer], 2 * np.pi).reshape(array.rows, array.columns)


def _small_maps(
    grids: Sequence[Float[np.ndarray, "rows columns"]], titles: Sequence[str], across: int
) -> Figure:
    """Grids of one size beside and below each other, with one cyclic scale."""
    down = ceil(len(grids) / across)
    rows, columns = grids[0].shape
    panel_in = (COLUMN_WIDTH_IN - 0.35) / across - 0.06
    figure = new_figure(down * (panel_in * rows / columns + 0.24) + 0.85)
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for index, axes in enumerate(panels.flat):
        if index < len(grids):
            _draw_grid(axes, grids[index], titles[index])
            axes.tick_params(labelbottom=index + across >= len(grids))
        else:
            axes.set_visible(False)
    figure.supxlabel("column $n_x$")
    figure.supylabel("row $n_y$")
    add_phase_bar(figure, list(panels.flat), location="top", aspect=30, shrink=0.7)
    return figure


def _draw_grid(axes: Axes, grid: Float[np.ndarray, "rows columns"], title: str) -> None:
    rows, columns = grid.shape
    axes.imshow(grid, origin="lower", cmap=PHASE_MAP, norm=phase_scale())
    axes.set_title(title, pad=2)
    axes.tick_params(length=2, pad=1.5)
    axes.set_xticks(sorted({0, columns - 1}))
    axes.set_yticks(sorted({0, rows - 1}))
