"""What a monitor saw of a stack in service: statistic, alarms, and how well the stack is known."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..calibration.schedule import Action, StreamReport
from ..errors import require
from .style import BLUE, GREY, VERMILION, new_figure, styled

_HEIGHT_IN, _WIDTH_IN = 3.6, 7.0


@styled
def monitor_figure(reports: Sequence[StreamReport]) -> Figure:
    """Statistic against threshold, and the expected NMSE of the matrices (dB), block by block.

    Lines are broken where blocks are missing. Two columns of a journal wide.

    Raises:
        InputError: no blocks.
    """
    require(len(reports) > 0, "`reports` must hold at least one block, but is empty.")
    figure = new_figure(_HEIGHT_IN, width_in=_WIDTH_IN)
    upper, lower = figure.subplots(2, 1, sharex=True)
    _draw_statistic(upper, reports)
    blocks, nmse = _broken(reports, [each.expected_nmse for each in reports])
    lower.plot(blocks, 10 * np.log10(nmse), color=BLUE, linewidth=0.9, marker=".", markersize=2)
    lower.set_ylabel("expected NMSE of the\nmatrices (dB)")
    lower.set_xlabel("coherence block")
    for axes in (upper, lower):
        axes.grid(axis="y")
    upper.legend(loc="upper left", ncols=3)
    return figure


def _draw_statistic(axes: Axes, reports: Sequence[StreamReport]) -> None:
    decisions = [each.decision for each in reports]
    statistics = [each.statistic for each in decisions]
    blocks, values = _broken(reports, statistics)
    axes.plot(
        blocks, values, color=BLUE, linewidth=0.9, marker=".", markersize=2, label="statistic"
    )
    thresholds = _broken(reports, [each.threshold for each in decisions])
    axes.plot(*thresholds, color=GREY, linewidth=0.9, linestyle="--", label="threshold")
    alarms = [each for each in decisions if each.action is Action.ALARM]
    axes.scatter(
        [each.block for each in alarms],
        [each.statistic for each in alarms],
        marker="v",
        s=20,
        color=VERMILION,
        label=f"alarm ({len(alarms)})",
        zorder=3,
    )
    axes.set_ylabel("statistic (deviations)")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.25 * (high - low))


def _broken(
    reports: Sequence[StreamReport], values: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Blocks and values, with a hole before each block that others are missing before."""
    after_gap = np.flatnonzero([each.missed > 0 for each in reports])
    blocks = np.array([each.decision.block for each in reports], float)
    return np.insert(blocks, after_gap, np.nan), np.insert(np.asarray(values), after_gap, np.nan)
