"""Fig. 4b of the calibration paper: the error before and after calibration over e_V."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from ....report.style import BLUE, GREEN, GREY, new_figure, styled
from ...units import Results, Unit
from ..study import Judgement, Paper, Study, Verdict
from .fig_4a import of_layers, shares
from .staged import ENTRIES, POSES, decibels, pose_bound, staged

# So near to its floor that more slots are of no use.
_AT_THE_FLOOR_DB = 3.0


@dataclass(frozen=True)
class Parameters:
    """The slots are the paper's; it does not tell the rest, nor the values of e_V, % of λ."""

    e_v_percent: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
    antennas_per_side: int = 4
    snr_db: float = 60.0
    stages: int = 10
    slots_a_stage: int = 100
    stacks: int = 20
    at_once: int = 5
    ways: tuple[str, ...] = (ENTRIES, POSES)
    with_bound: bool = True
    seed: int = 0


def units(parameters: Parameters) -> list[Unit]:
    """Some stacks each, e_V by e_V in every way; then the bounds."""
    p = parameters
    common = {
        "antennas_per_side": p.antennas_per_side,
        "snr_db": p.snr_db,
        "slots": p.stages * p.slots_a_stage,
        "seed": p.seed,
    }
    calibrations = [
        Unit(
            staged,
            {
                **common,
                "way": way,
                "stages": p.stages,
                "first": first,
                "stacks": count,
                "e_v_wavelengths": e_v / 100,
            },
            points=count,
        )
        for way in p.ways
        for e_v in p.e_v_percent
        for first, count in shares(p.stacks, p.at_once)
    ]
    bounds = [Unit(pose_bound, {**common, "e_v_wavelengths": e_v / 100}) for e_v in p.e_v_percent]
    return [*calibrations, *(bounds if p.with_bound else [])]


def gather(parameters: Parameters, results: Sequence[Results]) -> xr.Dataset:
    """Linear NMSE over ways, e_V, stacks, `when` and matrices; floor; bound, NaN without one."""
    p = parameters
    each = len(shares(p.stacks, p.at_once))
    parts = [
        results[at : at + each] for at in range(0, len(p.ways) * len(p.e_v_percent) * each, each)
    ]
    nmse = np.array([np.concatenate([r["nmse"][:, [0, -1]] for r in part]) for part in parts])
    floor = np.array([np.concatenate([r["floor"] for r in part]) for part in parts])
    shape = (len(p.ways), len(p.e_v_percent))
    bounds = [r["bound"] for r in results if "bound" in r]
    bound = np.array(bounds) if bounds else np.full((shape[1], nmse.shape[-1]), np.nan)
    return xr.Dataset(
        {
            "nmse": (
                ("way", "e_v", "stack", "when", "matrix"),
                nmse.reshape(*shape, *nmse.shape[1:]),
            ),
            "floor": (("e_v", "stack", "matrix"), floor[: shape[1]]),
            "bound": (("e_v", "matrix"), bound),
        },
        coords={"way": list(p.ways), "e_v": list(p.e_v_percent), "when": ["before", "after"]},
        attrs={"slots": p.stages * p.slots_a_stage, "snr_db": p.snr_db},
    )


@styled
def draw(data: xr.Dataset) -> Figure:
    """Means over stacks and layers' matrices."""
    figure = new_figure(3.4)
    axes = figure.add_subplot()
    mean = of_layers(data).mean("stack")
    e_v = data.e_v
    axes.plot(
        e_v,
        decibels(mean.nmse.sel(when="before").isel(way=0)),
        "s-",
        color="black",
        label="uncalibrated",
        markersize=4,
    )
    for way, colour, label in ((ENTRIES, BLUE, "coefficients"), (POSES, GREEN, "poses (ours)")):
        if way in data.way.values:
            after = mean.nmse.sel(when="after", way=way)
            axes.plot(e_v, decibels(after), "o-", color=colour, label=label, markersize=4)
    axes.plot(e_v, decibels(mean.floor), "--", color=GREY, label="gauge floor of coefficients")
    if np.isfinite(data.bound).any():
        axes.plot(e_v, decibels(mean.bound), ":", color=GREEN, label="Cramér-Rao bound of poses")
    axes.set_xlabel("largest vertical shift $e_\\mathrm{V}$ (% of a wavelength)")
    axes.set_ylabel("mean NMSE of layers' matrices (dB)")
    axes.grid(visible=True)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def judge(data: xr.Dataset) -> list[Verdict]:
    """What the text says: errors rise with e_V, calibration lowers them everywhere; then ours."""
    entries = of_layers(data.sel(way=ENTRIES))
    verdicts = [_judge_rise(entries), _judge_lower(entries), _judge_slots(entries)]
    return [*verdicts, *(_judge_poses(data) for _ in range(POSES in data.way.values))]


