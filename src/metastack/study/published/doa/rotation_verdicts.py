"""What a turn of the receivers does to the fit: the verdicts of Fig. 11b and 12b."""

import numpy as np
import xarray as xr
from scipy.stats import kruskal

from ..study import Judgement, Verdict
from .receivers import EXACT_DB

_ALONG = "receiver_rotation_deg"
# How often chance may pass for an effect of the angle.
_CHANCE = 0.01


def judge_rotation(data: xr.Dataset) -> list[Verdict]:
    """Few atoms, whether the angle matters with many, and our method."""
    return [_judge_few(data), _judge_many(data), *_judge_ours(data)]


def _judge_few(data: xr.Dataset) -> Verdict:
    medians = data.nmse_db.median("start")
    few, many = (int(f(data.atoms_per_side)) for f in (np.min, np.max))
    best_of_few = float(medians.sel(atoms_per_side=few).min())
    worst_of_many = float(medians.sel(atoms_per_side=many).max())
    return Verdict(
        Judgement.AGREES if worst_of_many < best_of_few else Judgement.DIFFERS,
        f"Too few atoms cannot fit: with {few}x{few} the median start is at {best_of_few:.0f} dB "
        f"at its best angle, with {many}x{many} at {worst_of_many:.0f} dB at its worst.",
    )


def _judge_many(data: xr.Dataset) -> Verdict:
    """A Kruskal-Wallis test, which needs no normal errors, over the angles."""
    many = int(data.atoms_per_side.max())
    one = data.nmse_db.sel(atoms_per_side=many)
    test = kruskal(*one.values)
    medians = one.median("start").values
    angles = one[_ALONG].values
    least_robust = one.max("start").values.argmax()
    alike = test.pvalue > _CHANCE
    return Verdict(
        Judgement.AGREES if alike else Judgement.DIFFERS,
        f"The paper finds the fit with enough atoms insensitive to the angle. With {many}x{many} "
        f"the medians of {one.sizes['start']} starts go from {medians.min():.0f} dB at "
        f"{angles[medians.argmin()]:g}° to {medians.max():.0f} dB at "
        f"{angles[medians.argmax()]:g}°, {'no more' if alike else 'more'} than chance gives "
        f"(p = {test.pvalue:.2g}). The worst start of all, {float(one.max()):.0f} dB, is at "
        f"{angles[least_robust]:g}°.",
    )


def _judge_ours(data: xr.Dataset) -> list[Verdict]:
    known = np.isfinite(data.our_nmse_db).any([_ALONG, "our_start"]).values
    return [_judge_ours_of(data.sel(atoms_per_side=m)) for m in data.atoms_per_side.values[known]]


def _judge_ours_of(data: xr.Dataset) -> Verdict:
    atoms, worst_db = int(data.atoms_per_side), float(data.our_nmse_db.max())
    losses_db = data.our_insertion_loss_db.median("our_start")
    return Verdict(
        Judgement.BETTER if worst_db < EXACT_DB else Judgement.DIFFERS,
        f"Our method with {atoms}x{atoms} atoms ends at {worst_db:.0f} dB in its worst start at "
        f"any angle, with a loss of {float(losses_db.min()):.0f} to "
        f"{float(losses_db.max()):.0f} dB; the worst start of the paper's descent has "
        f"{float(data.nmse_db.max()):.0f} dB.",
    )
