"""Calibration in stages against calibration at once, from the same pilots.

Every stage begins where the last one ended. Coefficients fit its slots, or all so far; poses have
no more to go on than the belief that the last stage left, which is all that the slots before it had
to tell.

Source: calibration paper, section III-B and Fig. 4(a), which compares ten stages of 100 slots with
the first of them; the same number of pilots at once is ours to compare with.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..calibration import (
    CumulativeStages,
    EntryMethod,
    Expected,
    Links,
    PilotPlan,
    Pilots,
    SeparateStages,
    Stages,
    ThreeFigures,
    Unknowns,
    between_layers,
    calibrate_entries,
    simulate_pilots,
)
from ..calibration.schedule import Belief, calibrated_belief
from ..errors import InputError, require
from ..imperfections import Imperfections
from ..precision import float64
from ..stack import Stack
from .strategy_comparison import built_stacks


class StagedWay(Protocol):
    """A calibration that takes its pilots in stages."""

    @property
    def name(self) -> str:
        """What it is called in a table."""
        ...

    def after_stages(self, stack: Stack, pilots: Pilots) -> Sequence[Links]:
        """The links that it begins with, and those after every stage."""
        ...


@dataclass(frozen=True)
class EntriesInStages:
    """Every coefficient is free: the paper's way."""

    name: str
    method: EntryMethod
    stages: Stages

    def after_stages(self, stack: Stack, pilots: Pilots) -> Sequence[Links]:
        """The links that it begins with, and those after every stage."""
        return calibrate_entries(stack, pilots, method=self.method, stages=self.stages).after_stage


@dataclass(frozen=True)
class PosesInStages:
    """Poses are unknown; a stage's prior is what was believed after the last one."""

    name: str
    expected: Expected
    stages: int

    def after_stages(self, stack: Stack, pilots: Pilots) -> Sequence[Links]:
        """The links that it begins with, and those after every stage.

        Raises:
            InputError: pilots whose noise is not known.
        """
        variance = pilots.noise_variance
        if variance is None:
            raise InputError("`noise_variance` of the pilots must be known, but is None.")
        unknowns = Unknowns.of(stack, pilots.plan.illumination, self.expected)
        parts = iter(_parts(pilots, self.stages))
        beliefs = [calibrated_belief(unknowns, next(parts), variance)]
        for part in parts:
            beliefs.append(beliefs[-1].updated(part, variance))
        return [Links.of_stack(stack, pilots.plan.illumination), *map(_links_of, beliefs)]


@dataclass(frozen=True, eq=False)
class StagedScore:
    """NMSE, linear, before the first stage and after each, of every stack.

    `raw` and `aligned`: means over the matrices between layers, as they were found and in the gauge
    nearest to the true ones; `held_out`: of responses in slots that were not in the fit.
    """

    name: str
    raw: Float[np.ndarray, "stacks stages"]
    aligned: Float[np.ndarray, "stacks stages"]
    held_out: Float[np.ndarray, "stacks stages"]


def staged_ways(method: EntryMethod, expected: Expected, stages: int) -> tuple[StagedWay, ...]:
    """Both methods, in stages and at once, the latter with as many iterations as all stages."""
    # Every method is a dataclass, which its protocol cannot say.
    patient = replace(cast("Any", method), iterations=method.iterations * stages)
    return (
        EntriesInStages("entries, own slots", method, SeparateStages(stages)),
        EntriesInStages("entries, all so far", method, CumulativeStages(stages)),
        EntriesInStages("entries, at once", patient, CumulativeStages(1)),
        PosesInStages("poses, in stages", expected, stages),
        PosesInStages("poses, at once", expected, 1),
    )


def compare_staging(
    stack: Stack,
    plan: PilotPlan,
    ways: Sequence[StagedWay],
    imperfections: Imperfections,
    *,
    snr_db: float,
    stacks: int,
    seed: int = 0,
) -> Iterator[tuple[StagedScore, ...]]:
    """Build stacks within tolerances and calibrate each in every way, from the same pilots.

    After each stack the scores of all so far.

    Raises:
        InputError: a plan of another stack; fewer slots than stages.
    """
    rows = list[list[np.ndarray]]()
    for number, made in enumerate(built_stacks(stack, imperfections, stacks, seed)):
        key = jax.random.fold_in(jax.random.key(seed + 1), number)
        pilots = simulate_pilots(made, plan, snr_db=snr_db, key=key, gain=0.5 * 1j**number)
        truth = Links.of_stack(made, plan.illumination)
        rows.append([_figures(way.after_stages(stack, pilots), truth) for way in ways])
        columns = (np.array(each) for each in zip(*rows, strict=True))
        yield tuple(
            StagedScore(way.name, *np.moveaxis(column, -1, 0))
            for way, column in zip(ways, columns, strict=True)
        )


def _figures(found: Sequence[Links], truth: Links) -> Float[np.ndarray, "stages 3"]:
    with float64():
        each = [ThreeFigures.of(links, truth) for links in found]
    return np.array(
        [
            (between_layers(one.raw).mean(), between_layers(one.aligned).mean(), one.held_out)
            for one in each
        ]
    )


def _links_of(belief: Belief) -> Links:
    with float64():
        return Links.of_stack(*belief.unknowns.applied(jnp.asarray(belief.values)))


def _parts(pilots: Pilots, count: int) -> list[Pilots]:
    """Equal parts of the slots, in their order."""
    require(
        1 <= count <= pilots.plan.slots,
        f"`stages` must be from 1 to the number of slots, {pilots.plan.slots}, but are {count}.",
    )
    phases_rad = np.array_split(np.asarray(pilots.plan.phases_rad), count)
    received = np.array_split(np.asarray(pilots.received), count)
    return [
        replace(pilots, plan=PilotPlan(shown, pilots.plan.illumination), received=heard)
        for shown, heard in zip(phases_rad, received, strict=True)
    ]
