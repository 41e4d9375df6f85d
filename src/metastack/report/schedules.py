"""How near schedules keep to a stack that moves: NMSE over blocks, jumps and alarms marked."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..calibration.schedule import ScheduleRun
from ..errors import require
from .style import GREY, SERIES, VERMILION, new_figure, styled

_PANEL_IN, _WIDTH_IN = 0.95, 7.0
# Alarms stand above the curves, in a strip of their own.
_ALARMS_AT, _ROOM = 0.9, 0.25


@styled
def schedule_figure(runs: Mapping[str, ScheduleRun]) -> Figure:
    """One panel a schedule, all of one drift: NMSE of the matrices between layers (dB).

    Its mean over all blocks stands above it. Two columns of a journal wide.

    Raises:
        InputError: no runs.
    """
    require(len(runs) > 0, "`runs` must hold at least one run, but is empty.")
    figure = new_figure(0.8 + _PANEL_IN * len(runs), width_in=_WIDTH_IN)
    panels = figure.subplots(len(runs), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, (name, run), colour in zip(panels, runs.items(), _colours(len(runs)), strict=True):
        _draw(axes, run, colour)
        axes.set_title(
            f"{name}: mean {run.mean_nmse_db:.1f} dB, {run.pilots_per_block:.2f} pilots a block",
            loc="left",
        )
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(low, high + _ROOM * (high - low))
    panels[-1].set_xlabel("coherence block")
    figure.supylabel("NMSE of the matrices between layers (dB)")
    figure.legend(handles=_marks(), loc="outside upper right", ncols=4)
    return figure


def _marks() -> list[Line2D]:
    """What stands for what, in every panel."""
    jump = Line2D([], [], color=GREY, linewidth=0.6, linestyle="--", label="jump")
    nominal = Line2D([], [], color=GREY, linewidth=0.8, label="never calibrated")
    alarms = (
        Line2D(
            [],
            [],
            linestyle="",
            marker="v",
            markersize=4,
            markeredgecolor=VERMILION,
            markerfacecolor=filling,
            label=label,
        )
        for filling, label in ((VERMILION, "alarm"), ("white", "false alarm"))
    )
    return [nominal, jump, *alarms]


def _draw(axes: Axes, run: ScheduleRun, colour: str) -> None:
    blocks = np.arange(len(run.nmse))
    for jump in np.flatnonzero(run.path.jumps):
        axes.axvline(float(jump), color=GREY, linewidth=0.6, linestyle="--")
    axes.plot(blocks, _db(run.uncalibrated_nmse), color=GREY, linewidth=0.8)
    axes.plot(blocks, _db(run.nmse), color=colour, linewidth=0.9)
    for flags, filling in ((run.alarms & ~run.is_false, VERMILION), (run.is_false, "white")):
        at = np.flatnonzero(flags)
        axes.scatter(
            at,
            np.full(len(at), _ALARMS_AT),
            transform=axes.get_xaxis_transform(),
            marker="v",
            s=16,
            color=filling,
            edgecolors=VERMILION,
            zorder=3,
        )
    axes.set_xlim(0, max(len(blocks) - 1, 1))
    axes.grid(axis="y")


def _db(values: Float[np.ndarray, " blocks"]) -> Float[np.ndarray, " blocks"]:
    return 10 * np.log10(values)


def _colours(many: int) -> list[str]:
    """Vermilion is for alarms."""
    others = [colour for colour in SERIES if colour != VERMILION]
    return [others[index % len(others)] for index in range(many)]
