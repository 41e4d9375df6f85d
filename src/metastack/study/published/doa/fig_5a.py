"""Fig. 5a of the DOA paper: how the 4x4 fit falls with the iterations, for three decays."""

from functools import partial

import numpy as np
import xarray as xr

from ..study import Judgement, Paper, Study, Verdict
from . import convergence
from .convergence import Descents, judge_decay
from .descents import BEST_4X4

_PUBLISHED = {0.9: "Fig_6a/NMSE_90.mat", 0.95: "Fig_6a/NMSE_95.mat", 0.99: "Fig_6a/NMSE_99.mat"}
# Where the picture ends: the paper's descents all stay above it.
_LOWEST_DB = -60
# An error that no use of the DFT would notice.
_EXACT_DB = -100


def judge(data: xr.Dataset) -> list[Verdict]:
    """Each published start among ours, the order of the decays, and our method."""
    by_decay = [judge_decay(data, float(decay)) for decay in data.decay.values]
    return [*by_decay, _judge_order(data), _judge_ours(data)]


def _judge_order(data: xr.Dataset) -> Verdict:
    """The paper: a moderate decay wins. Ours: in how many starts it does, all from equal phases."""
    last = data.nmse_db.isel(iteration=-1)
    best = last.decay.values[last.argmin("decay").values]
    middle = float(np.median(data.decay.values))
    wins = int(np.sum(best == middle))
    medians = ", ".join(f"{float(m):.0f} dB at {float(m.decay):g}" for m in last.median("start"))
    return Verdict(
        Judgement.AGREES if 2 * wins > len(best) else Judgement.DIFFERS,
        f"The paper holds a decay of {middle:g} for the best of these. It ends lowest in {wins} "
        f"of our {len(best)} starts after {int(data.iteration[-1])} iterations; medians are "
        f"{medians}.",
    )


def _judge_ours(data: xr.Dataset) -> Verdict:
    curve = data.our_nmse_db.median("our_start").values
    arrived = np.flatnonzero(curve < _EXACT_DB)
    theirs = data.nmse_db.isel(iteration=-1)
    if not arrived.size:
        return Verdict(Judgement.DIFFERS, f"Our method ends at {curve[-1]:.0f} dB, not exact.")
    our_loss_db, loss_db = data.our_insertion_loss_db.median(), data.insertion_loss_db.median()
    return Verdict(
        Judgement.BETTER,
        f"The same stack computes the 4x4 DFT exactly: our method is below {_EXACT_DB} dB after "
        f"{arrived[0]} iterations and ends at {curve[-1]:.0f} dB, with a loss of "
        f"{float(our_loss_db):.0f} dB. The paper's descent is at {float(theirs.min()):.0f} dB in "
        f"its best start, with {float(loss_db):.0f} dB of loss in the median.",
    )


STUDY = Study(
    name="doa-fig-5a",
    paper=Paper.DOA,
    title="Convergence of the 4x4 fit for three decays of the learning rate",
    claim="Gradient descent fits a stack of 13 layers of 15x15 atoms to the 4x4 DFT best with a "
    "moderate decay of .95; smaller and larger ones end higher, and all end far above what the "
    "2x2 DFT allows.",
    published=Descents((0.9, 0.95, 0.99)),
    quick=Descents((0.9, 0.95, 0.99), iterations=100, starts=3, our_starts=2),
    units=partial(convergence.units, BEST_4X4),
    gather=partial(convergence.gather, _PUBLISHED),
    draw=partial(convergence.draw, lowest_db=_LOWEST_DB),
    judge=judge,
)
