"""Fig. 4a of the DOA paper: how the 2x2 fit falls with the iterations, for three decays."""

from functools import partial

import numpy as np
import xarray as xr

from ..study import Judgement, Paper, Study, Verdict
from . import convergence
from .convergence import Descents, judge_decay
from .descents import BEST_2X2

_PUBLISHED = {0.75: "Fig_5a/NMSE_75.mat", 0.8: "Fig_5a/NMSE_80.mat", 0.9: "Fig_5a/NMSE_90.mat"}


def judge(data: xr.Dataset) -> list[Verdict]:
    """Whether each published start is one that ours could be, and where our method is by then."""
    return [*(judge_decay(data, float(decay)) for decay in data.decay.values), _judge_ours(data)]


def _judge_ours(data: xr.Dataset) -> Verdict:
    arrived = np.flatnonzero(data.our_nmse_db.median("our_start").values < -200)
    if not arrived.size:
        return Verdict(Judgement.DIFFERS, "Our method does not reach -200 dB in these iterations.")
    theirs = np.flatnonzero((data.nmse_db.median("start") < -200).any("decay").values)
    when = f"after {theirs[0]} at its best decay" if theirs.size else "at no decay"
    return Verdict(
        Judgement.BETTER,
        f"Our method reaches -200 dB, near where rounding takes over, in {arrived[0]} iterations; "
        f"the median start of the paper's does so {when}.",
    )


STUDY = Study(
    name="doa-fig-4a",
    paper=Paper.DOA,
    title="Convergence of the 2x2 fit for three decays of the learning rate",
    claim="Gradient descent fits a stack of 7 layers of 11x11 atoms to the 2x2 DFT down to the "
    "floor of rounding; a rate that decays too fast gets stuck, one that decays too slowly "
    "overshoots and needs more iterations.",
    published=Descents((0.75, 0.8, 0.9)),
    quick=Descents((0.75, 0.8, 0.9), starts=5, our_starts=2),
    units=partial(convergence.units, BEST_2X2),
    gather=partial(convergence.gather, _PUBLISHED),
    draw=convergence.draw,
    judge=judge,
)
