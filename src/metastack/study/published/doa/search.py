"""Ours beside Table I: a search for the best 2x2 stack with as many stacks as the paper's rounds.

The rounds look at the error alone, and at 81 stacks a round whether or not they are of use. The
search has the same box, the same descent and as many stacks, and wants three things at once: a
small error, a small insertion loss, a thin stack. Errors below -100 dB count alike, as what differs
there is rounding; stacks whose hops make power are no devices, and count for neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ....report.style import BLUE, GREY, VERMILION, new_figure, styled
from ...sweeps import Draw, Objective, SearchPlan, pareto_front, search
from ...units import Results, Unit
from ..study import Judgement, Paper, Study, Verdict
from . import ablation
from .ablation import descents_and_gain
from .table_1 import TABLE

_NUMBERS = ("atoms_per_side", "layers", "thickness_wavelengths", "spacing_wavelengths")
_FOUND = ("nmse_db", "insertion_loss_db", "hop_gain_db")
_OBJECTIVES = ("nmse_db", "insertion_loss_db", "thickness_wavelengths")
_ENOUGH_DB = -100.0
# A passive device gains nothing; Rayleigh-Sommerfeld's published best gains .005 dB a hop.
_MOST_GAIN_DB = 0.1
_WORST = {"nmse_db": 0.0, "insertion_loss_db": 100.0, "thickness_wavelengths": 9.0}


@dataclass(frozen=True)
class Parameters:
    """The paper's rounds, and a search of as many stacks, repeated from several seeds.

    `shapes` and `rounds`: how much of the ablation is computed, as for Table I. `atoms` and
    `layers`: from and to which number the search goes.
    """

    rounds: tuple[int, ...] = (1, 2, 3)
    shapes: int = 9
    atoms: tuple[int, int] = (3, 12)
    layers: tuple[int, int] = (3, 9)
    searches: int = 2
    together: int = 9
    iterations: int = 100
    seed: int = 0


def units(parameters: Parameters) -> list[Unit]:
    """One descent for every stack of the rounds, then one unit for each search."""
    p = parameters
    stacks = [ablation.stack_of(TABLE, cell) for cell in _cells(p)]
    common = {"decay": TABLE.decay, "iterations": p.iterations}
    descend = {**common, "starts": 1, "seed": p.seed}
    rounds = [Unit(descents_and_gain, {**descend, "stack": stack}) for stack in stacks]
    box = {"atoms": list(p.atoms), "layers": list(p.layers)}
    sought = {**common, **box, "trials": len(stacks), "together": p.together}
    searches = [
        Unit(searched, {**sought, "seed": p.seed + k}, points=len(stacks))
        for k in range(p.searches)
    ]
    return [*searches, *rounds]


def _cells(parameters: Parameters) -> list[ablation.Cell]:
    told = ablation.Parameters(rounds=parameters.rounds, shapes=parameters.shapes)
    return ablation.cells(TABLE, told)


def searched(
    *,
    trials: int,
    together: int,
    atoms: Sequence[int],
    layers: Sequence[int],
    decay: float,
    iterations: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """A search over the box of the paper's rounds: every stack that it tried, in order."""
    tried = list[dict[str, float]]()

    def evaluate(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, float] | None]:
        settings = {"decay": decay, "iterations": iterations, "starts": 1, "seed": seed}
        found = [_evaluated(point, settings) for point in points]
        tried.extend(found)
        return [_objectives(each) for each in found]

    box = _box(atoms, layers)
    search(SearchPlan(box, tuple(map(Objective, _OBJECTIVES)), trials, together, seed), evaluate)
    return {name: np.array([each[name] for each in tried]) for name in (*_NUMBERS, *_FOUND)}


