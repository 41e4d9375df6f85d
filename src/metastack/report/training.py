"""How training went: the loss step by step, and what it was worth."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.stats import chi2

from ..calibration.strategies import Training
from ..study import Accuracy
from .accuracy import MARKS, draw_accuracy
from .style import BLUE, GREY, VERMILION, new_figure, styled


@styled
def training_figure(training: Training, accuracy: Accuracy) -> Figure:
    """Loss over training steps on the left; NMSE over the signal-to-noise ratio on the right.

    Both of stacks that were not trained on, beside the loss of every batch.
    """
    figure = new_figure(3.2, width_in=7.0)
    left, right = figure.subplots(1, 2)
    _draw_losses(left, training)
    draw_accuracy(right, accuracy)
    for axes, title in ((left, None), (right, MARKS)):
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(
            handles,
            labels,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=2,
            columnspacing=1.2,
            title=title,
            title_fontsize=7,
        )
    return figure


@styled
def tuning_figure(training: Training, responses: int, pilots: int) -> Figure:
    """What pilots and prior leave of answers, step by step, for so many responses in each pilots.

    The band is what they leave of the best estimates: χ² of two numbers a response, but for a gain.
    """
    figure = new_figure(2.6)
    axes = figure.add_subplot()
    freedom, numbers = 2 * pilots * (responses - 1), pilots * responses
    low, high = np.array(chi2.interval(0.95, freedom)) / numbers
    axes.axhspan(low, high, color=GREY, alpha=0.25, linewidth=0, label="best fit, 95 % of cases")
    axes.axhline(freedom / numbers, color="black", linewidth=0.9, linestyle=":", label="its mean")
    axes.plot(np.arange(len(training.loss)), training.loss, color=BLUE, label="measured pilots")
    _name_steps(axes)
    axes.set_ylabel("misfit and prior, a response")
    figure.legend(loc="outside upper center", ncols=3, columnspacing=1.2)
    return figure


def _draw_losses(axes: Axes, training: Training) -> None:
    batches_db, held_out_db = _decibels(training.loss), _decibels(training.held_out)
    steps = np.arange(len(batches_db))
    axes.plot(steps, batches_db, color=BLUE, linewidth=0.6, alpha=0.6, label="batch trained on")
    if len(held_out_db):
        axes.axhline(
            held_out_db[0],
            color=GREY,
            linewidth=0.9,
            linestyle="--",
            label="held out, before training",
        )
    axes.plot(
        training.held_out_steps,
        held_out_db,
        "s-",
        color=VERMILION,
        markersize=3.5,
        markerfacecolor="white",
        label="held out",
        zorder=3,
    )
    _name_steps(axes)
    axes.set_ylabel("loss: NMSE of all unrolled steps (dB)")


def _name_steps(axes: Axes) -> None:
    axes.set_xlabel("training steps")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(visible=True)
    axes.set_axisbelow(True)


def _decibels(loss: Float[np.ndarray, " times"]) -> Float[np.ndarray, " times"]:
    """Of a mean of natural logarithms."""
    return 10 / np.log(10) * loss
