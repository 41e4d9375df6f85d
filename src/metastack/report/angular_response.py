"""What every probe hears from every direction: the stack as a set of antennas."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MultipleLocator

from ..errors import require
from .bound import bar_above, check_map, draw_map
from .style import COLUMN_WIDTH_IN, MAGNITUDE_MAP, new_figure, styled

MOST_PROBES = 16
RANGE_DB = 40.0


@styled
def angular_response_maps(
    psi_x_rad: Float[np.ndarray, " x"],
    psi_y_rad: Float[np.ndarray, " y"],
    energy_db: Float[np.ndarray, "probes _y _x"],
    *,
    columns: int,
) -> Figure:
    """Energy that each probe gets from a unit source, dB, over the electrical angles.

    `energy_db[n, iy, ix]`: probe n = n_y * `columns` + n_x, source at (`psi_x_rad[ix]`,
    `psi_y_rad[iy]`). The panels stand as the probes do, probe 0 at the lower left, and share one
    scale: the 40 dB below the largest energy of all.

    Raises:
        InputError: more than 16 probes or none, rows that are not full, maps that do not fit the
            angles, NaN or no energy at all.
    """
    rows = _rows(len(energy_db), columns)
    check_map("energy_db[0]", energy_db[0], psi_x_rad, psi_y_rad)
    top = float(np.max(energy_db))
    require(np.isfinite(top), f"`energy_db` must have a finite maximum, but has {top}.")
    panel_in = (COLUMN_WIDTH_IN - 0.5) / columns
    figure = new_figure(rows * min(panel_in, 1.5) + 0.95)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    scale = Normalize(top - RANGE_DB, top)
    x, y = psi_x_rad / np.pi, psi_y_rad / np.pi
    for probe, axes in enumerate(panels[::-1].flat):
        # Silence is -inf dB, which would be left white.
        draw_map(axes, x, y, np.maximum(energy_db[probe], top - RANGE_DB), norm=scale)
        _dress(axes, probe)
    figure.supxlabel("$ψ_x/π$")
    figure.supylabel("$ψ_y/π$")
    bar_above(
        figure,
        list(panels.flat),
        ScalarMappable(scale, MAGNITUDE_MAP),
        "energy from a unit source (dB)",
        extend="min" if energy_db.min() < top - RANGE_DB else "neither",
    )
    return figure


def _rows(probes: int, columns: int) -> int:
    require(
        0 < probes <= MOST_PROBES,
        f"`energy_db` must hold 1 to {MOST_PROBES} probes, but holds {probes}.",
    )
    require(
        columns > 0 and probes % columns == 0,
        f"`columns` must divide the number of probes, {probes}, but is {columns}.",
    )
    return probes // columns


def _dress(axes: Axes, probe: int) -> None:
    axes.set_aspect("equal")
    axes.xaxis.set_major_locator(MultipleLocator(1))
    axes.yaxis.set_major_locator(MultipleLocator(1))
    axes.tick_params(length=2, pad=1.5)
    axes.annotate(
        f"{probe}",
        (0, 1),
        xytext=(2, -2),
        xycoords="axes fraction",
        textcoords="offset points",
        verticalalignment="top",
        fontsize=7,
        path_effects=[withStroke(linewidth=1.5, foreground="white")],
    )
