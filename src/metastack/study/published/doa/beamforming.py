"""What both panels of the DOA paper's Fig. 9 have in common: a stack against digital arrays.

Digital beamforming matches steering vectors of the grid of bins to what an array of the stack's
elements received in as many snapshots, with its phases; the large array has N T elements and takes
one snapshot. Errors are of ψ/π, squared, averaged over ψ_x and ψ_y, wrapped.

Nothing of it is published as data; judged are the trends of the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ....report.style import BLUE, GREEN, VERMILION, new_figure, styled
from ...units import Results, Unit
from ..study import Judgement, Verdict
from .our_accuracy import LARGE_ARRAY, SMALL_ARRAY, STACK, accuracy

# Device and reading: the paper's three, then ours; colours are those of devices.
_BINS = ((STACK, "peak"), (SMALL_ARRAY, "strongest bin"), (LARGE_ARRAY, "strongest bin"))
_OURS = ((STACK, "ml"), (SMALL_ARRAY, "matched"))
_COLOURS = {STACK: BLUE, SMALL_ARRAY: VERMILION, LARGE_ARRAY: GREEN}
_MARKERS = {STACK: "o", SMALL_ARRAY: "s", LARGE_ARRAY: "^"}
_READINGS = {
    "peak": "strongest bin",
    "ml": "maximum likelihood",
    "matched": "matched, off the grid",
}
# What the text calls similar: a fifth is less than what a line in its figure can show.
_SIMILAR_DB = 1.0


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    `response`: a published file. `steps`: snapshots a side. `ours`: what is read off the grid.
    """

    response: str
    side: int
    steps: int
    snrs_db: tuple[float, ...] = tuple(float(db) for db in range(10, 31, 2))
    trials: int = 20_000
    our_trials: int = 4000
    ours: tuple[str, ...] = ("ml", "matched")
    seed: int = 0


def units(parameters: Comparison) -> list[Unit]:
    """One curve each."""
    p = parameters
    common = {"response": p.response, "side": p.side, "steps": p.steps, "snrs_db": p.snrs_db}
    return [
        Unit(
            accuracy,
            {**common, "device": device, "reading": reading, "trials": trials, "seed": p.seed},
            points=len(p.snrs_db),
        )
        for device, reading, trials in _curves(p)
    ]


def _curves(parameters: Comparison) -> list[tuple[str, str, int]]:
    """Device, reading and trials of every curve."""
    p = parameters
    ours = [(*each, p.our_trials) for each in _OURS if each[1] in p.ours]
    return [*((*each, p.trials) for each in _BINS), *ours]


def gather(parameters: Comparison, results: Sequence[Results]) -> xr.Dataset:
    """`mse`, its 99 % interval and the Cramér-Rao `bound` over curves and SNRs."""
    dims = ("curve", "snr_db")
    names = ("mse", "low", "high", "bound")
    data = {name: (dims, np.array([each[name] for each in results])) for name in names}
    curves = [f"{device}, {reading}" for device, reading, _ in _curves(parameters)]
    attrs = {"side": parameters.side, "steps": parameters.steps, "trials": parameters.trials}
    return xr.Dataset(data, {"curve": curves, "snr_db": list(parameters.snrs_db)}, attrs)


@styled
def draw(data: xr.Dataset) -> Figure:
    """A colour for each device; filled markers read off the grid, beside the bounds."""
    figure = new_figure(3.9)
    axes = figure.add_subplot()
    axes.set_yscale("log")
    for curve in data.curve.values:
        _draw_curve(axes, data.sel(curve=curve), *str(curve).split(", "))
    axes.plot([], [], ":", color="black", label="Cramér-Rao bounds")
    axes.set_xlabel("effective SNR (dB)")
    axes.set_ylabel("MSE of $ψ/π$")
    axes.grid(visible=True)
    figure.legend(loc="outside lower center", ncols=1)
    return figure


def _draw_curve(axes: Axes, data: xr.Dataset, device: str, reading: str) -> None:
    ours = (device, reading) in _OURS
    axes.errorbar(
        data.snr_db,
        data.mse,
        [data.mse - data.low, data.high - data.mse],
        color=_COLOURS[device],
        marker=_MARKERS[device],
        markersize=3.5,
        fillstyle="full" if ours else "none",
        linestyle="none" if ours else "-",
        linewidth=0.9,
        label=f"{_named(device, data)}: {_READINGS.get(reading, reading)}",
    )
    axes.plot(data.snr_db, data.bound, ":", color=_COLOURS[device])


