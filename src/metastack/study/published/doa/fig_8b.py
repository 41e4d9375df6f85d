"""Fig. 8b of the DOA paper: how far off the strongest bin is over the SNR, 4x4 elements.

Nothing of it is published as data, and the text lost its numbers; judged are its trends. The
simulated device is the published response of the trained stack, 31 dB from a DFT; the numbers of
snapshots are those of Fig. 8a.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ...units import Results, Unit
from ..study import Judgement, Paper, Study, Verdict
from . import error_curves
from .error_curves import ErrorCurves
from .peak_trials import peak_trials

_SMALLER = {"response": "Fig_7a/DFT_2.mat", "side": 2}


@dataclass(frozen=True)
class Parameters(ErrorCurves):
    """As Fig. 8a."""

    response: str = "Fig_8a/DFT_4.mat"
    side: int = 4


def units(parameters: Parameters) -> list[Unit]:
    """As `error_curves`, and 2x2 elements at the highest SNR for each number of snapshots."""
    p = parameters
    smaller = {**_SMALLER, "snr_db": p.snrs_db[-1], "trials": p.trials, "seed": p.seed}
    of_smaller = [Unit(peak_trials, {**smaller, "steps": steps}) for steps in p.steps]
    return [*of_smaller, *error_curves.units(p)]


def gather(parameters: Parameters, results: Sequence[Results]) -> xr.Dataset:
    """As `error_curves`, and `smaller_mse`, of 2x2 elements at the highest SNR."""
    many = len(parameters.steps)
    data = error_curves.gather(parameters, results[many:])
    smaller = [each["mse"] for each in results[:many]]
    return data.assign(smaller_mse=(("steps", "axis"), np.array(smaller)))


def judge(data: xr.Dataset) -> list[Verdict]:
    """The trends that the text tells, by our simulation, then ours."""
    return [
        _judge_falling(data),
        _judge_bound(data),
        _judge_aperture(data),
        error_curves.judge_exact_bound(data),
        *error_curves.judge_ours(data),
    ]


def _judge_falling(data: xr.Dataset) -> Verdict:
    """Ends of the curves, by more than what chance allows of two means."""
    both = data[["mse", "standard_error"]].mean("axis")
    low, high = both.isel(snr_db=0), both.isel(snr_db=-1)
    rises = (
        _surely_below(low, high).any()
        or _surely_below(both.isel(steps=0), both.isel(steps=-1)).any()
    )
    falls = (
        _surely_below(high, low).any()
        and _surely_below(both.isel(steps=-1), both.isel(steps=0)).all()
    )
    told = "; ".join(
        f"{steps} x {steps} snapshots: {float(low.mse.sel(steps=steps)):.4g} to "
        f"{float(high.mse.sel(steps=steps)):.4g} from {float(low.snr_db):g} to "
        f"{float(high.snr_db):g} dB"
        for steps in data.steps.values
    )
    return Verdict(
        Judgement.AGREES if falls and not rises else Judgement.DIFFERS,
        f"The error {'falls' if falls and not rises else 'does not surely fall'} with the SNR, "
        f"until the grid's floor, and with the snapshots ({told}). The paper publishes no data of "
        "it, and the numbers are lost from its text.",
    )


def _surely_below(one: xr.Dataset, other: xr.Dataset) -> xr.DataArray:
    error = np.hypot(one.standard_error, other.standard_error)
    return one.mse < other.mse - 2.576 * error


def _judge_bound(data: xr.Dataset) -> Verdict:
    """Above the bound by more than chance: it fails; at the highest SNR within 10 %: tight."""
    above = error_curves.surely_above(data, data.theorem_mse)
    over = data.theorem_mse / data.mse
    first, last = float(over.isel(snr_db=0).max()), float(over.isel(snr_db=-1).max())
    if bool(above.any()):
        return Verdict(
            Judgement.PAPER_WRONG,
            f"Theorem 2 is no upper bound: our simulation is above it at {int(above.sum())} of "
            f"{above.size} points, by 99 % confidence of all together.",
        )
    return Verdict(
        Judgement.AGREES if last < min(first, 1.1) else Judgement.DIFFERS,
        f"Theorem 2 is an upper bound at all {above.size} points, up to {first:.3g} times our "
        f"simulation at {float(data.snr_db[0]):g} dB and {last:.3g} times at "
        f"{float(data.snr_db[-1]):g} dB, where the text calls it tight.",
    )


def _judge_aperture(data: xr.Dataset) -> Verdict:
    at = data.isel(steps=-1, snr_db=-1).mean("axis")
    gain_db = 10 * np.log10(float(at.smaller_mse) / float(at.mse))
    return Verdict(
        Judgement.AGREES if gain_db > 1 else Judgement.DIFFERS,
        f"Twice the aperture, from 2x2 to 4x4 elements, lowers the error at "
        f"{float(data.snr_db[-1]):g} dB with {int(data.steps[-1])} snapshots a side from "
        f"{float(at.smaller_mse):.3g} to {float(at.mse):.3g}, by {gain_db:.1f} dB; bins half as "
        "wide make it 6 dB.",
    )


STUDY = Study(
    name="doa-fig-8b",
    paper=Paper.DOA,
    title="Error of the strongest bin over the SNR, 4x4 elements, and its bound",
    claim="With 4x4 elements the error falls with the SNR and the number of snapshots as with 2x2, "
    "to a lower floor; Theorem 2 is an upper bound that becomes tight at high SNR.",
    published=Parameters(),
    quick=Parameters(
        snrs_db=(10.0, 15.0, 20.0, 25.0, 30.0), trials=10_000, our_steps=(4,), our_trials=1000
    ),
    units=units,
    gather=gather,
    draw=error_curves.draw,
    judge=judge,
)
