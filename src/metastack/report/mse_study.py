"""How the error of direction finding falls with the SNR, beside the bounds that it cannot pass.

Curves of one group, say one device, share a colour, the filling of their markers and, for the
bound, the dashes; the marker's shape names the estimator. So every curve can be told from every
other one in black and white too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import require
from .style import COLUMN_WIDTH_IN, SERIES, new_figure, styled

TWO_COLUMNS_WIDTH_IN = 7.16
_MOST_IN_ONE_COLUMN = 6

# A legend entry: its sample line and gaps, and a character of 7-point DejaVu Sans.
_SAMPLE_IN, _CHARACTER_IN = 0.55, 0.06
_LEGEND_ROW_IN = 0.14


class EstimatorKind(Enum):
    """What a curve estimated with, and the marker that shows it."""

    PEAK = "s"
    MAXIMUM_LIKELIHOOD = "o"
    START = "^"
    DIGITAL = "D"


@dataclass(frozen=True)
class SimulatedCurve:
    """MSE found by simulation, and its confidence interval from `low` to `high`.

    All three have the unit that the figure's `mse_label` states. NaN marks what is not known and
    is left out, as is what a logarithmic axis cannot show. Without a `group` a curve is alone.
    """

    label: str
    snr_db: Float[np.ndarray, " _points"]
    mse: Float[np.ndarray, " _mse"]
    low: Float[np.ndarray, " _low"]
    high: Float[np.ndarray, " _high"]
    kind: EstimatorKind
    group: str | None = None


@dataclass(frozen=True)
class BoundCurve:
    """A lower bound on the MSE, in the unit that the figure's `mse_label` states."""

    label: str
    snr_db: Float[np.ndarray, " _points"]
    mse: Float[np.ndarray, " _mse"]
    group: str | None = None


MseCurve = SimulatedCurve | BoundCurve


@dataclass(frozen=True)
class _GroupLook:
    """What all curves of one group have in common."""

    colour: str
    filling: dict[str, Any]
    dashes: tuple[float, ...]


_LOOKS = tuple(
    _GroupLook(colour, filling | {"markerfacecoloralt": "white"}, dashes)
    for colour, filling, dashes in zip(
        SERIES,
        (
            {"fillstyle": "full"},
            {"fillstyle": "full", "markerfacecolor": "white"},
            {"fillstyle": "left"},
            {"fillstyle": "bottom"},
            {"fillstyle": "right"},
            {"fillstyle": "top"},
        ),
        ((4, 2), (1, 1), (6, 1.5, 1, 1.5), (2, 2), (8, 2), (4, 1, 1, 1, 1, 1)),
        strict=True,
    )
)