def _judge_rise(entries: xr.Dataset) -> Verdict:
    """Shifts are the same in units of e_V, so that every stack tells it, without chance."""
    before, after = (entries.nmse.sel(when=when).mean("stack") for when in ("before", "after"))
    rise = bool((before.diff("e_v") > 0).all() and (after.diff("e_v") > 0).all())
    return Verdict(
        Judgement.AGREES if rise else Judgement.DIFFERS,
        f"From e_V = {float(entries.e_v[0]):g} to {float(entries.e_v[-1]):g} % of a wavelength the "
        f"NMSE goes from {float(decibels(before[0])):.1f} to {float(decibels(before[-1])):.1f} dB "
        f"uncalibrated, and from {float(decibels(after[0])):.1f} to "
        f"{float(decibels(after[-1])):.1f} dB after a fit of every coefficient: both rise"
        f"{'' if rise else ', but not at every step'}.",
    )


def _judge_lower(entries: xr.Dataset) -> Verdict:
    """'Consistently achieving a significantly lower NMSE floor'."""
    before, after = (entries.nmse.sel(when=when) for when in ("before", "after"))
    gain_db = decibels((before.mean("stack") / after.mean("stack")).values)
    return Verdict(
        Judgement.AGREES if bool((after < before).all()) else Judgement.DIFFERS,
        f"Calibration coefficient by coefficient improves by {gain_db.min():.1f} to "
        f"{gain_db.max():.1f} dB, {int((after < before).sum())} of {before.size} stacks.",
    )


def _judge_slots(entries: xr.Dataset) -> Verdict:
    """'Can be effectively mitigated by increasing the number of calibration time slots'."""
    above_db = decibels((entries.nmse.sel(when="after") / entries.floor).mean("stack").values)
    return Verdict(
        Judgement.PAPER_WRONG if above_db.max() < _AT_THE_FLOOR_DB else Judgement.AGREES,
        "The paper says that more slots lower what is left. It is the gauge: pilots, however many, "
        "tell matrices only up to the unit in which each atom's field is counted. "
        f"Ours is {above_db.min():+.2f} to {above_db.max():+.2f} dB from the floor that this sets, "
        "and more slots can gain no more than that.",
    )


def _judge_poses(data: xr.Dataset) -> Verdict:
    mean = of_layers(data).mean("stack")
    poses, entries = (mean.nmse.sel(when="after", way=way) for way in (POSES, ENTRIES))
    gain_db = decibels((entries / poses).values)
    from_bound = ""
    if np.isfinite(data.bound).any():
        off_db = decibels((poses / mean.bound).values)
        from_bound = f", {off_db.min():+.1f} to {off_db.max():+.1f} dB from the Cramér-Rao bound"
    return Verdict(
        Judgement.BETTER if bool((gain_db > 0).all()) else Judgement.DIFFERS,
        f"Ours, a fit of displacements, is {gain_db.min():.1f} to {gain_db.max():.1f} dB better "
        f"from the same {data.attrs['slots']} slots{from_bound}.",
    )


STUDY = Study(
    name="calibration-fig-4b",
    paper=Paper.CALIBRATION,
    title="Error before and after calibration over the largest vertical shift",
    claim="The uncalibrated error rises with the largest vertical shift; calibration brings it to "
    "a much lower floor, which rises too and can be lowered by more slots.",
    published=Parameters(),
    quick=Parameters(
        e_v_percent=(0.5, 1.0, 2.0), stacks=2, at_once=2, ways=(ENTRIES,), with_bound=False
    ),
    units=units,
    gather=gather,
    draw=draw,
    judge=judge,
)
