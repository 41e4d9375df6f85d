"""Fig. 4a of the DOA paper: how the 2x2 fit falls with the iterations, for three decays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from ....report.style import BLUE, GREEN, SKY, VERMILION, new_figure, styled
from ...units import Results, Unit
from ..published_data import published_array
from ..statistics import prediction_interval
from ..study import Judgement, Paper, Study, Verdict
from .descents import BEST_2X2, descents, our_designs

_COLOURS = (BLUE, GREEN, VERMILION)
_PUBLISHED = {0.75: "NMSE_75", 0.8: "NMSE_80", 0.9: "NMSE_90"}


@dataclass(frozen=True)
class Parameters:
    """The paper's, but for the number of starts: it shows one."""

    decays: tuple[float, ...] = (0.75, 0.8, 0.9)
    iterations: int = 200
    starts: int = 21
    our_starts: int = 5
    seed: int = 0


def units(parameters: Parameters) -> list[Unit]:
    """One descent for each decay, then ours."""
    p = parameters
    common = {"stack": BEST_2X2, "iterations": p.iterations, "seed": p.seed}
    by_decay = [Unit(descents, {**common, "decay": d, "starts": p.starts}) for d in p.decays]
    return [*by_decay, Unit(our_designs, {**common, "starts": p.our_starts})]


def gather(parameters: Parameters, results: Sequence[Results]) -> xr.Dataset:
    """NMSE in dB over decays, starts and iterations; the published curves beside them."""
    *by_decay, ours = results
    published = [_published_db(decay, parameters.iterations) for decay in parameters.decays]
    return xr.Dataset(
        {
            "nmse_db": (("decay", "start", "iteration"), [r["history_db"] for r in by_decay]),
            "published_nmse_db": (("decay", "iteration"), published),
            "our_nmse_db": (("our_start", "iteration"), ours["history_db"]),
        },
        coords={
            "decay": list(parameters.decays),
            "iteration": np.arange(parameters.iterations + 1),
        },
    )


def _published_db(decay: float, iterations: int) -> np.ndarray:
    """The published curve, which begins with iteration 0; NaN where there is none."""
    curve = np.full(iterations + 1, np.nan)
    if decay in _PUBLISHED:
        shown = 10 * np.log10(published_array(f"Fig_5a/{_PUBLISHED[decay]}.mat"))[: iterations + 1]
        curve[: len(shown)] = shown
    return curve


@styled
def draw(data: xr.Dataset) -> Figure:
    """Medians and ranges of our starts, the published start dashed, our own method."""
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
    axes.plot(data.iteration, ours, color="black", label="ours, Levenberg-Marquardt")
    axes.plot([], [], "--", color="black", linewidth=0.9, label="published, one start")
    axes.fill_between([], [], [], color=SKY, alpha=0.3, label="range over starts")
    axes.set_xlabel("iteration")
    axes.set_ylabel("NMSE (dB)")
    axes.grid(visible=True)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def judge(data: xr.Dataset) -> list[Verdict]:
    """Whether each published start is one that ours could be, and where our method is by then."""
    return [*(_judge_decay(data, float(decay)) for decay in data.decay.values), _judge_ours(data)]


def _judge_decay(data: xr.Dataset, decay: float) -> Verdict:
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
        f"{level_db:.0f} dB; 99 % of ours are between {low_db:.0f} and {high_db:.0f} dB. It ends "
        f"at {shown[-1]:.0f} dB, ours at {np.median(runs[:, -1]):.0f} dB in the median.",
    )


def _judge_ours(data: xr.Dataset) -> Verdict:
    arrived = np.flatnonzero(data.our_nmse_db.median("our_start").values < -200)
    if not arrived.size:
        return Verdict(Judgement.DIFFERS, "Our method does not reach -200 dB in these iterations.")
    return Verdict(
        Judgement.BETTER,
        f"Our method reaches -200 dB, where rounding takes over, in {arrived[0]} iterations; the "
        "paper's needs more than 100 at its best decay and stalls above it in some starts.",
    )


STUDY = Study(
    name="doa-fig-4a",
    paper=Paper.DOA,
    title="Convergence of the 2x2 fit for three decays of the learning rate",
    claim="Gradient descent fits a stack of 7 layers of 11x11 atoms to the 2x2 DFT down to the "
    "floor of rounding; a rate that decays too fast gets stuck, one that decays too slowly "
    "overshoots and needs more iterations.",
    published=Parameters(),
    quick=Parameters(starts=5, our_starts=2),
    units=units,
    gather=gather,
    draw=draw,
    judge=judge,
)