def _named(device: str, data: xr.Dataset) -> str:
    side, steps = data.attrs["side"], data.attrs["steps"]
    return {
        STACK: f"stack, {side}×{side}, {steps}×{steps} snapshots",
        SMALL_ARRAY: f"digital array, {side}×{side}, {steps}×{steps} snapshots",
        LARGE_ARRAY: f"digital array, {side * steps}×{side * steps}, one snapshot",
    }[device]


def judge(data: xr.Dataset) -> list[Verdict]:
    """The three statements of the text, then what the same devices can do off the grid."""
    return [_judge_similar(data), _judge_lower(data), _judge_gap(data), *_judge_ours(data)]


def _bins(data: xr.Dataset, device: str) -> xr.Dataset:
    return data.sel(curve=f"{device}, {dict(_BINS)[device]}")


def _judge_similar(data: xr.Dataset) -> Verdict:
    """'Performs similarly well to the digital beamforming-based method under all setups'."""
    stack, digital = (_bins(data, device) for device in (STACK, SMALL_ARRAY))
    gap_db = 10 * np.log10(stack.mse / digital.mse)
    worst = gap_db.isel(snr_db=int(np.argmax(gap_db.values)))
    last_db = float(gap_db[-1])
    return Verdict(
        Judgement.AGREES if float(worst) < _SIMILAR_DB else Judgement.DIFFERS,
        f"Reading energies costs up to {float(worst):.1f} dB against digital beamforming with "
        f"phases, at {float(worst.snr_db):g} dB, and {last_db:.2f} dB at "
        f"{float(data.snr_db[-1]):g} dB; the text calls them similar under all setups. (Its "
        f"numbers of snapshots are lost; ours is {data.attrs['steps']} x {data.attrs['steps']}.)",
    )


def _judge_lower(data: xr.Dataset) -> Verdict:
    """'Provides a lower bound for the SIM-based scheme'."""
    stack, large = (_bins(data, device) for device in (STACK, LARGE_ARRAY))
    below = bool((large.low <= stack.high).all())
    return Verdict(
        Judgement.AGREES if below else Judgement.PAPER_WRONG,
        f"The array of {_large(data)} elements in one snapshot is "
        f"{'nowhere' if below else 'somewhere'} worse than the stack beyond 99 % intervals of "
        f"{data.attrs['trials']} trials; it is no bound in the strict sense, only the same grid "
        "read with more signal.",
    )


def _judge_gap(data: xr.Dataset) -> Verdict:
    """'The gap gradually narrows as the effective SNR increases'."""
    stack, large = (_bins(data, device) for device in (STACK, LARGE_ARRAY))
    gaps_db = (10 * np.log10(stack.mse / large.mse)).values
    narrows = bool(gaps_db[-1] < gaps_db[0])
    return Verdict(
        Judgement.AGREES if narrows else Judgement.DIFFERS,
        f"The stack's error is {gaps_db[0]:.1f} dB above that of the array of {_large(data)} "
        f"elements at {float(data.snr_db[0]):g} dB and {gaps_db[-1]:.2f} dB at "
        f"{float(data.snr_db[-1]):g} dB.",
    )


def _judge_ours(data: xr.Dataset) -> list[Verdict]:
    """At the highest SNR, against the large array, the best of the paper's."""
    last, verdicts = data.isel(snr_db=-1), list[Verdict]()
    large = _bins(last, LARGE_ARRAY)
    for device, reading in _OURS:
        if f"{device}, {reading}" in data.curve.values:
            ours = last.sel(curve=f"{device}, {reading}")
            verdicts.append(_judge_off_grid(device, reading, ours, large))
    return verdicts


def _judge_off_grid(device: str, reading: str, ours: xr.Dataset, large: xr.Dataset) -> Verdict:
    gain_db = 10 * np.log10(float(large.mse) / float(ours.mse))
    above_db = 10 * np.log10(float(ours.mse) / float(ours.bound))
    return Verdict(
        Judgement.BETTER if float(ours.high) < float(large.low) else Judgement.DIFFERS,
        f"Ours, {_READINGS[reading]} of the {device}, is {gain_db:.1f} dB better at "
        f"{float(ours.snr_db):g} dB than the strongest bin of the array of {_large(large)} "
        f"elements ({float(ours.mse):.2g} against {float(large.mse):.2g}), {above_db:+.2f} dB from "
        "its Cramér-Rao bound.",
    )


def _large(data: xr.Dataset) -> str:
    side = data.attrs["side"] * data.attrs["steps"]
    return f"{side} x {side}"
