"""The response beside its target, entry by entry: what the stack computes and what it should."""

import numpy as np
from jaxtyping import Complex, Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure

from ..design.solution import Design
from ..precision import float64
from ..targets import best_scale
from .style import (
    MAGNITUDE_MAP,
    PHASE_MAP,
    add_phase_bar,
    index_ticks,
    new_figure,
    phase_scale,
    styled,
)

_SMALLEST = 1e-17
_SHOWN_RANGE_DB = 40.0


@styled
def response_against_target(design: Design) -> Figure:
    """Magnitude and phase of βG beside those of F, and the error of every entry in dB.

    Rows are receivers, columns are inputs, both from 0 with x fastest. An error of 0 dB is as
    large as the target's entries are in the root mean square: the mean of all errors' powers is
    the NMSE.
    """
    fitted = scaled_response(design)
    receivers, inputs = fitted.shape
    row_in = 1.1 * min(max(receivers / inputs, 0.3), 3.0) + 0.72
    figure = new_figure(3 * row_in)
    rows = figure.subfigures(3, 1, squeeze=False)[:, 0]
    magnitudes, phases = (list(row.subplots(1, 2, sharey=True)) for row in rows[:2])
    _draw_magnitudes(rows[0], magnitudes, fitted, design.target)
    _draw_phases(rows[1], phases, fitted, design.target)
    left, error, right = rows[2].subplots(1, 3, width_ratios=(1, 4, 1))
    left.set_axis_off()
    right.set_axis_off()
    _draw_error(rows[2], error, error_db(design))
    for axes in (*magnitudes, *phases, error):
        index_ticks(axes)
        axes.set_xlabel("input")
    for axes in (magnitudes[0], phases[0], error):
        axes.set_ylabel("receiver")
    return figure


def scaled_response(design: Design) -> Complex[np.ndarray, "receivers inputs"]:
    """βG at the best scale, eq. (24)."""
    with float64():
        return np.asarray(best_scale(design.response, design.target)) * design.response


def error_db(design: Design) -> Float[np.ndarray, "receivers inputs"]:
    """|βG - F| of every entry against the root mean square of |F|, dB."""
    error = np.abs(scaled_response(design) - design.target)
    reference = np.sqrt(np.mean(np.abs(design.target) ** 2))
    return 20 * np.log10(np.maximum(error / reference, _SMALLEST))


def _draw_magnitudes(
    figure: SubFigure, axes: list[Axes], *matrices: Complex[np.ndarray, "receivers inputs"]
) -> None:
    scale = Normalize(0, max(float(np.abs(matrix).max()) for matrix in matrices))
    for panel, matrix, name in zip(axes, matrices, ("|βG|", "|F|"), strict=True):
        panel.imshow(np.abs(matrix), cmap=MAGNITUDE_MAP, norm=scale)
        panel.set_title(f"${name}$")
    figure.colorbar(ScalarMappable(scale, MAGNITUDE_MAP), ax=axes, label="magnitude")


def _draw_phases(
    figure: SubFigure, axes: list[Axes], *matrices: Complex[np.ndarray, "receivers inputs"]
) -> None:
    for panel, matrix, name in zip(axes, matrices, ("βG", "F"), strict=True):
        panel.imshow(np.mod(np.angle(matrix), 2 * np.pi), cmap=PHASE_MAP, norm=phase_scale())
        panel.set_title(f"arg ${name}$")
    add_phase_bar(figure, axes)


def _draw_error(
    figure: SubFigure, axes: Axes, errors: Float[np.ndarray, "receivers inputs"]
) -> None:
    """The worst 40 dB of the errors."""
    largest, smallest = float(errors.max()), float(errors.min())
    shown = max(smallest, largest - _SHOWN_RANGE_DB)
    image = axes.imshow(errors, cmap="cividis", vmin=shown, vmax=largest)
    axes.set_title("$|βG - F|$ against rms $|F|$")
    extend = "min" if shown > smallest else "neither"
    figure.colorbar(image, ax=axes, label="error (dB)", extend=extend)
