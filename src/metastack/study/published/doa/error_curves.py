"""What both panels of the DOA paper's Fig. 8 have in common: errors over the effective SNR.

Dimensions of the dataset: `steps` snapshots a side, `snr_db`, and `axis`, the electrical angle. All
errors are of ψ/π, squared; ours are averages over both axes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from ....report.style import BLUE, VERMILION, new_figure, styled
from ...units import Results, Unit
from ..study import Judgement, Verdict
from .our_accuracy import STACK, accuracy
from .peak_trials import PUBLISHED_TRIALS, peak_trials, theory

AXES = ("x", "y")
_Look: TypeAlias = dict[str, Any]
_COLOURS, _MARKERS = (BLUE, VERMILION), ("o", "s")
# As lines and markers mean the same for every number of snapshots, they are told in black.
_SIMULATED: _Look = {"linestyle": "-", "linewidth": 1.0}
_THEORY: _Look = {"linestyle": "--", "linewidth": 0.9}
_EXACT: _Look = {"linestyle": "none", "marker": "x", "markersize": 3.5, "markeredgewidth": 0.8}
_BOUND: _Look = {"linestyle": ":", "linewidth": 1.2}


@dataclass(frozen=True)
class ErrorCurves:
    """What is simulated.

    `response`: a published file. `steps`: snapshots a side; `our_steps`: of those, where maximum
    likelihood is shown, with `our_trials`. `directions`: over how many the bounds average.
    """

    response: str
    side: int
    steps: tuple[int, ...] = (2, 4)
    snrs_db: tuple[float, ...] = tuple(float(db) for db in range(10, 31))
    trials: int = 20_000
    directions: int = PUBLISHED_TRIALS
    our_steps: tuple[int, ...] = (2, 4)
    our_trials: int = 4000
    seed: int = 9


def units(parameters: ErrorCurves) -> list[Unit]:
    """The theory of each number of snapshots, the trials of each SNR, then maximum likelihood."""
    p = parameters
    device = {"response": p.response, "side": p.side}
    curve = {"snrs_db": p.snrs_db}
    of_theory = {"side": p.side, "directions": p.directions, **curve}
    of_ours = {**device, **curve, "device": STACK, "reading": "ml", "trials": p.our_trials}
    return [
        *(Unit(theory, {**of_theory, "steps": steps}) for steps in p.steps),
        *(
            Unit(
                peak_trials,
                {
                    **device,
                    "steps": steps,
                    "snr_db": snr_db,
                    "trials": p.trials,
                    "seed": p.seed + number,
                },
            )
            for steps in p.steps
            for number, snr_db in enumerate(p.snrs_db)
        ),
        *(
            Unit(accuracy, {**of_ours, "steps": steps, "seed": p.seed}, points=len(p.snrs_db))
            for steps in p.our_steps
        ),
    ]


def gather(parameters: ErrorCurves, results: Sequence[Results]) -> xr.Dataset:
    """Theory and trials of the strongest bin; ours with the bound of its own, NaN where not run."""
    p = parameters
    many, snrs = len(p.steps), len(p.snrs_db)
    bounds, trials, ours = (
        results[:many],
        results[many : many + many * snrs],
        results[-len(p.our_steps) :] if p.our_steps else [],
    )
    dims = ("steps", "snr_db", "axis")
    data: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        name: (dims, np.array([r[name] for r in bounds])) for name in bounds[0]
    }
    for name in trials[0]:
        table = np.array([r[name] for r in trials]).reshape(many, snrs, 2)
        data[name] = (dims, table)
    for name in ("mse", "low", "high", "bound"):
        data[f"our_{name}"] = (("steps", "snr_db"), _on_steps(p, ours, name))
    coords = {"steps": list(p.steps), "snr_db": list(p.snrs_db), "axis": list(AXES)}
    attrs = {
        "side": p.side,
        "trials": p.trials,
        "our_trials": p.our_trials,
        "directions": p.directions,
    }
    return xr.Dataset(data, coords, attrs)


def _on_steps(parameters: ErrorCurves, ours: Sequence[Results], name: str) -> np.ndarray:
    known = {s: each[name] for s, each in zip(parameters.our_steps, ours, strict=True)}
    nothing = np.full(len(parameters.snrs_db), np.nan)
    return np.array([known.get(steps, nothing) for steps in parameters.steps])


@styled
def draw(data: xr.Dataset) -> Figure:
    """Means over both angles: simulation, theory, published points where there are any, ours."""
    figure = new_figure(3.9)
    axes = figure.add_subplot()
    axes.set_yscale("log")
    for steps, colour, marker in zip(data.steps.values, _COLOURS, _MARKERS, strict=False):
        _draw_steps(axes, data.sel(steps=steps), colour, marker)
        axes.plot([], [], color=colour, linewidth=3, label=f"{steps} × {steps} snapshots")
    _explain(axes, data)
    axes.set_xlabel("effective SNR (dB)")
    axes.set_ylabel("MSE of $ψ/π$")
    axes.grid(visible=True)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _draw_steps(axes: Axes, data: xr.Dataset, colour: str, marker: str) -> None:
    snr_db, both = data.snr_db.values, data.mean("axis")
    axes.plot(snr_db, both.mse, color=colour, **_SIMULATED)
    axes.plot(snr_db, both.theorem_mse, color=colour, **_THEORY)
    axes.plot(snr_db, both.exact_mse, color=colour, **_EXACT)
    if "shown_mse" in data:
        axes.plot(snr_db, both.shown_mse, marker, color=colour, markersize=3.5, fillstyle="none")
    axes.plot(snr_db, data.our_mse, marker, color=colour, markersize=3.5)
    axes.plot(snr_db, data.our_bound, color=colour, **_BOUND)


def _explain(axes: Axes, data: xr.Dataset) -> None:
    black: _Look = {"color": "black"}
    axes.plot([], [], label="strongest bin, simulated", **black, **_SIMULATED)
    axes.plot([], [], label="its bound, Theorem 2", **black, **_THEORY)
    axes.plot([], [], label="its bound, exact pairs, ours", **black, **_EXACT)
    if "shown_mse" in data:
        axes.plot([], [], "o", markersize=3.5, fillstyle="none", label="published trials", **black)
    axes.plot([], [], "o", markersize=3.5, label="maximum likelihood, ours", **black)
    axes.plot([], [], label="Cramér-Rao bound, energies", **black, **_BOUND)


def surely_above(data: xr.Dataset, bound: xr.DataArray) -> xr.DataArray:
    """Which simulated points are above a bound: at 99 % confidence that none is named wrongly."""
    return data.mse - norm.isf(0.01 / data.mse.size) * data.standard_error > bound


def judge_exact_bound(data: xr.Dataset) -> Verdict:
    """How much exact probabilities tighten Theorem 2, and whether both hold by our trials."""
    ratio = data.exact_mse / data.theorem_mse
    above = surely_above(data, data.exact_mse)
    tighter = bool((ratio < 1).all()) and not bool(above.any())
    return Verdict(
        Judgement.BETTER if tighter else Judgement.DIFFERS,
        f"With exact pairwise probabilities the bound is {100 * (1 - float(ratio.max())):.2g} to "
        f"{100 * (1 - float(ratio.min())):.2g} % below Theorem 2; our simulation is surely above "
        f"it at {int(above.sum())} of {above.size} points.",
    )


def judge_ours(data: xr.Dataset) -> list[Verdict]:
    """How far maximum likelihood is below the strongest bin, and how near to its bound."""
    return [
        _judge_ours(data.sel(steps=steps))
        for steps in data.steps.values
        if _is_run(data, int(steps))
    ]


def _is_run(data: xr.Dataset, steps: int) -> bool:
    return bool(np.isfinite(data.our_mse.sel(steps=steps)).any())


def _judge_ours(data: xr.Dataset) -> Verdict:
    """At the SNR in the middle, where the paper's estimator has reached its floor."""
    at = data.isel(snr_db=data.sizes["snr_db"] // 2)
    peak, ours = float(at.wrapped_mse.mean()), float(at.our_mse)
    gain_db, above_db = 10 * np.log10(peak / ours), 10 * np.log10(ours / float(at.our_bound))
    better = float(at.our_high) < float((at.wrapped_mse - 2.576 * at.standard_error).mean())
    return Verdict(
        Judgement.BETTER if better else Judgement.DIFFERS,
        f"With {int(data.steps)} x {int(data.steps)} snapshots at {float(at.snr_db):g} dB maximum "
        f"likelihood reads the same energies with {gain_db:.1f} dB less error than the strongest "
        f"bin ({ours:.2g} against {peak:.2g}), {above_db:+.2f} dB from the Cramér-Rao bound of "
        "energies: the floor is the grid's, not that of physics.",
    )
