"""How likely every direction is, given what was measured, and how sure the estimate can be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from math import floor, log10, pi, remainder
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from .._types import Number
from ..errors import require
from .bound import bar_above, check_map, draw_map, in_order, label_psi_axes
from .style import VERMILION, new_figure, styled

FLOOR_NATS = -50.0
REGIONS = (0.997, 0.95, 0.683)
ELLIPSE_PROBABILITY = 0.95
_ELLIPSE_POINTS = 181
_MARKERS = "os^D"
_OUTLINE = (withStroke(linewidth=2.5, foreground="white"),)


@dataclass(frozen=True)
class Surface:
    """A log-likelihood in nats over electrical angles; `log_likelihood[iy, ix]`."""

    psi_x_rad: Float[np.ndarray, " x"]
    psi_y_rad: Float[np.ndarray, " y"]
    log_likelihood: Float[np.ndarray, "_y _x"]


@dataclass(frozen=True)
class MarkedEstimate:
    """An estimated direction, rad, and its covariance over (ψ_x, ψ_y), rad², where it is known.

    `likelihood_surface` gives several estimates different markers.
    """

    psi_x_rad: float
    psi_y_rad: float
    covariance_rad2: Float[np.ndarray, "_rows _columns"] | None = None
    label: str = "estimate"
    marker: str = "o"

    @property
    def psi(self) -> tuple[float, float]:
        """(ψ_x, ψ_y), rad."""
        return self.psi_x_rad, self.psi_y_rad

    def moved_to(self, psi: tuple[float, float]) -> "MarkedEstimate":
        """The same estimate somewhere else; (ψ_x, ψ_y) in rad."""
        return replace(self, psi_x_rad=psi[0], psi_y_rad=psi[1])


@dataclass(frozen=True)
class _View:
    """Where a panel counts angles from, rad, and the power of ten of π that it counts in."""

    centre: tuple[float, float] = (0.0, 0.0)
    exponent: int = 0

    def x(self, psi_x_rad: Float[Number, "*any"]) -> Float[np.ndarray, "*any"]:
        return np.asarray((psi_x_rad - self.centre[0]) / (pi * 10.0**self.exponent))

    def y(self, psi_y_rad: Float[Number, "*any"]) -> Float[np.ndarray, "*any"]:
        return np.asarray((psi_y_rad - self.centre[1]) / (pi * 10.0**self.exponent))

    def near(self, psi: tuple[float, float]) -> tuple[float, float]:
        """The same direction, electrical angles being periodic, where it is next to the centre."""
        (x, y), (centre_x, centre_y) = psi, self.centre
        return (
            centre_x + remainder(x - centre_x, 2 * pi),
            centre_y + remainder(y - centre_y, 2 * pi),
        )


@styled
def likelihood_surface(
    psi_x_rad: Float[np.ndarray, " x"],
    psi_y_rad: Float[np.ndarray, " y"],
    log_likelihood: Float[np.ndarray, "_y _x"],
    *,
    estimates: Sequence[MarkedEstimate] = (),
    true_psi: tuple[float, float] | None = None,
    zoom: Surface | None = None,
    floor_nats: float = FLOOR_NATS,
) -> Figure:
    """Log-likelihood over the electrical angles, and below it each estimate's neighbourhood.

    Values are in nats, `log_likelihood[iy, ix]` at (`psi_x_rad[ix]`, `psi_y_rad[iy]`), and are
    drawn relative to the largest of both surfaces, down to `floor_nats`. A lower panel appears for
    every estimate with a covariance; or one panel for a finer surface, `zoom`, around the first
    estimate. Its contours bound the regions that, with many measurements, hold the true
    direction with 68.3, 95 and 99.7 %: drops of 1.15, 3.0 and 5.8 nats for two parameters (Wilks).
    The ellipses hold 95 % for the estimates' covariances.

    Raises:
        InputError: a surface that does not fit its angles or has no finite maximum, a `zoom`
            without an estimate, a covariance that is not symmetric and positive definite, a floor
            that is not negative.
    """
    require(floor_nats < 0, f"`floor_nats` must be negative, but is {floor_nats}.")
    whole = Surface(psi_x_rad, psi_y_rad, log_likelihood)
    top = max(_top(surface) for surface in (whole, zoom) if surface is not None)
    markers = zip(estimates, cycle(_MARKERS), strict=False)
    estimates = [replace(estimate, marker=marker) for estimate, marker in markers]
    near = _neighbourhoods(estimates, zoom)
    figure = new_figure(3.6 + (2.5 if len(near) == 1 else 1.9) * -(-len(near) // 2))
    above, *below = _panels(figure, len(near))
    _draw_surface(figure, above, whole, top, floor_nats)
    _mark(above, estimates, true_psi, _View())
    for axes, shown in zip(below, near, strict=True):
        _draw_neighbourhood(axes, shown, true_psi, zoom, top)
    # What is drawn twice is named once.
    names: dict[str, Any] = {}
    for axes in (above, *below):
        handles, labels = axes.get_legend_handles_labels()
        names |= dict(zip(labels, handles, strict=True))
    if names:
        figure.legend(names.values(), names.keys(), loc="outside lower center", ncols=2)
    return figure


def _panels(figure: Figure, near: int) -> list[Axes]:
    """One panel above, and below it as many as asked for, two a row."""
    columns = 2 if near > 1 else 1
    rows = -(-near // columns)
    grid = figure.add_gridspec(1 + rows, columns, height_ratios=[(1 + columns) / 2] + [1] * rows)
    above = figure.add_subplot(grid[0, :])
    below = [figure.add_subplot(grid[1 + k // columns, k % columns]) for k in range(near)]
    return [above, *below]


def error_ellipse(
    covariance: Float[np.ndarray, "_rows _columns"], probability: float
) -> Float[np.ndarray, "points 2"]:
    """Outline of the ellipse about 0 that holds a Gaussian of two parameters with `probability`.

    Closed: the last point is the first. Its squared radius, in the metric of the covariance, is
    the quantile -2 ln(1 - p) of the χ² distribution with two degrees of freedom.

    Raises:
        InputError: a probability not between 0 and 1, a covariance that is not symmetric and
            positive definite.
    """
    require(0 < probability < 1, f"`probability` must lie between 0 and 1, but is {probability}.")
    require(
        _is_covariance(covariance),
        "`covariance` must be 2x2, symmetric and positive definite, "
        f"but is {np.asarray(covariance).tolist()}.",
    )
    turn = np.linspace(0, 2 * pi, _ELLIPSE_POINTS)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    return np.sqrt(2 * drop_nats(probability)) * circle @ np.linalg.cholesky(covariance).T


def drop_nats(probability: float) -> float:
    """How far the log-likelihood of two parameters falls to the edge of a region, nats."""
    return float(-np.log1p(-probability))


def _is_covariance(covariance: Float[np.ndarray, "_rows _columns"]) -> bool:
    return bool(
        covariance.shape == (2, 2)
        and np.isfinite(covariance).all()
        and np.allclose(covariance, covariance.T, rtol=0, atol=1e-9 * np.abs(covariance).max())
        and np.linalg.eigvalsh(covariance).min() > 0
    )


def _top(surface: Surface) -> float:
    check_map("log_likelihood", surface.log_likelihood, surface.psi_x_rad, surface.psi_y_rad)
    top = float(np.max(surface.log_likelihood))
    require(np.isfinite(top), f"`log_likelihood` must have a finite maximum, but has {top}.")
    return top


def _neighbourhoods(
    estimates: Sequence[MarkedEstimate], zoom: Surface | None
) -> list[list[MarkedEstimate]]:
    """What each lower panel shows, first what it is centred on."""
    if zoom is None:
        return [[estimate] for estimate in estimates if estimate.covariance_rad2 is not None]
    require(
        len(estimates) > 0,
        "`estimates` must hold the estimate that `zoom` surrounds, but is empty.",
    )
    shape = zoom.log_likelihood.shape
    require(
        min(shape) > 1,
        f"`zoom` must have two or more angles in each direction, but has shape {shape}.",
    )
    return [list(estimates)]


def _draw_surface(
    figure: Figure, axes: Axes, surface: Surface, top: float, floor_nats: float
) -> None:
    """Impossible directions, at -inf, are as dark as unlikely ones."""
    mesh = draw_map(
        axes,
        surface.psi_x_rad / pi,
        surface.psi_y_rad / pi,
        np.maximum(surface.log_likelihood - top, floor_nats),
        vmin=floor_nats,
        vmax=0,
    )
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    label_psi_axes(axes)
    bar_above(figure, [axes], mesh, "log-likelihood, maximum at 0 (nats)", extend="min")


def _draw_neighbourhood(
    axes: Axes,
    estimates: Sequence[MarkedEstimate],
    true_psi: tuple[float, float] | None,
    zoom: Surface | None,
    top: float,
) -> None:
    view = _view_around(estimates[0], zoom)
    estimates = [estimate.moved_to(view.near(estimate.psi)) for estimate in estimates]
    if zoom is not None:
        _draw_regions(axes, zoom, top, view)
    for estimate in estimates:
        _draw_ellipse(axes, estimate, view)
    if zoom is None:
        axes.margins(0.3)
        axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    _mark(axes, estimates, None if true_psi is None else view.near(true_psi), view)
    _label_neighbourhood(axes, view)


def _label_neighbourhood(axes: Axes, view: _View) -> None:
    unit = f" ($10^{{{view.exponent}}}$)" if view.exponent else ""
    axes.set_xlabel(rf"$(ψ_x - \hat{{ψ}}_x)/π${unit}")
    axes.set_ylabel(rf"$(ψ_y - \hat{{ψ}}_y)/π${unit}")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_box_aspect(1)
    axes.grid(visible=True)


def _view_around(estimate: MarkedEstimate, zoom: Surface | None) -> _View:
    """Centred on the estimate, in the power of ten that leaves one digit before the point."""
    exponent = floor(log10(_reach_rad(estimate, zoom) / pi))
    return _View(estimate.psi, exponent if exponent < -1 else 0)


def _reach_rad(estimate: MarkedEstimate, zoom: Surface | None) -> float:
    """How far from the estimate there is something to see."""
    if zoom is not None:
        x, y = zoom.psi_x_rad - estimate.psi_x_rad, zoom.psi_y_rad - estimate.psi_y_rad
        return float(max(np.abs(x).max(), np.abs(y).max()))
    if estimate.covariance_rad2 is not None:
        return float(np.abs(error_ellipse(estimate.covariance_rad2, ELLIPSE_PROBABILITY)).max())
    return pi


def _draw_regions(axes: Axes, surface: Surface, top: float, view: _View) -> None:
    x, y, values = in_order(
        view.x(surface.psi_x_rad), view.y(surface.psi_y_rad), surface.log_likelihood - top
    )
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    names = {-drop_nats(region): f"{100 * region:g} %" for region in REGIONS}
    # Contour warns of a level that the surface does not reach.
    levels = [level for level in names if values.min() < level < values.max()]
    if levels:
        style: dict[str, Any] = {"colors": "black", "linewidths": 0.8, "linestyles": "-"}
        lines = axes.contour(x, y, values, levels, **style)
        axes.clabel(lines, fmt=names, fontsize=6)
        axes.plot([], [], color="black", linewidth=0.8, label="confidence regions")


def _draw_ellipse(axes: Axes, estimate: MarkedEstimate, view: _View) -> None:
    if estimate.covariance_rad2 is None:
        return
    x, y = error_ellipse(estimate.covariance_rad2, ELLIPSE_PROBABILITY).T
    axes.plot(
        view.x(estimate.psi_x_rad + x),
        view.y(estimate.psi_y_rad + y),
        color=VERMILION,
        linestyle="--",
        label=f"{100 * ELLIPSE_PROBABILITY:g} % error ellipse",
    )


def _mark(
    axes: Axes,
    estimates: Sequence[MarkedEstimate],
    true_psi: tuple[float, float] | None,
    view: _View,
) -> None:
    for estimate in estimates:
        look = {"marker": estimate.marker, "color": "black", "markersize": 9}
        _draw_mark(axes, estimate.psi, view, label=estimate.label, **look)
    if true_psi is not None:
        look = {"marker": "x", "color": "red", "markersize": 6}
        _draw_mark(axes, true_psi, view, label="true direction", **look)


def _draw_mark(axes: Axes, psi: tuple[float, float], view: _View, **look: Any) -> None:
    x, y = view.x(psi[0]), view.y(psi[1])
    axes.plot(x, y, linestyle="none", fillstyle="none", path_effects=_OUTLINE, **look)