def _box(atoms: Sequence[int], layers: Sequence[int]) -> tuple[Draw, ...]:
    return (
        Draw("atoms_per_side", ("atoms_per_side",), low=atoms[0], high=atoms[1]),
        Draw("layers", ("layers",), low=layers[0], high=layers[1]),
        Draw("thickness_wavelengths", ("thickness_wavelengths",), low=3.0, high=9.0),
        Draw("spacing_wavelengths", ("spacing_wavelengths",), low=2 / 9, high=2.0, log=True),
    )


def _evaluated(point: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, float]:
    found = descents_and_gain(stack={"ports": TABLE.ports, **point}, **settings)
    return {**point, **{name: float(np.ravel(found[name])[0]) for name in _FOUND}}


def _objectives(found: Mapping[str, float]) -> dict[str, float]:
    """What the search is told; of what is no device, that it is as bad as can be."""
    if found["hop_gain_db"] > _MOST_GAIN_DB:
        return _WORST
    told = {name: found[name] for name in _OBJECTIVES}
    return {**told, "nmse_db": max(_ENOUGH_DB, told["nmse_db"])}


def gather(parameters: Parameters, results: Sequence[Results]) -> xr.Dataset:
    """What every stack came to, over `way` and the number of the stack."""
    p = parameters
    searches, rounds = results[: p.searches], results[p.searches :]
    stacks = [ablation.stack_of(TABLE, cell) for cell in _cells(p)]
    columns = {name: [[stack[name] for stack in stacks]] for name in _NUMBERS}
    columns |= {name: [[float(np.ravel(each[name])[0]) for each in rounds]] for name in _FOUND}
    ways = ["rounds", *(f"search {k + 1}" for k in range(p.searches))]
    return xr.Dataset(
        {
            name: (("way", "stack"), [*column, *(each[name] for each in searches)], _units(name))
            for name, column in columns.items()
        },
        coords={"way": ways},
    )


def _units(name: str) -> dict[str, str]:
    ending = name.rpartition("_")[2]
    return {"units": {"db": "dB", "wavelengths": "wavelength"}.get(ending, "1")}


def _values(data: xr.Dataset) -> Float[np.ndarray, "stacks objectives"]:
    """The objectives of one way; NaN for what is no device."""
    columns = np.stack([data[name].values.astype(float) for name in _OBJECTIVES], axis=1)
    columns[:, 0] = np.maximum(columns[:, 0], _ENOUGH_DB)
    columns[data.hop_gain_db.values > _MOST_GAIN_DB] = np.nan
    return columns


def _bettered(
    ours: Float[np.ndarray, "ours objectives"], theirs: Float[np.ndarray, "theirs objectives"]
) -> Bool[np.ndarray, " theirs"]:
    """Which of theirs one of ours is as good as in everything and better in something."""
    as_good = (ours[:, None] <= theirs[None]).all(axis=2)
    better = (ours[:, None] < theirs[None]).any(axis=2)
    return np.any(np.asarray(as_good & better), axis=0, keepdims=True)[0]


@styled
def draw(data: xr.Dataset) -> Figure:
    """Loss against error, and against thickness where the error will do; fronts are filled."""
    figure = new_figure(3.2, 7.16)
    panels = figure.subplots(1, 2)
    for way, colour, marker in zip(data.way.values, (GREY, BLUE, VERMILION), "osD", strict=False):
        values = _values(data.sel(way=way))
        front = pareto_front(values, [False] * len(_OBJECTIVES))
        _scatter(panels[0], values[:, [0, 1]], front, colour, marker, str(way))
        useful = values[:, 0] <= TABLE.success_db
        _scatter(panels[1], values[useful][:, [2, 1]], front[useful], colour, marker, str(way))
    panels[0].set_xlabel(f"NMSE (dB), not below {_ENOUGH_DB:g}")
    panels[1].set_xlabel(f"thickness (λ), NMSE below {TABLE.success_db:g} dB only")
    for panel in panels:
        panel.set_ylabel("insertion loss (dB)")
        panel.grid(visible=True)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _scatter(
    panel: Axes,
    values: Float[np.ndarray, "stacks 2"],
    front: Bool[np.ndarray, " stacks"],
    colour: str,
    marker: str,
    way: str,
) -> None:
    label = f"{way} (filled: on its front)"
    panel.plot(*values[~front].T, marker, color=colour, markersize=3, fillstyle="none", mew=0.6)
    panel.plot(*values[front].T, marker, color=colour, markersize=4, label=label)


