"""Fig. 4a of the calibration paper: how the error of every matrix falls from stage to stage.

The paper does not tell the signal-to-noise ratio nor how many antennas receive. Here they are 60 dB
and 4x4, and every stage fits all slots so far, so that what is left of a fit of every coefficient
is the gauge that no pilot tells, and neither noise nor a lack of pilots.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ....report.style import BLUE, GREEN, GREY, PURPLE, VERMILION, new_figure, styled
from ...units import Results, Unit
from ..statistics import prediction_interval
from ..study import Judgement, Paper, Study, Verdict
from .staged import ENTRIES, OWN_SLOTS, POSES, decibels, staged

# What the paper's text says that ten stages improve, in dB, section IV.
PUBLISHED_FIRST_DB, PUBLISHED_MEAN_DB, PUBLISHED_USER_DB = 12.07, 9.25, 8.48
MATRICES = ("user to 1", "1 to 2", "2 to 3", "3 to 4", "4 to antennas")
_WAYS = {
    ENTRIES: ("coefficients, all slots so far", BLUE),
    OWN_SLOTS: ("coefficients, own slots", VERMILION),
    POSES: ("poses (ours)", GREEN),
}
_WHY_NOT = (
    "The rest is not in the pilots: it would have to come from knowledge that the paper does not "
    "mention, or from other conditions."
)
_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
# How near to the floor that is computed a perfect fit has to come, in dB.
_NEAR_DB = 1.0


@dataclass(frozen=True)
class Parameters:
    """The paper's, where it tells them; `at_once`: stacks in a unit of work."""

    antennas_per_side: int = 4
    snr_db: float = 60.0
    stages: int = 10
    slots_a_stage: int = 100
    stacks: int = 100
    at_once: int = 5
    ways: tuple[str, ...] = (ENTRIES, OWN_SLOTS, POSES)
    seed: int = 0


def units(parameters: Parameters) -> list[Unit]:
    """Some stacks each, way by way."""
    p = parameters
    common = {
        "antennas_per_side": p.antennas_per_side,
        "snr_db": p.snr_db,
        "slots": p.stages * p.slots_a_stage,
        "stages": p.stages,
        "seed": p.seed,
    }
    return [
        Unit(staged, {**common, "way": way, "first": first, "stacks": count}, points=count)
        for way in p.ways
        for first, count in shares(p.stacks, p.at_once)
    ]


def shares(stacks: int, at_once: int) -> list[tuple[int, int]]:
    """The first stack of each share, and how many it has."""
    return [(first, min(at_once, stacks - first)) for first in range(0, stacks, at_once)]


def gather(parameters: Parameters, results: Sequence[Results]) -> xr.Dataset:
    """Linear NMSE over ways, stacks, stages and matrices, and the gauge floor of every stack."""
    p = parameters
    each = len(shares(p.stacks, p.at_once))
    by_way = [results[at : at + each] for at in range(0, len(results), each)]
    nmse = np.array([np.concatenate([r["nmse"] for r in part]) for part in by_way])
    floor = np.concatenate([r["floor"] for r in by_way[0]])
    return xr.Dataset(
        {
            "nmse": (("way", "stack", "stage", "matrix"), nmse),
            "floor": (("stack", "matrix"), floor),
        },
        coords={"way": list(p.ways), "stage": np.arange(p.stages + 1), "matrix": list(MATRICES)},
        attrs={"snr_db": p.snr_db, "antennas": p.antennas_per_side**2},
    )


def of_layers(data: xr.Dataset) -> xr.Dataset:
    """The mean over the matrices between layers, which the paper counts."""
    return data.isel(matrix=slice(1, -1)).mean("matrix")


@styled
def draw(data: xr.Dataset) -> Figure:
    """Above the mean over the layers' matrices in every way, below each matrix of the paper's."""
    figure = new_figure(5.4)
    above, below = figure.subplots(2, 1, sharex=True)
    _draw_ways(above, data)
    _draw_matrices(below, data.sel(way=data.way.values[0]))
    for axes in (above, below):
        axes.set_ylabel("NMSE (dB)")
        axes.grid(visible=True)
    below.set_xlabel("stage")
    return figure


def _draw_ways(axes: Axes, data: xr.Dataset) -> None:
    layers_db = decibels(of_layers(data).nmse.mean("stack"))
    for way in data.way.values:
        label, colour = _WAYS[way]
        axes.plot(data.stage, layers_db.sel(way=way), ".-", color=colour, label=label)
    floor_db = float(decibels(of_layers(data).floor.mean("stack")))
    axes.axhline(floor_db, color=GREY, linestyle="--", label="gauge floor of coefficients")
    end_db = float(layers_db.isel(way=0, stage=0)) - PUBLISHED_MEAN_DB
    axes.plot(data.stage[-1], end_db, "x", color="black", label="paper's improvement, 9.25 dB")
    axes.set_title("mean of the matrices between layers")
    axes.legend(loc="best")


def _draw_matrices(axes: Axes, data: xr.Dataset) -> None:
    nmse_db = decibels(data.nmse.mean("stack"))
    colours = (PURPLE, BLUE, VERMILION, GREEN, GREY)
    for matrix, colour, style in zip(data.matrix.values, colours, _STYLES, strict=True):
        axes.plot(
            data.stage, nmse_db.sel(matrix=matrix), linestyle=style, color=colour, label=matrix
        )
    axes.set_title("coefficients, all slots so far: every matrix")
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.24), ncols=3)


