"""What accuracy costs: the error against the insertion loss."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import require
from .style import BLUE, GREY, new_figure, styled

EXACT_DB = -100.0


@styled
def tradeoff(losses_db: Sequence[float], nmse_db: Sequence[float]) -> Figure:
    """NMSE against insertion loss, one marker a design, both in dB.

    The staircase is the smallest NMSE found at this loss or less; below the dashed guide at
    -100 dB a design counts as exact.

    Raises:
        InputError: not one NMSE for every loss, or none at all.
    """
    loss, error = np.asarray(losses_db, float), np.asarray(nmse_db, float)
    require(
        loss.ndim == 1 and loss.shape == error.shape and loss.size > 0,
        "`losses_db` and `nmse_db` must be as long as each other and not empty, "
        f"but have shapes {loss.shape} and {error.shape}.",
    )
    figure = new_figure(2.6)
    axes = figure.add_subplot()
    _draw_guide(axes)
    front_loss, front_error = best_so_far(loss, error)
    axes.step(
        front_loss,
        front_error,
        where="post",
        color=BLUE,
        linewidth=0.9,
        label="best at this loss or less",
    )
    axes.plot(loss, error, "o", color=BLUE, markersize=4, label="designs")
    axes.set_xlabel("insertion loss (dB)")
    axes.set_ylabel("NMSE (dB)")
    axes.grid(visible=True)
    figure.legend(loc="outside upper center", ncols=3, columnspacing=1.2)
    return figure


def best_so_far(
    loss: Float[np.ndarray, " designs"], error: Float[np.ndarray, " designs"]
) -> tuple[Float[np.ndarray, " designs"], Float[np.ndarray, " designs"]]:
    """Losses in rising order, and the smallest error up to each of them."""
    order = np.argsort(loss)
    return loss[order], np.minimum.accumulate(error[order])


def _draw_guide(axes: Axes) -> None:
    axes.axhline(EXACT_DB, color=GREY, linewidth=0.9, linestyle="--", label="exact")