def judge(data: xr.Dataset) -> list[Verdict]:
    """How much of the rounds' front each search betters, and the other way round."""
    rounds = _values(data.sel(way="rounds"))
    searches = [_values(data.sel(way=way)) for way in data.way.values[1:]]
    return [_judge_fronts(rounds, searches), *_judge_best(data, rounds, searches)]


def _front(values: Float[np.ndarray, "stacks objectives"]) -> Float[np.ndarray, "front objectives"]:
    return values[pareto_front(values, [False] * values.shape[1])]


def _judge_fronts(rounds: np.ndarray, searches: Sequence[np.ndarray]) -> Verdict:
    theirs, ours = _front(rounds), [_front(each) for each in searches]
    if not len(theirs) or not all(map(len, ours)):
        return Verdict(Judgement.NOT_PUBLISHED, "Too few stacks are devices to compare fronts.")
    beaten = [float(np.mean(_bettered(each, theirs))) for each in ours]
    lost = [float(np.mean(_bettered(theirs, each))) for each in ours]
    is_better = min(beaten) > max(lost)
    shares = ", ".join(f"{share:.0%}" for share in beaten)
    back = ", ".join(f"{share:.0%}" for share in lost)
    return Verdict(
        Judgement.BETTER if is_better else Judgement.DIFFERS,
        f"With {len(rounds)} stacks each, the searches better {shares} of the stacks that the "
        f"three rounds leave unbettered in error, loss and thickness; the rounds better {back} of "
        "theirs.",
    )


def _judge_best(
    data: xr.Dataset, rounds: np.ndarray, searches: Sequence[np.ndarray]
) -> list[Verdict]:
    """The paper's best stack, if it was computed."""
    wanted = {name: TABLE.best[name] for name in _NUMBERS}
    own = data.sel(way="rounds")
    same = np.all([np.isclose(own[name], value) for name, value in wanted.items()], axis=0)
    if not same.any():
        return []
    best = rounds[int(np.argmax(same))]
    better = [each[_bettered_by(each, best)] for each in searches]
    found = np.concatenate(better)
    if not found.size:
        return [
            Verdict(
                Judgement.AGREES,
                "No stack of the searches betters the paper's best one "
                "in error, loss and thickness at once.",
            )
        ]
    least = found[np.argmin(found[:, 1])]
    return [
        Verdict(
            Judgement.BETTER,
            f"{len(found)} stacks of the searches are better than the paper's best one in all "
            f"three: it has {_told(best)}; the one of least loss has {_told(least)}.",
        )
    ]


def _bettered_by(
    ours: Float[np.ndarray, "ours objectives"], one: Float[np.ndarray, " objectives"]
) -> Bool[np.ndarray, " ours"]:
    return np.asarray((ours <= one).all(axis=1) & (ours < one).any(axis=1))


def _told(values: Float[np.ndarray, " objectives"]) -> str:
    nmse, loss, thickness = values
    at_most = "or less " if nmse <= _ENOUGH_DB else ""
    return f"{nmse:.0f} dB {at_most}of error, {loss:.1f} dB of loss and {thickness:.1f} λ"


STUDY = Study(
    name="doa-search",
    paper=Paper.DOA,
    title="A search against the three rounds of Table I, with as many stacks",
    claim="Three rounds of 81 stacks each, finer and finer around the best one, find the best "
    "stack for the 2x2 DFT.",
    published=Parameters(),
    quick=Parameters(rounds=(3,), shapes=1, atoms=(11, 11), layers=(7, 7), searches=1, together=3),
    units=units,
    gather=gather,
    draw=draw,
    judge=judge,
)