def judge(data: xr.Dataset) -> list[Verdict]:
    """The floor, the paper's three numbers, its claim for stages, and poses beside them."""
    ways = {str(way): data.sel(way=way) for way in data.way.values}
    entries = ways[ENTRIES]
    return [
        _judge_floor(entries),
        _judge_number("mean over the layers' matrices", of_layers(entries), PUBLISHED_MEAN_DB),
        _judge_number("matrix from layer 1 to 2", entries.sel(matrix="1 to 2"), PUBLISHED_FIRST_DB),
        _judge_number("user's channel", entries.sel(matrix="user to 1"), PUBLISHED_USER_DB),
        *(_judge_stages(each) for name, each in ways.items() if name != POSES),
        *(_judge_poses(ways[POSES], entries) for _ in range(POSES in ways)),
    ]


def _judge_floor(data: xr.Dataset) -> Verdict:
    """Whether fits of every coefficient end where the gauge theorem says."""
    mean = of_layers(data).mean("stack")
    start_db, end_db, floor_db = (
        float(decibels(each))
        for each in (mean.nmse.isel(stage=0), mean.nmse.isel(stage=-1), mean.floor)
    )
    near = abs(end_db - floor_db) <= _NEAR_DB
    return Verdict(
        Judgement.AGREES if near else Judgement.DIFFERS,
        f"Coefficients fitted one by one fall from {start_db:.1f} to {end_db:.1f} dB in "
        f"{data.sizes['stage'] - 1} stages, mean of {data.sizes['stack']} stacks. A fit whose only "
        "error is its gauge, the unit in which each atom's field is counted and which no pilots "
        f"tell, ends at {floor_db:.1f} dB: ours is {end_db - floor_db:+.2f} dB from it. "
        f"({data.attrs['antennas']} antennas and {data.attrs['snr_db']:g} dB were chosen here so "
        "that this limits, not noise.)",
    )


def improvements_db(data: xr.Dataset) -> np.ndarray:
    """By how much all stages improved each stack."""
    return decibels((data.nmse.isel(stage=0) / data.nmse.isel(stage=-1)).values)


def _judge_number(what: str, data: xr.Dataset, published_db: float) -> Verdict:
    """A number of the paper, of one stack as it seems, against those of many."""
    ours_db = improvements_db(data)
    low_db, high_db = prediction_interval(ours_db)
    least_db = float(decibels((data.nmse.isel(stage=0) / data.floor).values).mean())
    inside = low_db <= published_db <= high_db
    return Verdict(
        Judgement.AGREES if inside else Judgement.DIFFERS,
        f"The paper improves the {what} by {published_db:g} dB; ours, coefficients one by one, by "
        f"{ours_db.mean():.1f} dB, and 99 % of single stacks by {low_db:.1f} to {high_db:.1f} dB. "
        f"A perfect fit in the gauge nearest to the design would by {least_db:.1f} dB."
        + ("" if inside else f" {_WHY_NOT}"),
    )


def _judge_stages(data: xr.Dataset) -> Verdict:
    """'A substantial improvement over the first stage': of each stack, so that pairs are told."""
    mean = of_layers(data)
    gain_db = decibels((mean.nmse.isel(stage=1) / mean.nmse.isel(stage=-1)).values)
    error_db = gain_db.std(ddof=1) / np.sqrt(len(gain_db))
    return Verdict(
        Judgement.AGREES if gain_db.mean() > 3 * error_db else Judgement.DIFFERS,
        f"{_WAYS[str(data.way.item())][0].capitalize()}: all stages improve on the first by "
        f"{gain_db.mean():.1f} dB more ({error_db:.1f} dB standard error).",
    )


def _judge_poses(poses: xr.Dataset, entries: xr.Dataset) -> Verdict:
    found = of_layers(poses).nmse, of_layers(entries).nmse
    poses_db, entries_db = (float(decibels(each.isel(stage=-1).mean("stack"))) for each in found)
    start_db = float(decibels(found[0].isel(stage=0).mean("stack")))
    return Verdict(
        Judgement.BETTER if poses_db < entries_db else Judgement.DIFFERS,
        f"Ours fits displacements, which have no gauge: from the same pilots it ends at "
        f"{poses_db:.1f} dB, {start_db - poses_db:.1f} dB better than uncalibrated and "
        f"{entries_db - poses_db:.1f} dB better than coefficients.",
    )


STUDY = Study(
    name="calibration-fig-4a",
    paper=Paper.CALIBRATION,
    title="Error of every matrix after each of ten stages of calibration",
    claim="Ten stages of 100 slots bring the matrix from layer 1 to 2 nearer by 12.07 dB, the "
    "layers' matrices by 9.25 dB on average and the user's channel by 8.48 dB; later stages "
    "improve a lot on the first.",
    published=Parameters(),
    quick=Parameters(stacks=4, at_once=2, ways=(ENTRIES, OWN_SLOTS)),
    units=units,
    gather=gather,
    draw=draw,
    judge=judge,
)
