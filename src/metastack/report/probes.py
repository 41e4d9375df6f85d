"""What probes between layers buy: bounds over how well they see, beside simulated calibrations."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..study import ProbesStudy
from .intervals import INTERVALS, interval_db
from .style import BLUE, GREY, VERMILION, new_figure, styled


@styled
def probes_figure(study: ProbesStudy) -> Figure:
    """Mean NMSE of the matrices between layers over the probes' SNR; bars are 95 % intervals.

    Lines are bounds, markers simulated calibrations. The dotted line is at the SNR of the probes
    that were used.
    """
    figure = new_figure(3.0)
    axes = figure.add_subplot()
    axes.axvline(study.snr_db, color=GREY, linewidth=0.8, linestyle=":", label="these probes")
    axes.axhline(
        10 * np.log10(study.prior), color=GREY, linewidth=0.9, linestyle="--", label="uncalibrated"
    )
    axes.axhline(
        10 * np.log10(study.without_bound),
        color=BLUE,
        linestyle="-.",
        label="pilots alone: bound",
    )
    axes.plot(
        study.bound_snr_db, 10 * np.log10(study.bound), color=VERMILION, label="with probes: bound"
    )
    # Beside the points with probes at the same SNR, so that intervals can be told apart.
    middle = study.measured_snr_db[len(study.measured_snr_db) // 2 :][:1] - 2.5
    _draw_measured(axes, middle, study.without[:, None], BLUE, "s", "pilots alone: simulated")
    _draw_measured(
        axes, study.measured_snr_db, study.measured, VERMILION, "o", "with probes: simulated"
    )
    axes.set_xlabel("SNR of the probes (dB)")
    axes.set_ylabel("NMSE of matrices between layers (dB)")
    axes.set_xlim(study.bound_snr_db[0], study.bound_snr_db[-1])
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    figure.legend(
        loc="outside upper center",
        ncols=2,
        columnspacing=1.2,
        title=INTERVALS,
        title_fontsize=7,
    )
    return figure


def _draw_measured(
    axes: Axes,
    snr_db: Float[np.ndarray, " points"],
    nmse: Float[np.ndarray, "stacks points"],
    colour: str,
    marker: str,
    label: str,
) -> None:
    mean_db, below_db, above_db = interval_db(nmse)
    axes.errorbar(
        snr_db,
        mean_db,
        (below_db, above_db),
        fmt=marker,
        color=colour,
        markersize=4,
        markerfacecolor="white",
        capsize=2,
        linewidth=0.9,
        label=label,
        zorder=3,
    )
