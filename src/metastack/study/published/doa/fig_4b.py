"""Fig. 4b of the DOA paper: the 2x2 fit after 100 iterations, over the decay of the rate.

The paper has decays from .7 to 1 in steps of .0001; here they are a hundredth of that many. The
published mean is one of errors in dB: at .775 it is -183 dB where the worst of 21 starts has -66,
which would be no less than -79 dB in the mean of the errors themselves. So is ours.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from ....report.style import GREY, VERMILION, new_figure, styled
from ...units import Results
from ..published_data import published_array
from ..study import Judgement, Paper, Study, Verdict
from . import decay_sweep
from .decay_sweep import Decays, best_decay, decays_of, rate_limit_db
from .descents import BEST_2X2

_FIRST_PUBLISHED, _PUBLISHED_STEP = 0.7, 1e-4
# Published curves, and what they are over the starts.
_PUBLISHED = {"mean": "NMSE_mean", "lowest": "NMSE_lower_bound", "highest": "NMSE_upper_bound"}
_PUBLISHED_STARTS = 21
# Two means of starts differ by more once in a hundred times, in standard deviations.
_DEVIATIONS = 2.58
# Where too fast a decay leaves no starts stuck, by the published worst.
_CONVERGED_DB = -100.0


def gather(parameters: Decays, results: Sequence[Results]) -> xr.Dataset:
    """NMSE in dB over decays and starts; what is published of 21 starts beside it."""
    data = decay_sweep.gather(parameters, results)
    for name, file in _PUBLISHED.items():
        shown = published_array(f"Fig_5b/{file}.mat")
        index = [round((d - _FIRST_PUBLISHED) / _PUBLISHED_STEP) for d in decays_of(parameters)]
        data[f"published_{name}_db"] = ("decay", 10 * np.log10(shown[index]), {"units": "dB"})
    return data


@styled
def draw(data: xr.Dataset) -> Figure:
    """Our median and range, the published mean and range, the last learning rate, our method."""
    figure = new_figure(3.3)
    axes = figure.add_subplot()
    decay_sweep.draw_starts(axes, data)
    axes.fill_between(
        data.decay,
        data.published_lowest_db,
        data.published_highest_db,
        color=VERMILION,
        alpha=0.2,
        lw=0,
        label="range, published",
    )
    axes.plot(data.decay, data.published_mean_db, "--", color=VERMILION, label="mean, published")
    limit_db = rate_limit_db(data.decay.values, data.attrs["iterations"])
    axes.plot(data.decay, limit_db, ":", color=GREY, label="last learning rate, squared")
    decay_sweep.finish(figure, axes, data)
    return figure


def judge(data: xr.Dataset) -> list[Verdict]:
    """Published means against ours, the best decay, what the errors are made of, our method."""
    return [_judge_means(data), _judge_best(data), _judge_limit(data), _judge_ours(data)]


def _judge_means(data: xr.Dataset) -> Verdict:
    """Starts above the floor are not normal, so that some more than one in a hundred may differ."""
    starts = data.sizes["start"]
    deviation = data.nmse_db.std("start", ddof=1) * np.sqrt(1 / starts + 1 / _PUBLISHED_STARTS)
    apart = np.abs(data.published_mean_db - data.nmse_db.mean("start"))
    share = float((apart < _DEVIATIONS * deviation).mean())
    return Verdict(
        Judgement.AGREES if share >= 0.9 else Judgement.DIFFERS,
        f"The published mean of {_PUBLISHED_STARTS} starts is where ours of {starts} allow it, by "
        f"99 % intervals, at {share:.0%} of {data.sizes['decay']} decays; the two means are "
        f"{float(apart.median()):.1f} dB apart in the median.",
    )


def _judge_best(data: xr.Dataset) -> Verdict:
    """The paper: the error falls with the decay, then rises; the worst start says what is best."""
    found, low, high = best_decay(np.max, data)
    shown = float(data.decay[data.published_highest_db.values.argmin()])
    return Verdict(
        Judgement.AGREES if low <= shown <= high else Judgement.DIFFERS,
        f"The worst start is best at decay {found:g} (95 % of such experiments: {low:g} to "
        f"{high:g}); as published, at {shown:g}.",
    )


def _judge_limit(data: xr.Dataset) -> Verdict:
    """What is left after n iterations is how far the last steps were, decay^n, not what fits."""
    limit_db = xr.zeros_like(data.published_mean_db) + rate_limit_db(
        data.decay.values, data.attrs["iterations"]
    )
    shown = data.where(data.published_highest_db < _CONVERGED_DB, drop=True)
    if not shown.sizes["decay"]:
        return Verdict(
            Judgement.NOT_PUBLISHED, "No decay here lets every published start converge."
        )
    middles = shown.published_mean_db, shown.nmse_db.median("start")
    above = [each - limit_db.sel(decay=shown.decay) for each in middles]
    return Verdict(
        Judgement.DIFFERS,
        f"From decay {float(shown.decay.min()):g} to {float(shown.decay.max()):g}, where every "
        f"published start gets below {_CONVERGED_DB:.0f} dB, the published mean is "
        f"{float(above[0].min()):.0f} to {float(above[0].max()):.0f} dB above the square of the "
        f"last learning rate, decay^{data.attrs['iterations']}, and our median "
        f"{float(above[1].min()):.0f} to {float(above[1].max()):.0f} dB: the error says how small "
        "steps had become, not how well the stack can fit.",
    )


def _judge_ours(data: xr.Dataset) -> Verdict:
    ours, shown = float(data.our_nmse_db.max()), float(data.published_mean_db.min())
    return Verdict(
        Judgement.BETTER if ours < shown else Judgement.DIFFERS,
        f"Our method has no rate to choose and ends at {ours:.0f} dB in the worst of "
        f"{data.sizes['our_start']} starts; the best published mean over all decays is "
        f"{shown:.0f} dB.",
    )


STUDY = Study(
    name="doa-fig-4b",
    paper=Paper.DOA,
    title="The 2x2 fit after 100 iterations over the decay of the learning rate",
    claim="As the decay grows, the error after 100 iterations first falls, as starts no longer get "
    "stuck, then rises, as the steps stay too long; about .8 is best for the worst of 21 starts.",
    published=Decays(_FIRST_PUBLISHED),
    quick=Decays(_FIRST_PUBLISHED, decay_step=0.025, starts=5, our_starts=2),
    units=partial(decay_sweep.units, BEST_2X2),
    gather=gather,
    draw=draw,
    judge=judge,
)
