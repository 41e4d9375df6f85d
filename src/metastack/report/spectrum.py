"""The angular spectrum that a stack measures, as in Figs. 6 and 7 of the DOA paper."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MultipleLocator

from ..errors import require
from .style import MAGNITUDE_MAP, new_figure, styled

RANGE_DB = 40.0


@dataclass(frozen=True)
class MarkedSpectrum:
    """What `angular_spectrum_map` draws, kept together; a direction is (psi_x, psi_y) in rad."""

    psi_x_rad: Float[np.ndarray, " x"]
    psi_y_rad: Float[np.ndarray, " y"]
    power_db: Float[np.ndarray, "y x"]
    true_psi: tuple[float, float] | None = None
    estimated_psi: Sequence[tuple[float, float]] = ()


@styled
def angular_spectrum_map(
    psi_x_rad: Float[np.ndarray, " x"],
    psi_y_rad: Float[np.ndarray, " y"],
    power_db: Float[np.ndarray, "_y _x"],
    true_psi: tuple[float, float] | None = None,
    estimated_psi: Sequence[tuple[float, float]] = (),
) -> Figure:
    """Power over the electrical angles, the peak at 0 dB and 40 dB shown.

    Electrical angles in any order, `power_db[iy, ix]` at (`psi_x_rad[ix]`, `psi_y_rad[iy]`). The
    true direction is a red cross, estimates are open circles, all (psi_x, psi_y) in rad.

    Raises:
        InputError: `power_db` does not fit the angles.
    """
    expected = (len(psi_y_rad), len(psi_x_rad))
    require(
        power_db.shape == expected,
        f"`power_db` must have shape (psi_y, psi_x) = {expected}, but has {power_db.shape}.",
    )
    order_x, order_y = np.argsort(psi_x_rad), np.argsort(psi_y_rad)
    figure = new_figure(3.0)
    axes = figure.add_subplot()
    mesh = axes.pcolormesh(
        psi_x_rad[order_x] / np.pi,
        psi_y_rad[order_y] / np.pi,
        (power_db - np.max(power_db))[np.ix_(order_y, order_x)],
        cmap=MAGNITUDE_MAP,
        vmin=-RANGE_DB,
        vmax=0,
        shading="nearest",
        rasterized=True,
    )
    figure.colorbar(mesh, ax=axes, label="power relative to peak (dB)", extend="min")
    axes.xaxis.set_major_locator(MultipleLocator(0.5))
    axes.yaxis.set_major_locator(MultipleLocator(0.5))
    axes.set_aspect("equal")
    axes.set_xlabel("$ψ_x/π$")
    axes.set_ylabel("$ψ_y/π$")
    _mark_directions(figure, axes, true_psi, estimated_psi)
    return figure


def _mark_directions(
    figure: Figure,
    axes: Axes,
    true_psi: tuple[float, float] | None,
    estimated_psi: Sequence[tuple[float, float]],
) -> None:
    outline = [withStroke(linewidth=3, foreground="white")]
    if len(estimated_psi) > 0:
        x, y = np.divide(estimated_psi, np.pi).T
        axes.plot(
            x,
            y,
            "o",
            markersize=11,
            fillstyle="none",
            color="black",
            label="estimate" if len(estimated_psi) == 1 else "estimates",
            linestyle="none",
            path_effects=outline,
        )
    if true_psi is not None:
        x, y = np.divide(true_psi, np.pi)
        axes.plot(
            x,
            y,
            "x",
            markersize=7,
            markeredgewidth=1.5,
            color="red",
            label="true direction",
            linestyle="none",
            path_effects=outline,
        )
    if true_psi is not None or len(estimated_psi) > 0:
        figure.legend(loc="outside lower center", ncols=2)
