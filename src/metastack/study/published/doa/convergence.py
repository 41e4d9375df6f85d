"""How a fit falls with the iterations, for several decays: what Fig. 4a and 5a have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from ....report.style import BLUE, GREEN, SKY, VERMILION, new_figure, styled
from ...units import Results, Unit
from ..published_data import published_array
from ..statistics import prediction_interval
from ..study import Judgement, Verdict
from .descents import descents, our_designs

_COLOURS = (BLUE, GREEN, VERMILION)


@dataclass(frozen=True)
class Descents:
    """What is run, so many starts of every decay and of our own method; the paper shows one."""

    decays: tuple[float, ...]
    iterations: int = 200
    starts: int = 21
    our_starts: int = 5
    seed: int = 0


def units(stack: Mapping[str, Any], parameters: Descents) -> list[Unit]:
    """One descent for each decay, then ours."""
    p = parameters
    common = {"stack": stack, "iterations": p.iterations, "seed": p.seed}
    by_decay = [Unit(descents, {**common, "decay": d, "starts": p.starts}) for d in p.decays]
    return [*by_decay, Unit(our_designs, {**common, "starts": p.our_starts})]


def gather(
    published: Mapping[float, str], parameters: Descents, results: Sequence[Results]
) -> xr.Dataset:
    """NMSE in dB over decays, starts and iterations; beside them the curves of these files."""
    *by_decay, ours = results
    curves = [_published_db(published.get(d), parameters.iterations) for d in parameters.decays]
    data = xr.Dataset(
        {
            "nmse_db": (("decay", "start", "iteration"), [r["history_db"] for r in by_decay]),
            "published_nmse_db": (("decay", "iteration"), curves),
            "our_nmse_db": (("our_start", "iteration"), ours["history_db"]),
            "insertion_loss_db": (("decay", "start"), [r["insertion_loss_db"] for r in by_decay]),
            "our_insertion_loss_db": ("our_start", ours["insertion_loss_db"]),
        },
        coords={
            "decay": list(parameters.decays),
            "iteration": np.arange(parameters.iterations + 1),
        },
    )
    for variable in data.values():
        variable.attrs["units"] = "dB"
    return data


def _published_db(file: str | None, iterations: int) -> np.ndarray:
    """The published curve, which begins with iteration 0; NaN where there is none."""
    curve = np.full(iterations + 1, np.nan)
    if file is not None:
        shown = 10 * np.log10(published_array(file))[: iterations + 1]
        curve[: len(shown)] = shown
    return curve


@styled
def draw(data: xr.Dataset, lowest_db: float | None = None) -> Figure:
    """Medians and ranges of our starts, the published start dashed, our own method.

    Nothing below `lowest_db` is shown; how far ours goes is said.
    """
    figure = new_figure(3.1)
    axes = figure.add_subplot()
    for decay, colour in zip(data.decay.values, _COLOURS, strict=False):
        runs = data.nmse_db.sel(decay=decay)
        axes.fill_between(
            data.iteration, runs.min("start"), runs.max("start"), color=colour, alpha=0.18, lw=0
        )
        axes.plot(data.iteration, runs.median("start"), color=colour, label=f"decay {decay:g}")
        published = data.published_nmse_db.sel(decay=decay)
        axes.plot(data.iteration, published, "--", color=colour, linewidth=0.9)
    ours = data.our_nmse_db.median("our_start")
    axes.plot(data.iteration, ours, color="black", label=_our_label(ours, lowest_db))
    axes.plot([], [], "--", color="black", linewidth=0.9, label="published, one start")
    axes.fill_between([], [], [], color=SKY, alpha=0.3, label="range over starts")
    axes.set_ylim(bottom=lowest_db)
    axes.set_xlabel("iteration")
    axes.set_ylabel("NMSE (dB)")
    axes.grid(visible=True)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _our_label(ours: xr.DataArray, lowest_db: float | None) -> str:
    label, last_db = "ours, Levenberg-Marquardt", float(ours[-1])
    return label if lowest_db is None or last_db > lowest_db else f"{label}, to {last_db:.0f} dB"


def judge_decay(data: xr.Dataset, decay: float) -> Verdict:
    """Whether the published start is one more of ours, by the mean of its curve in dB."""
    chosen = data.sel(decay=decay)
    known = np.isfinite(chosen.published_nmse_db.values)
    if not known.any():
        return Verdict(Judgement.NOT_PUBLISHED, f"Decay {decay:g} has no published curve.")
    runs, shown = chosen.nmse_db.values[:, known], chosen.published_nmse_db.values[known]
    levels_db, level_db = runs.mean(axis=1), shown.mean()
    low_db, high_db = prediction_interval(levels_db)
    agrees = low_db <= level_db <= high_db
    return Verdict(
        Judgement.AGREES if agrees else Judgement.DIFFERS,
        f"Decay {decay:g}: the published start's level, the mean of its curve, is "
        f"{level_db:.1f} dB; 99 % of ours are between {low_db:.1f} and {high_db:.1f} dB. It ends "
        f"at {shown[-1]:.0f} dB, ours at {np.median(runs[:, -1]):.0f} dB in the median.",
    )
