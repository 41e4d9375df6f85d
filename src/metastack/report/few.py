"""Few directions against all: what pilots tell of each, and what so many of them leave."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..study import FewStudy
from .intervals import INTERVALS, interval_db
from .style import BLUE, GREEN, GREY, VERMILION, new_figure, styled

_MOST_SHARE = 1e3
# NMSEs beyond this are of fits that found nothing.
_MOST_ABOVE_PRIOR_DB = 12.0


@styled
def few_figure(study: FewStudy) -> Figure:
    """Variance left along every direction on the left; NMSE over their number on the right.

    Lines are bounds, markers simulated calibrations with 95 % intervals. Dotted lines are at the
    number of directions that was asked for: on the left, what is beyond is not looked for.
    """
    figure = new_figure(3.3, width_in=7.0)
    left, right = figure.subplots(1, 2)
    _draw_directions(left, study)
    _draw_nmse(right, study)
    left.axvline(study.few + 0.5, color=GREY, linewidth=0.8, linestyle=":")
    right.axvline(study.few, color=GREY, linewidth=0.8, linestyle=":", label="number asked for")
    for axes in (left, right):
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
    handles, labels = right.get_legend_handles_labels()
    of_left = left.get_legend_handles_labels()
    figure.legend(
        handles + of_left[0],
        labels + of_left[1],
        loc="outside upper center",
        ncols=4,
        columnspacing=1.2,
        title=INTERVALS,
        title_fontsize=7,
    )
    return figure


def _draw_directions(axes: Axes, study: FewStudy) -> None:
    number = np.arange(1, len(study.told) + 1)
    axes.axhline(1, color=GREY, linewidth=0.9, linestyle="--")
    left = 1 / study.told
    is_shown = left <= _MOST_SHARE
    beyond = number[~is_shown]
    axes.plot(number, np.minimum(left, _MOST_SHARE), "-.", color=GREEN, linewidth=0.8)
    axes.plot(number[is_shown], left[is_shown], "s", color=GREEN, markersize=3.5)
    if beyond.size:
        most = np.full(beyond.size, _MOST_SHARE)
        axes.plot(beyond, most, "^", color=GREEN, markersize=4.5, label="above the axis")
    axes.plot(number, 1 / (1 + study.told), "o-", color=BLUE, markersize=3.5, linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xlabel("direction, the most telling first")
    axes.set_ylabel("variance left, over that expected")


def _draw_nmse(axes: Axes, study: FewStudy) -> None:
    number = np.arange(1, len(study.told) + 1)
    prior_db, all_db = (10 * np.log10(each) for each in (study.prior, study.with_prior[-1]))
    axes.axhline(prior_db, color=GREY, linewidth=0.9, linestyle="--", label="uncalibrated")
    axes.plot(number, 10 * np.log10(study.with_prior), "-", color=BLUE, label="prior: bound")
    axes.plot(number, 10 * np.log10(study.no_prior), "-.", color=GREEN, label="no prior: bound")
    mean_db, below_db, above_db = interval_db(study.measured)
    places = np.array([study.few, study.few, len(study.told)]) + np.array([-0.12, 0.12, 0.0])
    looks = (
        (BLUE, "o", "few, prior"),
        (GREEN, "s", "few, no prior"),
        (VERMILION, "D", "all, prior"),
    )
    for column, (colour, marker, name) in enumerate(looks):
        axes.errorbar(
            places[column],
            mean_db[column],
            [[below_db[column]], [above_db[column]]],
            fmt=marker,
            color=colour,
            markersize=4.5,
            markerfacecolor="white",
            capsize=2,
            linewidth=0.9,
            label=f"{name}: simulated",
            zorder=3,
        )
    lowest = min(all_db, float((mean_db - below_db).min()))
    highest = max(prior_db, float((mean_db + above_db).max()))
    axes.set_ylim(lowest - 1, min(highest, prior_db + _MOST_ABOVE_PRIOR_DB) + 1)
    axes.set_xlabel("directions that are looked for")
    axes.set_ylabel("NMSE of matrices between layers (dB)")
