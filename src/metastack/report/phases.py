"""The phases of every layer as small maps: what has to be programmed."""

from math import ceil

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..design.solution import Design
from .style import (
    COLUMN_WIDTH_IN,
    PHASE_MAP,
    add_phase_bar,
    new_figure,
    phase_scale,
    styled,
)

_MOST_ACROSS = 5


@styled
def phase_maps(design: Design) -> Figure:
    """The phases of each layer, seen from the receivers: x to the right, y up.

    Columns and rows count from 0, layers from 1; all layers share one cyclic scale.
    """
    layers, array = design.stack.layers, design.stack.layer_array
    across = panels_across(layers)
    down = ceil(layers / across)
    panel_in = (COLUMN_WIDTH_IN - 0.35) / across - 0.06
    figure = new_figure(down * (panel_in * array.rows / array.columns + 0.24) + 0.85)
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for layer, axes in enumerate(panels.flat):
        if layer < layers:
            _draw_layer(axes, layer, design)
            axes.tick_params(labelbottom=layer + across >= layers)
        else:
            axes.set_visible(False)
    figure.supxlabel("column $n_x$")
    figure.supylabel("row $n_y$")
    add_phase_bar(figure, list(panels.flat), location="top", aspect=30, shrink=0.7)
    return figure


def panels_across(layers: int) -> int:
    """As many panels a row as fit, the last row as full as it can be."""
    down = ceil(layers / _MOST_ACROSS)
    return ceil(layers / down)


def _draw_layer(axes: Axes, layer: int, design: Design) -> None:
    array = design.stack.layer_array
    axes.imshow(grid_of(design, layer), origin="lower", cmap=PHASE_MAP, norm=phase_scale())
    axes.set_title(f"layer {layer + 1}", pad=2)
    axes.tick_params(length=2, pad=1.5)
    axes.set_xticks(sorted({0, array.columns - 1}))
    axes.set_yticks(sorted({0, array.rows - 1}))


def grid_of(design: Design, layer: int) -> Float[np.ndarray, "rows columns"]:
    """Phases of one layer (from 0) between 0 and 2π as a grid [n_y, n_x], row 0 lowest."""
    array = design.stack.layer_array
    return np.mod(design.phases_rad[layer], 2 * np.pi).reshape(array.rows, array.columns)
