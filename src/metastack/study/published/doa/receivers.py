"""Where the receivers stand, and what it does to the fit: what Fig. 11 and 12 have in common.

The input layer stays as it is, at half a wavelength and straight; the receivers alone are spaced
or turned (the paper's Fig. 10). Several stacks are compared, by layers or by atoms a side.

Source: DOA paper, section VI-F. Its numbers are not published, and the text that we have lost the
numbers of layers and atoms: those here are ours, around the paper's best stack.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ....report.style import MARKERS, SERIES, new_figure, styled
from ...units import Results, Unit
from .descents import descents, our_designs

# An error that no use of the DFT would notice: the goal of `design_phases`.
EXACT_DB = -100.0


@dataclass(frozen=True)
class Arrangement:
    """What a figure varies.

    `along` and `compared` are arguments of `uniform_stack`; `name` and `unit` say the first on the
    axis, `kind` the second in the legend. `parameters`: where in the parameters the values are,
    along, compared, and compared for our method. `lowest_db`: where the picture ends.
    """

    best: Mapping[str, Any]
    decay: float
    along: str
    name: str
    unit: str
    compared: str
    kind: str
    parameters: tuple[str, str, str]
    lowest_db: float | None = None

    def runs(self, parameters: Any) -> "Runs":
        """How much these parameters run."""
        along, compared, ours = (getattr(parameters, name) for name in self.parameters)
        p = parameters
        return Runs(along, compared, ours, p.iterations, p.starts, p.our_starts, p.seed)


@dataclass(frozen=True)
class Runs:
    """How much is run: descents of every stack, our method on `ours` of the compared ones."""

    along: Sequence[float]
    compared: Sequence[int]
    ours: Sequence[int]
    iterations: int
    starts: int
    our_starts: int
    seed: int


def units(arrangement: Arrangement, parameters: Any) -> list[Unit]:
    """Descents of every stack in every arrangement, then our method; programs follow each other.

    Every point has starts of its own, so that chance in one says nothing about another.
    """
    found, runs = list[Unit](), arrangement.runs(parameters)
    common = {"iterations": runs.iterations}
    for position, stack in enumerate(_stacks(arrangement, runs, runs.compared)):
        chance = {"starts": runs.starts, "seed": 1000 * runs.seed + position}
        arguments = {**common, **chance, "stack": stack, "decay": arrangement.decay}
        found.append(Unit(descents, arguments))
    for position, stack in enumerate(_stacks(arrangement, runs, runs.ours)):
        chance = {"starts": runs.our_starts, "seed": 1000 * runs.seed + position}
        found.append(Unit(our_designs, {**common, **chance, "stack": stack}))
    return found


def _stacks(arrangement: Arrangement, runs: Runs, compared: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {**arrangement.best, arrangement.compared: count, arrangement.along: float(value)}
        for count in compared
        for value in runs.along
    ]


def gather(arrangement: Arrangement, parameters: Any, results: Sequence[Results]) -> xr.Dataset:
    """Errors and losses of all starts, over the compared stacks and the arrangement."""
    runs = arrangement.runs(parameters)
    theirs = len(runs.compared) * len(runs.along)
    data = xr.merge(
        [
            _table(arrangement, runs, runs.compared, results[:theirs], ""),
            _table(arrangement, runs, runs.ours, results[theirs:], "our_"),
        ],
        join="outer",
    )
    data[arrangement.along].attrs["units"] = arrangement.unit
    data.attrs["iterations"] = runs.iterations
    return data


def _table(
    arrangement: Arrangement,
    runs: Runs,
    compared: Sequence[int],
    results: Sequence[Results],
    prefix: str,
) -> xr.Dataset:
    dimensions = (arrangement.compared, arrangement.along, f"{prefix}start")
    starts = runs.our_starts if prefix else runs.starts
    shape = (len(compared), len(runs.along), starts)
    ends = {
        "nmse_db": [found["history_db"][:, -1] for found in results],
        "insertion_loss_db": [found["insertion_loss_db"] for found in results],
    }
    return xr.Dataset(
        {
            prefix + name: (dimensions, np.reshape(values, shape), {"units": "dB"})
            for name, values in ends.items()
        },
        coords={arrangement.compared: np.array(compared, int), arrangement.along: list(runs.along)},
    )


@styled
def draw(arrangement: Arrangement, data: xr.Dataset) -> Figure:
    """Means and ranges of the descents; our method dashed, in the colour of its stack."""
    figure = new_figure(3.5)
    axes = figure.add_subplot()
    for index, count in enumerate(data[arrangement.compared].values):
        one = data.sel({arrangement.compared: count})
        kind = arrangement.kind if count > 1 else arrangement.kind.removesuffix("s")
        _draw_stack(axes, one, f"{count} {kind}", index, arrangement)
    if data.sizes["our_start"] and np.isfinite(data.our_nmse_db).any():
        axes.plot([], [], "--", color="black", label="ours, median")
    axes.fill_between([], [], [], color="black", alpha=0.15, label="range over starts")
    axes.set_ylim(bottom=arrangement.lowest_db)
    axes.set_xlabel(f"{arrangement.name} ({arrangement.unit})")
    axes.set_ylabel(f"NMSE after {data.attrs['iterations']} iterations (dB)")
    axes.grid(visible=True)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _draw_stack(
    axes: Axes, data: xr.Dataset, label: str, index: int, arrangement: Arrangement
) -> None:
    along, colour = data[arrangement.along], SERIES[index % len(SERIES)]
    runs = data.nmse_db
    axes.fill_between(along, runs.min("start"), runs.max("start"), color=colour, alpha=0.15, lw=0)
    marker = MARKERS[index % len(MARKERS)]
    axes.plot(along, runs.mean("start"), marker, ls="-", color=colour, ms=3, label=label)
    axes.plot(along, data.our_nmse_db.median("our_start"), "--", color=colour)


def reaching(data: xr.Dataset, along: str, error_db: float) -> list[float]:
    """Where along the axis the median start is below an error."""
    medians = data.nmse_db.median("start")
    return [float(value) for value in data[along].values[(medians < error_db).values]]


def listed(values: Sequence[float]) -> str:
    """Numbers in a sentence; neighbours on the axis are not joined, so that gaps are seen."""
    return ", ".join(f"{value:g}" for value in values) if len(values) else "none"
