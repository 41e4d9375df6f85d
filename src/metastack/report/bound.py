"""How well a direction can be known at best, over the field of view."""

from math import floor, log10, pi, sqrt
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import QuadMesh
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, MultipleLocator

from ..errors import require
from .style import GREY, MAGNITUDE_MAP, new_figure, styled

SHOWN_DECADES = 2.0


@styled
def bound_map(
    psi_x_rad: Float[np.ndarray, " x"],
    psi_y_rad: Float[np.ndarray, " y"],
    crb_rad2: Float[np.ndarray, "_y _x"],
    *,
    field_of_view_rad: float | None = None,
    bound_label: str = r"$\sqrt{\mathrm{CRB}}/π$",
) -> Figure:
    """The smallest standard deviation of an electrical angle in units of π, logarithmic.

    `crb_rad2[iy, ix]`: bound on the variance at (`psi_x_rad[ix]`, `psi_y_rad[iy]`), rad²; what it
    bounds, one angle or both together, is for `bound_label` to say. Up to two decades above the
    smallest value have colours of their own; where the bound is infinite or NaN, nothing can be
    known and the map is grey. `field_of_view_rad`: draw the square |ψ_x|, |ψ_y| up to this angle.

    Raises:
        InputError: `crb_rad2` does not fit the angles, is negative, or is finite nowhere.
    """
    check_map("crb_rad2", crb_rad2, psi_x_rad, psi_y_rad)
    known = np.isfinite(crb_rad2)
    require(known.any(), "`crb_rad2` must be finite somewhere, but is infinite or NaN everywhere.")
    least = float(crb_rad2[known].min())
    require(least > 0, f"`crb_rad2` must be positive, but is as small as {least}.")
    exponent = floor(log10(sqrt(least) / pi))
    deviation = np.sqrt(np.where(known, crb_rad2, np.nan)) / (pi * 10.0**exponent)
    figure = new_figure(3.7)
    axes = figure.add_subplot()
    axes.set_facecolor(GREY)
    _draw_deviation(
        figure, axes, (psi_x_rad, psi_y_rad), deviation, f"{bound_label} ($10^{{{exponent}}}$)"
    )
    label_psi_axes(axes)
    if not known.all():
        axes.fill([], [], color=GREY, label="no finite bound")
    if field_of_view_rad is not None:
        _mark_field_of_view(axes, field_of_view_rad)
    if axes.get_legend_handles_labels()[1]:
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def check_map(
    name: str,
    values: Float[np.ndarray, "_y _x"],
    psi_x_rad: Float[np.ndarray, " x"],
    psi_y_rad: Float[np.ndarray, " y"],
) -> None:
    """Refuse a map that has not one value for every pair of angles, y first."""
    expected = (len(psi_y_rad), len(psi_x_rad))
    require(
        values.shape == expected,
        f"`{name}` must have shape (psi_y, psi_x) = {expected}, but has {values.shape}.",
    )


def in_order(
    x: Float[np.ndarray, " x"], y: Float[np.ndarray, " y"], values: Float[np.ndarray, "y x"]
) -> tuple[Float[np.ndarray, " x"], Float[np.ndarray, " y"], Float[np.ndarray, "y x"]]:
    """The same map with both coordinates rising."""
    order_x, order_y = np.argsort(x), np.argsort(y)
    return x[order_x], y[order_y], values[np.ix_(order_y, order_x)]


def draw_map(
    axes: Axes,
    x: Float[np.ndarray, " x"],
    y: Float[np.ndarray, " y"],
    values: Float[np.ndarray, "y x"],
    **colours: Any,
) -> QuadMesh:
    """Cells of colour around the coordinates, which may come in any order."""
    return axes.pcolormesh(
        *in_order(x, y, values),
        cmap=MAGNITUDE_MAP,
        shading="nearest",
        rasterized=True,
        **colours,
    )


def bar_above(
    figure: Figure, axes: list[Axes], colours: ScalarMappable, label: str, **how: Any
) -> Colorbar:
    """A colour bar over its maps, where the width of its labels takes none of theirs.

    Unless told, it has few ticks: numbers of many digits, side by side, run into each other.
    """
    how.setdefault("ticks", MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    return figure.colorbar(
        colours, ax=axes, location="top", aspect=30, shrink=0.8, label=label, **how
    )


def label_psi_axes(axes: Axes) -> None:
    """Electrical angles in units of π on both axes, to one scale."""
    axes.xaxis.set_major_locator(MultipleLocator(0.5))
    axes.yaxis.set_major_locator(MultipleLocator(0.5))
    axes.set_aspect("equal")
    axes.set_xlabel("$ψ_x/π$")
    axes.set_ylabel("$ψ_y/π$")


def _draw_deviation(
    figure: Figure,
    axes: Axes,
    psi_rad: tuple[Float[np.ndarray, " x"], Float[np.ndarray, " y"]],
    deviation: Float[np.ndarray, "y x"],
    label: str,
) -> None:
    least, most = float(np.nanmin(deviation)), float(np.nanmax(deviation))
    # A scale has two ends, even if the bound is the same everywhere.
    shown = max(min(most, least * 10**SHOWN_DECADES), least * 1.1)
    x, y = (psi / pi for psi in psi_rad)
    mesh = draw_map(axes, x, y, deviation, norm=LogNorm(least, shown))
    bar = bar_above(
        figure,
        [axes],
        mesh,
        label,
        extend="max" if shown < most else "neither",
        ticks=LogLocator(subs=(1, 2, 5)) if shown > 5 * least else MaxNLocator(5),
        format=FuncFormatter(lambda value, _: f"{value:g}"),
    )
    bar.minorticks_off()


def _mark_field_of_view(axes: Axes, half_rad: float) -> None:
    half = half_rad / pi
    square = Rectangle(
        (-half, -half),
        2 * half,
        2 * half,
        fill=False,
        linestyle="--",
        label="field of view",
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
    )
    axes.add_patch(square)
