"""What a calibration leaves of the pilots, and whether it is noise.

If nothing is wrong, what is left of every response is complex Gaussian: its power follows the
exponential law, and the mean power of a slot a gamma law. Gains and unknowns have taken their share
of it, which is spread evenly over all responses.
"""

import textwrap
from dataclasses import dataclass
from math import log10
from typing import Any

import numpy as np
import scipy.stats
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..calibration.geometric import Calibration
from ..calibration.least_squares import Fit
from .style import BLUE, GREY, VERMILION, new_figure, styled

BAND = 0.99
_BAND_COLOUR = "#DEDEDE"
_LEAST_SHARE = 0.05
_BIN = 0.5
_SMALLEST = 1e-33
_TITLE_CHARACTERS = 52


@dataclass(frozen=True, eq=False)
class Residuals:
    """Powers of what is left, in units of what noise should leave: |r|² / E|r|².

    `share`: how much of each response's noise the fit has left, on average.
    """

    power: Float[np.ndarray, "slots responses"]
    share: float

    @classmethod
    def of(cls, fit: Fit) -> "Residuals":
        """Residuals of a fit; without noise, in units of their own mean."""
        share = max(1 - _fitted(fit) / fit.residual.size, _LEAST_SHARE)
        power = np.abs(fit.residual.reshape(len(fit.residual), -1)) ** 2
        expected = fit.noise_variance * share or float(power.mean())
        return cls(power / max(expected, np.finfo(float).tiny), share)

    @property
    def by_slot(self) -> Float[np.ndarray, " slots"]:
        """Mean power of every slot."""
        return self.power.mean(axis=1)

    @property
    def band(self) -> tuple[float, float]:
        """Between these lie the mean powers of 99 % of all slots if all is noise."""
        freedom = self.power.shape[1] * self.share
        low, high = scipy.stats.gamma.interval(BAND, freedom, scale=1 / freedom)
        return float(low), float(high)


def _fitted(fit: Fit) -> float:
    """Complex numbers that gains and unknowns have taken from the noise."""
    variance = np.diag(fit.covariance)
    told = np.isfinite(variance)
    by_prior = fit.precision[told] @ variance[told]
    return fit.gain.size + float(told.sum() - by_prior) / 2


@styled
def residual_figure(calibration: Calibration) -> Figure:
    """How often residuals are how large, against the law of noise, and how large in every slot.

    Grey is where 99 % of all bins and of all slots lie if what is left is noise. Slots outside
    are red: one in a hundred by chance, many or far ones where something went wrong.
    """
    residuals = Residuals.of(calibration.fit)
    figure = new_figure(3.9)
    above, below = figure.subplots(2, 1)
    _draw_histogram(above, residuals.power.ravel())
    above.set_xlabel(f"power of a residual / {_reference(calibration)}")
    above.set_ylabel("probability density")
    _draw_slots(below, residuals)
    below.set_xlabel("slot")
    below.set_ylabel(f"power of a slot\n/ {_reference(calibration)} (dB)")
    return figure


@styled
def fit_history(calibration: Calibration) -> Figure:
    """What was left of the pilots before the first and after every step, dB, and how it ended.

    Dashed is the noise, as known or as estimated. What ends above it is not noise.
    """
    fit = calibration.fit
    figure = new_figure(2.4)
    axes = figure.add_subplot()
    axes.plot(to_db(fit.history), "o-", color=BLUE, markersize=3, label="residual")
    if fit.noise_variance > 0:
        _draw_noise(axes, calibration)
    axes.set_xlabel("iteration")
    axes.set_ylabel("residual / pilots (dB)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axes.grid(visible=True)
    axes.set_title(textwrap.fill(fit.ending.value.rstrip("."), _TITLE_CHARACTERS))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _draw_noise(axes: Axes, calibration: Calibration) -> None:
    power = float(np.mean(np.abs(calibration.pilots.received) ** 2))
    noise_db = 10 * log10(calibration.fit.noise_variance / power)
    known = "known" if calibration.pilots.noise_variance is not None else "estimated"
    look: dict[str, Any] = {"color": GREY, "linewidth": 0.9, "linestyle": "--"}
    axes.axhline(noise_db, label=f"noise, {known}", **look)


def _reference(calibration: Calibration) -> str:
    """What the powers are counted in."""
    if calibration.fit.noise_variance == 0:
        return "mean"
    return "noise" if calibration.pilots.noise_variance is not None else "estimated noise"


def _draw_histogram(axes: Axes, power: Float[np.ndarray, " responses"]) -> None:
    """Counts as densities; the axis ends where less than one response is expected beyond."""
    edges = _BIN * np.arange(np.ceil((np.log(power.size) + 1) / _BIN) + 1)
    counts, _ = np.histogram(power, edges)
    chance = -np.diff(np.exp(-edges))
    low, high = scipy.stats.binom.interval(BAND, power.size, chance)
    scale = 1 / (_BIN * power.size)
    floor = scale / 3
    band = axes.stairs(high * scale, edges, baseline=np.maximum(low * scale, floor), fill=True)
    band.set(facecolor=_BAND_COLOUR, linewidth=0, label=f"{100 * BAND:g} % of bins")
    x = np.linspace(0, edges[-1], 200)
    axes.plot(x, np.exp(-x), color="black", linewidth=0.8, linestyle="--", label="noise")
    axes.stairs(np.maximum(counts * scale, floor), edges, color=BLUE, label="residuals")
    axes.set_yscale("log")
    axes.set(xlim=(0, edges[-1]), ylim=(floor, 3))
    beyond = int((power > edges[-1]).sum())
    axes.legend(loc="upper right")
    if beyond:
        axes.set_title(f"{beyond} of {power.size} responses beyond")


def _draw_slots(axes: Axes, residuals: Residuals) -> None:
    slots, power_db = np.arange(len(residuals.power)), to_db(residuals.by_slot)
    low_db, high_db = to_db(np.array(residuals.band))
    outside = (power_db < low_db) | (power_db > high_db)
    axes.axhspan(low_db, high_db, color=_BAND_COLOUR, linewidth=0, zorder=0)
    for chosen, colour, size in ((~outside, BLUE, 2), (outside, VERMILION, 3)):
        look: dict[str, Any] = {"color": colour, "markersize": size, "markeredgewidth": 0}
        axes.plot(slots[chosen], power_db[chosen], "o", rasterized=True, **look)
    chance = (1 - BAND) * len(slots)
    axes.set_title(f"{outside.sum()} of {len(slots)} slots outside, by chance {chance:.2g}")


def to_db(ratio: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """Ratios of powers in dB; what is nothing is as little as rounding leaves."""
    return 10 * np.log10(np.maximum(ratio, _SMALLEST))
