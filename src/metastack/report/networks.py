"""A calibrated network against responses that it has not seen."""

from typing import Any

import numpy as np
from jaxtyping import Complex, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..calibration.networks import HeldOut, JudgedNetwork
from .residuals import to_db
from .style import BLUE, GREY, VERMILION, new_figure, styled

NETWORK_CAPTION = (
    "Held-out responses. Top left: real and imaginary parts predicted by the designed and by the "
    "calibrated network over those measured, in units of the root mean square. Top right: error of "
    "every configuration over the mean power, the worst first, with what the posterior and the "
    "noise lead to expect. Bottom left: how many responses have a larger error, in units of "
    "its deviation, than the abscissa, and how many would if errors were Gaussian of "
    "just these deviations. Bottom right: energy of the pilots that is not explained, step by step."
)
_LEAST_LEFT = 1e-3


@styled
def network_figure(judged: JudgedNetwork) -> Figure:
    """Predicted over measured, error by configuration, deviations against errors, steps."""
    figure = new_figure(5.4, width_in=7.0)
    (left, right), (lower_left, lower_right) = figure.subplots(2, 2)
    _draw_parts(left, judged.held_out)
    _draw_errors(right, judged.held_out)
    _draw_normalised(lower_left, judged.held_out)
    _draw_steps(lower_right, judged.found.left)
    for axes in (left, right, lower_left, lower_right):
        axes.grid()
        axes.set_axisbelow(True)
    return figure


def _draw_parts(axes: Axes, held_out: HeldOut) -> None:
    scale = float(np.sqrt(np.mean(np.abs(held_out.measured) ** 2)))
    measured = _parts(held_out.measured) / scale
    looks = (
        (held_out.designed, VERMILION, "s", "designed"),
        (held_out.predicted.response, BLUE, "o", "calibrated"),
    )
    for response, colour, marker, name in looks:
        parts = _parts(response) / scale
        axes.plot(
            measured,
            parts,
            marker,
            color=colour,
            label=name,
            markersize=2,
            markeredgewidth=0,
            rasterized=True,
        )
    most = float(np.abs(measured).max()) * 1.05
    axes.plot([-most, most], [-most, most], color=GREY, linewidth=0.6, zorder=0)
    axes.set_xlim(-most, most)
    axes.set_ylim(-most, most)
    axes.set_xlabel("measured, over rms")
    axes.set_ylabel("predicted, over rms")
    axes.legend(loc="upper left", markerscale=2)


def _draw_errors(axes: Axes, held_out: HeldOut) -> None:
    power = float(np.mean(np.abs(held_out.measured) ** 2))

    def by_configuration(squares: Float[np.ndarray, "slots receivers feeds"]) -> np.ndarray:
        return to_db(squares.mean(axis=(1, 2)) / power)

    designed = by_configuration(np.abs(held_out.designed - held_out.measured) ** 2)
    error = by_configuration(np.abs(held_out.error) ** 2)
    expected = by_configuration(held_out.expected_deviation**2)
    order = np.argsort(-error)
    number = np.arange(1, len(order) + 1)
    look: dict[str, Any] = {"linewidth": 0.6, "markersize": 3}
    axes.plot(number, designed[order], "s", color=VERMILION, label="designed", **look)
    axes.plot(number, error[order], "o", color=BLUE, label="calibrated", **look)
    axes.plot(number, expected[order], "_", color="black", label="calibrated: expected", **look)
    if held_out.noise_variance:
        noise_db = 10 * np.log10(held_out.noise_variance / power)
        if noise_db > error.min() - 20:
            axes.axhline(noise_db, color=GREY, linestyle="--", linewidth=0.8, label="noise")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
    axes.set_xlim(0.5, len(order) + 0.5)
    axes.set_xlabel("held-out configuration, the worst first")
    axes.set_ylabel("error over mean power (dB)")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.3 * (high - low))
    axes.legend(loc="upper left", ncols=2, columnspacing=1.2)


def _draw_normalised(axes: Axes, held_out: HeldOut) -> None:
    """Shares of errors above a number of deviations: e^{-x²} of circular Gaussian ones."""
    ratios = np.sort((np.abs(held_out.error) / held_out.expected_deviation).ravel())
    above = 1 - np.arange(len(ratios)) / len(ratios)
    most = max(3.0, float(ratios[-1]) * 1.05)
    wide = np.linspace(0, most, 200)
    axes.step(ratios, above, where="pre", color=BLUE, label="held out")
    axes.plot(wide, np.exp(-(wide**2)), "--", color=GREY, label="as deviations say")
    axes.set_yscale("log")
    axes.set_xlim(0, most)
    axes.set_ylim(max(_LEAST_LEFT, 0.5 / len(ratios)), 1.3)
    axes.set_xlabel("error over its deviation")
    axes.set_ylabel("share of responses above")
    axes.legend(loc="upper right")


def _draw_steps(axes: Axes, left: tuple[float, ...]) -> None:
    axes.plot(range(len(left)), to_db(np.array(left)), "o-", color=BLUE, markersize=3.5)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
    axes.set_xlabel("steps done")
    axes.set_ylabel("unexplained of the step's pilots (dB)")


def _parts(values: Complex[np.ndarray, "*shape"]) -> Float[np.ndarray, " parts"]:
    return np.concatenate([np.real(values).ravel(), np.imag(values).ravel()])
