"""The house style: one look for every figure.

Figures are 3.5 inches wide, one column of a two-column journal, with 8-point text, so that they
print at their own size. Magnitudes are drawn in viridis, phases in the cyclic twilight, series in
the colours of Okabe and Ito, which colour-blind readers can tell apart. The fonts are those that
matplotlib brings along: a figure is the same on every machine.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator
from matplotlib.typing import RcKeyType

_P = ParamSpec("_P")

COLUMN_WIDTH_IN = 3.5
MAGNITUDE_MAP = "viridis"
PHASE_MAP = "twilight"
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
)
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
GREY = "#8A8A8A"
# In the order of the colours, so that series can be told apart in grey.
MARKERS = ("o", "s", "^", "D", "v", "P")

_STYLE: dict[RcKeyType, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "figure.labelsize": 8,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "figure.dpi": 150,
    "figure.facecolor": "white",
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.linewidth": 0.4,
    "grid.color": "#D8D8D8",
    "lines.linewidth": 1.2,
    "image.interpolation": "nearest",
}


def styled(draw: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """Let `draw` make its figure in the house style, and leave matplotlib's settings alone."""

    @wraps(draw)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with rc_context(_STYLE):
            return draw(*args, **kwargs)

    return wrapped


def new_figure(height_in: float, width_in: float = COLUMN_WIDTH_IN) -> Figure:
    """An empty figure, one column wide unless told otherwise, that arranges its own panels."""
    return Figure(figsize=(width_in, height_in), layout="constrained")


def add_phase_bar(figure: FigureBase, axes: list[Axes], **where: Any) -> Colorbar:
    """One colour bar from 0 to 2π for panels drawn with `phase_scale`."""
    mappable = ScalarMappable(phase_scale(), PHASE_MAP)
    bar = figure.colorbar(mappable, ax=axes, **where)
    bar.set_ticks([0, np.pi, 2 * np.pi], labels=["0", "π", "2π"])
    bar.set_label("phase (rad)")
    return bar


def phase_scale() -> Normalize:
    """Colours of phases: one turn."""
    return Normalize(0, 2 * np.pi)


def index_ticks(axes: Axes, most: int = 5) -> None:
    """Whole numbers on both axes, for panels that count elements."""
    axes.xaxis.set_major_locator(MaxNLocator(most, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(most, integer=True, min_n_ticks=1))
