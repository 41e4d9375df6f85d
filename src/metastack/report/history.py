"""How the error fell, iteration by iteration, in one or several starts."""

import re
import textwrap
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..design.solution import Design
from ..doa.direction_design import DirectionDesign
from ..errors import require
from .style import BLUE, GREY, SERIES, new_figure, styled

_TITLE_CHARACTERS = 52
AnyDesign: TypeAlias = Design | DirectionDesign


@styled
def convergence(designs: Sequence[AnyDesign]) -> Figure:
    """The error that each run minimised against its iterations, and how the best one ended.

    Designs for a target are judged by their NMSE, designs for directions by the error of ψ/π.

    Up to six starts have their own colour; of more, the best stands out and the others are grey.

    Raises:
        InputError: no designs.
    """
    require(len(designs) > 0, "`designs` must hold at least one design, but is empty.")
    best = min(range(len(designs)), key=lambda index: _judged_db(designs[index]))
    figure = new_figure(2.4 + 0.07 * min(len(designs), len(SERIES)))
    axes = figure.add_subplot()
    named = len(designs) <= len(SERIES)
    (_draw_all if named else _draw_best)(axes, designs, best)
    axes.set_xlabel("iteration")
    axes.set_ylabel(_Y_LABELS[type(designs[best])])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.grid(visible=True)
    axes.set_title(_title(designs[best], len(designs)))
    if len(designs) > 1:
        columns = 2 if all(other.method == designs[0].method for other in designs) else 1
        figure.legend(loc="outside lower center", ncols=columns)
    return figure


_Y_LABELS = {Design: "error (dB)", DirectionDesign: "squared error of $ψ/π$ (dB)"}


def _judged_db(design: AnyDesign) -> float:
    return design.nmse_db if isinstance(design, Design) else design.error_db


def _judged(design: AnyDesign) -> str:
    name = "NMSE" if isinstance(design, Design) else "error"
    return f"{name} {_judged_db(design):.1f} dB"


def _draw_all(axes: Axes, designs: Sequence[AnyDesign], best: int) -> None:
    for index, (design, colour) in enumerate(zip(designs, SERIES, strict=False)):
        mark = ", best" if index == best and len(designs) > 1 else ""
        label = f"{_name(design, designs)}: {_judged(design)}{mark}"
        _draw_run(axes, design, colour, label)


def _name(design: AnyDesign, designs: Sequence[AnyDesign]) -> str:
    """What tells a run from the others: its start, or its methods where they differ."""
    if len({other.method for other in designs}) > 1:
        return " + ".join(re.findall(r"\w+(?=\()", design.method.split(";")[0]))
    return f"start {design.start}"


def _draw_best(axes: Axes, designs: Sequence[AnyDesign], best: int) -> None:
    for index, design in enumerate(designs):
        if index != best:
            label = f"{len(designs) - 1} other starts" if index == (best == 0) else "_"
            _draw_run(axes, design, GREY, label)
    design = designs[best]
    _draw_run(axes, design, BLUE, f"start {design.start}, best: {_judged(design)}")


def _draw_run(axes: Axes, design: AnyDesign, colour: str, label: str) -> None:
    width = 0.6 if colour == GREY else 1.2
    iterations = np.arange(len(design.history_db))
    axes.plot(iterations, design.history_db, color=colour, linewidth=width, label=label)
    axes.plot(iterations[-1:], design.history_db[-1:], "o", color=colour, markersize=3)


def _title(best: AnyDesign, starts: int) -> str:
    outcome = best.outcome.value.split(". ")[0].rstrip(".")
    lead = "" if starts == 1 else f"Best of {starts} runs: "
    text = f"{lead}{outcome}; {_judged(best)}"
    return textwrap.fill(text, _TITLE_CHARACTERS)
