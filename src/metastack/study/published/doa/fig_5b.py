"""Fig. 5b of the DOA paper: the 4x4 fit after 100 iterations, over the decay of the rate.

The paper has many more decays than these, from .8 to 1, and its numbers are not published.
"""

from functools import partial

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from ....report.style import GREY, new_figure, styled
from ..study import Judgement, Paper, Study, Verdict
from . import decay_sweep
from .decay_sweep import Decays, best_decay
from .descents import BEST_4X4

# What the paper finds best, in its text.
_PAPERS_DECAY = 0.95
# Where the picture ends: the paper's descents all stay above it.
_LOWEST_DB = -40


@styled
def draw(data: xr.Dataset) -> Figure:
    """Our mean and range, what the paper's text has for the best, our method."""
    figure = new_figure(3.1)
    axes = figure.add_subplot()
    decay_sweep.draw_starts(axes, data)
    label = f"best by the paper's text, {_PAPERS_DECAY:g}"
    axes.axvline(_PAPERS_DECAY, color=GREY, linestyle="--", label=label)
    decay_sweep.finish(figure, axes, data, _LOWEST_DB)
    return figure


def judge(data: xr.Dataset) -> list[Verdict]:
    """The best decay against the paper's text, and our method."""
    return [_judge_best(data), _judge_ours(data)]


def _judge_best(data: xr.Dataset) -> Verdict:
    """A grid knows the best to a step either way."""
    found, low, high = best_decay(np.mean, data)
    step = float(np.diff(data.decay).max())
    agrees = low - step <= _PAPERS_DECAY <= high + step
    least = float(data.nmse_db.mean("start").min())
    return Verdict(
        Judgement.AGREES if agrees else Judgement.DIFFERS,
        f"The paper has no data here; its text finds a decay of about {_PAPERS_DECAY:g} best. "
        f"After {data.attrs['iterations']} iterations our {data.sizes['start']} starts are best at "
        f"{found:g} (95 % of such experiments: {low:g} to {high:g}, in steps of {step:.2g}), at "
        f"{least:.0f} dB in the mean.",
    )


def _judge_ours(data: xr.Dataset) -> Verdict:
    ours, least = float(data.our_nmse_db.max()), float(data.nmse_db.min())
    return Verdict(
        Judgement.BETTER if ours < least else Judgement.DIFFERS,
        f"No decay brings the paper's descent below {least:.0f} dB in any start; our method has no "
        f"rate to choose and ends at {ours:.0f} dB in the worst of {data.sizes['our_start']} "
        "starts, on the same stack.",
    )


STUDY = Study(
    name="doa-fig-5b",
    paper=Paper.DOA,
    title="The 4x4 fit after 100 iterations over the decay of the learning rate",
    claim="The error falls with the decay and rises again; about .95 is best for the 4x4 DFT, "
    "where .8 is for the 2x2.",
    published=Decays(0.8, starts=10),
    quick=Decays(0.8, decay_step=0.05, starts=3, our_starts=2),
    units=partial(decay_sweep.units, BEST_4X4),
    gather=decay_sweep.gather,
    draw=draw,
    judge=judge,
)