@styled
def mse_against_snr(curves: Sequence[MseCurve], *, snr_label: str, mse_label: str) -> Figure:
    """MSE on a logarithmic axis against the SNR in dB, bounds dashed and without markers.

    `snr_label`, `mse_label`: what the axes show and in which unit, say "SNR per element (dB)"
    and "MSE of $ψ/π$". More than six curves take the width of two columns.

    Raises:
        InputError: no curves; two that would look the same; more than six groups; values that
            are not one a point; an interval that does not hold its MSE.
    """
    looks = _looks(curves)
    for curve in curves:
        _check(curve)
    wide = len(curves) > _MOST_IN_ONE_COLUMN
    width_in = TWO_COLUMNS_WIDTH_IN if wide else COLUMN_WIDTH_IN
    columns = legend_columns(curves, width_in)
    figure = new_figure(2.6 + 0.6 * wide + _LEGEND_ROW_IN * -(-len(curves) // columns), width_in)
    axes = figure.add_subplot()
    axes.set_yscale("log")
    for curve in curves:
        _draw(axes, curve, looks[_group(curve)])
    axes.set_xlabel(snr_label)
    axes.set_ylabel(mse_label)
    axes.grid(visible=True)
    axes.tick_params(which="minor", length=1.5, width=0.4)
    figure.legend(loc="outside lower center", ncols=columns, handlelength=3, columnspacing=1.2)
    return figure


def legend_columns(curves: Sequence[MseCurve], width_in: float) -> int:
    """How many columns the legend has: as many as fit, if possible without splitting a group."""
    most = 2 if width_in <= COLUMN_WIDTH_IN else 5
    fitting = [n for n in range(2, min(most, len(curves)) + 1) if _width_in(curves, n) <= width_in]
    unsplit = [n for n in fitting if _keeps_groups_together(curves, n)]
    return max(unsplit or fitting or [1])


def _columns(curves: Sequence[MseCurve], columns: int) -> list[Sequence[MseCurve]]:
    """The curves of every column, shared out as matplotlib's legend does."""
    parts = np.array_split(np.arange(len(curves)), columns)
    return [[curves[index] for index in part] for part in parts]


def _width_in(curves: Sequence[MseCurve], columns: int) -> float:
    longest = [max(len(c.label) for c in column) for column in _columns(curves, columns)]
    return sum(_SAMPLE_IN + _CHARACTER_IN * characters for characters in longest)


def _keeps_groups_together(curves: Sequence[MseCurve], columns: int) -> bool:
    parts = _columns(curves, columns)
    return all(_group(a[-1]) != _group(b[0]) for a, b in pairwise(parts))


def _group(curve: MseCurve) -> str:
    return curve.label if curve.group is None else curve.group


def _looks(curves: Sequence[MseCurve]) -> dict[str, _GroupLook]:
    """The look of every group, in the order in which the groups first appear."""
    require(len(curves) > 0, "`curves` must hold at least one curve, but is empty.")
    groups = list(dict.fromkeys(_group(curve) for curve in curves))
    require(
        len(groups) <= len(_LOOKS),
        f"`curves` must form at most {len(_LOOKS)} groups, but form {len(groups)}; "
        "give curves that belong together one `group`.",
    )
    _check_distinct(curves)
    return dict(zip(groups, _LOOKS, strict=False))


def _check_distinct(curves: Sequence[MseCurve]) -> None:
    seen: dict[tuple[str, EstimatorKind | None], str] = {}
    for curve in curves:
        look = (_group(curve), curve.kind if isinstance(curve, SimulatedCurve) else None)
        require(
            look not in seen,
            "`curves` must differ in their group or their kind, but "
            f"'{seen.get(look)}' and '{curve.label}' would look the same.",
        )
        seen[look] = curve.label


def _check(curve: MseCurve) -> None:
    names = ("mse", "low", "high") if isinstance(curve, SimulatedCurve) else ("mse",)
    for name in names:
        shape = getattr(curve, name).shape
        require(
            shape == curve.snr_db.shape,
            f"`{name}` must have one value for each of the {curve.snr_db.size} SNRs, "
            f"but has shape {shape} (curve '{curve.label}').",
        )
    if isinstance(curve, SimulatedCurve):
        outside = (curve.low > curve.mse) | (curve.mse > curve.high)
        require(
            not outside.any(),
            "`mse` must lie between `low` and `high`, but does not at "
            f"{curve.snr_db[outside].tolist()} dB (curve '{curve.label}').",
        )


def _draw(axes: Axes, curve: MseCurve, look: _GroupLook) -> None:
    if isinstance(curve, BoundCurve):
        axes.plot(
            curve.snr_db,
            curve.mse,
            color=look.colour,
            dashes=look.dashes,
            label=curve.label,
        )
        return
    axes.plot(
        curve.snr_db,
        curve.mse,
        color=look.colour,
        linewidth=0.8,
        marker=curve.kind.value,
        markersize=4.5,
        markeredgewidth=0.8,
        label=curve.label,
        **look.filling,
    )
    # Under the marker, whose white parts would show the bar; caps would square the circles.
    reach = [curve.mse - curve.low, curve.high - curve.mse]
    axes.errorbar(
        curve.snr_db,
        curve.mse,
        reach,
        fmt="none",
        ecolor=look.colour,
        elinewidth=0.8,
        zorder=1.9,
    )
