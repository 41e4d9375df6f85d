"""What Tables I and II of the DOA paper are worth: chance, rank, and what a stack is good for."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from ..statistics import bootstrap_interval, prediction_interval, rank_correlation, share_interval
from ..study import Judgement, Verdict
from .ablation import AXES, CELLS
from .decay_sweep import rate_limit_db

# Below it a fit only goes on with the learning rate: what is left is how far a step is.
_CONVERGED_DB = -150.0
# Fewer pairs say nothing about a rank.
_FEWEST_PAIRS = 10
# How often chance may pass for a correlation.
_CHANCE = 0.01
# Above it a hop of the model makes power; below it is rounding of a hop that keeps all of it.
_PASSIVE_DB = 0.5
# A loss that an engineer would notice.
_NOTICED_DB = 1.0


@dataclass(frozen=True)
class RoundOfCells:
    """The stacks of one round that are computed, flat."""

    number: int
    names: list[str]
    published_db: Float[np.ndarray, " cells"]
    nmse_db: Float[np.ndarray, "cells starts"]
    iterations: Float[np.ndarray, "cells starts"]
    loss_db: Float[np.ndarray, "cells starts"]
    hop_gain_db: Float[np.ndarray, " cells"]
    success: Float[np.ndarray, " cells"]

    @property
    def passive(self) -> Bool[np.ndarray, " cells"]:
        """Which could be devices: in the model, no hop makes power."""
        return self.hop_gain_db < _PASSIVE_DB

    @property
    def published_best(self) -> int:
        """Which of these is the published best."""
        return int(self.published_db.argmin())


def rounds_of(data: xr.Dataset) -> list[RoundOfCells]:
    """The rounds of a table."""
    return [_round_of(data.sel(round=number)) for number in data["round"].values]


def _round_of(data: xr.Dataset) -> RoundOfCells:
    flat = data.stack(cell=AXES).transpose("cell", "start", ...)
    flat = flat.isel(cell=np.flatnonzero(np.isfinite(flat.nmse_db.values).all(axis=1)))
    values = (flat.atoms_per_side, flat.thickness_wavelengths, flat.spacing_wavelengths)
    names = [
        f"{m}x{m} atoms at {k:.3g} λ, {t} λ thick, {l} layers"
        for m, t, k, l in zip(*(v.values for v in (*values, flat.layer_count)), strict=True)
    ]
    nmse_db = flat.nmse_db.values
    return RoundOfCells(
        number=int(data["round"]),
        names=names,
        published_db=flat.published_nmse_db.values,
        nmse_db=nmse_db,
        iterations=flat.iterations_to_success.values,
        loss_db=flat.insertion_loss_db.values,
        hop_gain_db=flat.hop_gain_db.values,
        success=np.mean(nmse_db < data.attrs["success_db"], axis=1),
    )


def judge(data: xr.Dataset) -> list[Verdict]:
    """Each round by itself, then what all rounds say together."""
    rounds = rounds_of(data)
    success_db = data.attrs["success_db"]
    by_round = [verdict for one in rounds for verdict in _judge_round(one, success_db)]
    together = [judge_single_starts(rounds), *judge_floor(rounds, data.attrs), *judge_centres(data)]
    return [*by_round, *together, judge_loss(rounds[-1]), judge_ours(data)]


def _judge_round(cells: RoundOfCells, success_db: float) -> list[Verdict]:
    ranks = [judge_ranks(cells), judge_best(cells), judge_passive(cells)]
    return [*ranks, *judge_use(cells, success_db)]


def judge_ranks(cells: RoundOfCells) -> Verdict:
    """Published against our ranks; what to expect is one of our starts against the others."""
    found = _rank_correlation(cells.published_db, cells.nmse_db.mean(axis=1))
    low, high = bootstrap_interval(
        lambda draws: _rank_correlation(cells.published_db, draws.mean(axis=-1)), cells.nmse_db
    )
    expected = _one_start_against_others(cells.nmse_db)
    least, most = prediction_interval(expected)
    return Verdict(
        Judgement.AGREES if found >= least else Judgement.DIFFERS,
        f"Round {cells.number}: the rank correlation between the published errors of "
        f"{len(cells.names)} stacks and our means over {cells.nmse_db.shape[1]} starts, in dB, is "
        f"{found:.2f} (95 % from {low:.2f} to {high:.2f}). One start of ours and the mean of the "
        f"others have {expected.mean():.2f}, 99 % from {least:.2f} to {min(most, 1):.2f}.",
    )


def _one_start_against_others(
    nmse_db: Float[np.ndarray, "cells starts"],
) -> Float[np.ndarray, " starts"]:
    return np.array(
        [
            _rank_correlation(nmse_db[:, start], np.delete(nmse_db, start, axis=1).mean(axis=1))
            for start in range(nmse_db.shape[1])
        ]
    )


def _rank_correlation(a: Float[np.ndarray, " cells"], b: Float[np.ndarray, " cells"]) -> float:
    return rank_correlation(a, b)[0]


def judge_best(cells: RoundOfCells) -> Verdict:
    """Which rank the published best has by our means, and whether that could be the first."""
    best = cells.published_best
    low, high = bootstrap_interval(lambda draws: _rank_of(best, draws), cells.nmse_db)
    means = cells.nmse_db.mean(axis=1)
    return Verdict(
        Judgement.AGREES if low <= 1 else Judgement.DIFFERS,
        f"Round {cells.number}: the best stack as published, {cells.names[best]}, is number "
        f"{_rank_of(best, cells.nmse_db)} of {len(means)} by our means (95 % from {low:.0f} to "
        f"{high:.0f}), at {means[best]:.0f} dB where {cells.published_db[best]:.0f} dB are "
        f"published; our best, {cells.names[means.argmin()]}, has {means.min():.0f} dB.",
    )


def _rank_of(cell: int, nmse_db: Float[np.ndarray, "cells starts"]) -> int:
    means = nmse_db.mean(axis=-1)
    return 1 + int(np.sum(means < means[cell]))


def judge_passive(cells: RoundOfCells) -> Verdict:
    """Whether the published best is a device at all: cells above λ/2 are too coarse for the wave.

    The propagation model samples the aperture once a cell; its waves then add up to more power
    than went in, and the insertion loss of the model means nothing.
    """
    gain_db = float(cells.hop_gain_db[cells.published_best])
    passive = bool(cells.passive[cells.published_best])
    return Verdict(
        Judgement.AGREES if passive else Judgement.PAPER_WRONG,
        f"Round {cells.number}: in {int(np.sum(~cells.passive))} of {len(cells.names)} stacks the "
        f"propagation model makes power of nothing, up to {cells.hop_gain_db.max():.0f} dB a hop "
        f"from layer to layer; the best as published has {gain_db:.1f} dB and "
        f"{'could be' if passive else 'could not be'} a passive device.",
    )


def judge_use(cells: RoundOfCells, success_db: float) -> list[Verdict]:
    """The published best by what matters: does it work, how soon, and what power is left.

    Only stacks that could be passive devices count; nothing where none of them works in most
    starts, and there is nothing to choose from.
    """
    if not (cells.passive & (cells.success > 1 / 2)).any():
        return []
    best, starts = cells.published_best, cells.nmse_db.shape[1]
    rival, soonest = _least_loss_of_equals(cells), _soonest(cells)
    spared_db = _median_loss(cells, best) - _median_loss(cells, rival)
    low, high = share_interval(round(cells.success[best] * starts), starts)
    better = spared_db > _NOTICED_DB or not cells.passive[best]
    return [
        Verdict(
            Judgement.BETTER if better else Judgement.AGREES,
            f"Round {cells.number} by what matters in use: the share of {starts} starts that reach "
            f"{success_db:g} dB, how soon, and the insertion loss. The best as published: "
            f"{_described(cells, best)}, 95 % of such shares from {low:.0%} to {high:.0%}. Of "
            f"{int(cells.passive.sum())} stacks that could be passive, least loss of those that "
            f"succeed as often, or most often if none does: {_described(cells, rival)}; soonest of "
            f"those that succeed most often: {_described(cells, soonest)}.",
        )
    ]


def _described(cells: RoundOfCells, cell: int) -> str:
    iterations = _median_iterations(cells, cell)
    soon = f"after {iterations:.0f} iterations" if np.isfinite(iterations) else "mostly never"
    return (
        f"{cells.names[cell]} ({cells.success[cell]:.0%}, {soon}, "
        f"{_median_loss(cells, cell):.1f} dB)"
    )


def _least_loss_of_equals(cells: RoundOfCells) -> int:
    least = min(cells.success[cells.published_best], cells.success[cells.passive].max())
    equals = np.flatnonzero(cells.passive & (cells.success >= least)).tolist()
    return int(min(equals, key=lambda cell: _median_loss(cells, cell)))


def _soonest(cells: RoundOfCells) -> int:
    most = cells.success[cells.passive].max()
    reliable = np.flatnonzero(cells.passive & (cells.success == most)).tolist()
    return int(min(reliable, key=lambda cell: _median_iterations(cells, cell)))


def _median_loss(cells: RoundOfCells, cell: int) -> float:
    return float(np.median(cells.loss_db[cell]))


def _median_iterations(cells: RoundOfCells, cell: int) -> float:
    """Over all starts: one that never succeeds comes last."""
    return float(np.median(np.nan_to_num(cells.iterations[cell], nan=np.inf)))


def judge_single_starts(rounds: list[RoundOfCells]) -> Verdict:
    """The paper says averages. One more draw leaves the range of n in 2 of n + 1 cases."""
    outside, count = 0, 0
    for cells in rounds:
        low, high = cells.nmse_db.min(axis=1), cells.nmse_db.max(axis=1)
        outside += int(np.sum((cells.published_db < low) | (cells.published_db > high)))
        count += len(low)
    starts = rounds[0].nmse_db.shape[1]
    expected, (least, most) = 2 / (starts + 1), share_interval(outside, count, 0.99)
    single = least <= expected <= most
    return Verdict(
        Judgement.PAPER_WRONG if single else Judgement.DIFFERS,
        f"The paper says that its numbers are averages over experiments. They scatter "
        f"{'as single starts do' if single else 'neither as averages nor as our starts do'}: of "
        f"{count} published errors {outside / count:.0%} (99 % from {least:.0%} to {most:.0%}) are "
        f"outside the range of our {starts} starts; of single starts {expected:.0%} would be, of "
        "averages almost none.",
    )


def judge_floor(rounds: list[RoundOfCells], attributes: dict[str, float]) -> list[Verdict]:
    """Whether errors below -150 dB rank stacks at all; nothing where there are too few."""
    published = np.concatenate([cells.published_db for cells in rounds])
    ours = np.concatenate([np.median(cells.nmse_db, axis=1) for cells in rounds])
    both = (published < _CONVERGED_DB) & (ours < _CONVERGED_DB)
    if both.sum() < _FEWEST_PAIRS:
        return []
    correlation, chance = rank_correlation(published[both], ours[both])
    decay, iterations = attributes["decay"], int(attributes["iterations"])
    limit_db = float(rate_limit_db(decay, iterations))
    return [
        Verdict(
            Judgement.PAPER_WRONG if chance > _CHANCE else Judgement.DIFFERS,
            f"Errors below {_CONVERGED_DB:.0f} dB are where the fit had got to, not what a stack "
            f"can do. {both.sum()} stacks are there as published, at "
            f"{np.median(published[both]):.0f} dB in the median, and in our median start, at "
            f"{np.median(ours[both]):.0f} dB: the square of the last learning rate, "
            f"{decay:g}^{iterations}, is {limit_db:.0f} dB. Among these, published and our ranks "
            f"correlate by {correlation:.2f} (p = {chance:.2g}).",
        )
    ]


def judge_centres(data: xr.Dataset) -> list[Verdict]:
    """The paper: every round is centred on the best of the round before. Its own data say."""
    shown = [_published_best(data.sel(round=number)) for number in data["round"].values]
    centres = [_values(data.sel(round=number), (1, 1, 1, 1)) for number in data["round"].values]
    return [
        Verdict(
            Judgement.AGREES if np.allclose(best, centre) else Judgement.PAPER_WRONG,
            f"Round {number + 1} is said to be centred on the best of round {number}. In the "
            f"published data that is {_four_tuple(best)}, and the centre is {_four_tuple(centre)} "
            "(atoms a side, thickness and spacing in wavelengths, layers).",
        )
        for number, best, centre in zip(data["round"].values[:-1], shown, centres[1:], strict=False)
    ]


def _published_best(data: xr.Dataset) -> list[float]:
    shown = data.published_nmse_db.transpose(*CELLS[1:]).values
    return _values(data, tuple(map(int, np.unravel_index(shown.argmin(), shown.shape))))


def _values(data: xr.Dataset, where: tuple[int, ...]) -> list[float]:
    names = ("atoms_per_side", "thickness_wavelengths", "spacing_wavelengths", "layer_count")
    return [float(data[name].values[index]) for name, index in zip(names, where, strict=True)]


def _four_tuple(values: list[float]) -> str:
    return "(" + ", ".join(f"{value:.3g}" for value in values) + ")"


def judge_loss(cells: RoundOfCells) -> Verdict:
    """What the paper leaves out: how little of the wave its best stack lets through."""
    losses_db = cells.loss_db[cells.published_best]
    loss_db = float(np.median(losses_db))
    return Verdict(
        Judgement.PAPER_WRONG if loss_db > _NOTICED_DB else Judgement.AGREES,
        f"The paper ranks stacks by error alone and reports no loss. Its best one of round "
        f"{cells.number}, designed as it says, loses {loss_db:.1f} dB in the median of "
        f"{len(losses_db)} starts ({losses_db.min():.1f} to {losses_db.max():.1f}): an 'effective' "
        "SNR, of the response scaled to the DFT, is so much above that at the aperture.",
    )


def judge_ours(data: xr.Dataset) -> Verdict:
    """Our method on the published best stack, against the best number of the table."""
    ours, shown = float(data.our_nmse_db.max()), float(data.published_nmse_db.min())
    loss_db = float(data.our_insertion_loss_db.median())
    return Verdict(
        Judgement.BETTER if ours < shown else Judgement.DIFFERS,
        f"On the paper's best stack our method ends at {ours:.0f} dB in the worst of "
        f"{data.sizes['our_start']} starts, with a loss of {loss_db:.1f} dB in the median; the "
        f"lowest published error is {shown:.0f} dB.",
    )
