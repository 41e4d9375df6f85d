"""How near prepared estimators come, over the signal-to-noise ratio."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..study import Accuracy
from .intervals import INTERVALS, interval_db
from .style import BLUE, GREY, MARKERS, SERIES, new_figure, styled

MARKS = f"markers: simulated; {INTERVALS}"
_ASIDE = 0.015


@styled
def accuracy_figure(accuracy: Accuracy) -> Figure:
    """Measured NMSE beside what the estimator states; bars are 95 % intervals of the mean."""
    figure = new_figure(3.0)
    axes = figure.add_subplot()
    draw_accuracy(axes, accuracy)
    figure.legend(
        loc="outside upper center", ncols=2, columnspacing=1.2, title=MARKS, title_fontsize=7
    )
    return figure


def draw_accuracy(axes: Axes, accuracy: Accuracy) -> None:
    """The same on axes of another figure, which adds the legend."""
    axes.axhline(
        10 * np.log10(accuracy.uncalibrated),
        color=GREY,
        linewidth=0.9,
        linestyle="--",
        label="uncalibrated",
    )
    bound_db = 10 * np.log10(accuracy.bound)
    if accuracy.stated is not None:
        stated_db = 10 * np.log10(accuracy.stated)
        axes.plot(accuracy.snr_db, stated_db, color=BLUE, label="stated by the map")
    axes.plot(accuracy.snr_db, bound_db, ":", color="black", label="best fit: bound")
    # Beside each other, so that intervals can be told apart.
    many = len(accuracy.measured)
    aside_db = (np.arange(many) - (many - 1) / 2) * _ASIDE * np.ptp(accuracy.snr_db)
    looks = zip(accuracy.measured.items(), aside_db, SERIES, MARKERS, strict=False)
    for (name, missed), aside, colour, marker in looks:
        mean_db, below_db, above_db = interval_db(missed)
        axes.errorbar(
            accuracy.snr_db + aside,
            mean_db,
            (below_db, above_db),
            fmt=marker,
            color=colour,
            markersize=4,
            markerfacecolor="white",
            capsize=2,
            linewidth=0.9,
            label=name,
            zorder=3,
        )
    axes.set_xlabel("SNR (dB)")
    axes.set_ylabel("NMSE of matrices between layers (dB)")
    axes.grid(visible=True)
    axes.set_axisbelow(True)
