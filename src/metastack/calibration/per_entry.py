"""Calibration entry by entry: every coefficient of every link is free, as in the paper.

It needs no model of what went wrong, and pays for that. Pilots tell coefficients up to the gauge
only (see `gauge`), so that however well the pilots are fitted, the matrices come no nearer to the
true ones than `gauge_floor`; and there are thousands of coefficients, which fit noise as gladly
as pilots. What comes out predicts the built stack; for its geometry go on to `gauge_orbit`, or
use `calibrate`.

An unknown complex gain of the whole set-up is one of the things that free matrices absorb. The
pilots are first divided by the gain that fits the start best, so that no matrix has to.

Source: calibration paper, section III-B for the stages, III-C for the descent.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .entry_descent import Trace, run_stage
from .entry_methods import EntryMethod, GaussNewton
from .entry_problem import EntryProblem, Scale, each_matrix, energy, zeros
from .gains import OneGain
from .least_squares import Ending
from .links import Links, received
from .pilots import Pilots, check_plan


class Stages(Protocol):
    """How the slots are dealt out to stages, each of which begins where the last one ended."""

    @property
    def count(self) -> int:
        """Number of stages, and of the equal blocks that the slots are cut into."""
        ...

    def blocks(self, stage: int) -> tuple[int, int]:
        """The first block of a stage, and the one after its last."""
        ...


@dataclass(frozen=True)
class CumulativeStages:
    """Every stage fits all slots so far: nothing that was learned is lost."""

    count: int = 10

    def blocks(self, stage: int) -> tuple[int, int]:
        """The first block of a stage, and the one after its last."""
        return 0, stage + 1


@dataclass(frozen=True)
class SeparateStages:
    """Every stage fits its own slots only, as in the paper: pilots come and go."""

    count: int = 10

    def blocks(self, stage: int) -> tuple[int, int]:
        """The first block of a stage, and the one after its last."""
        return stage, stage + 1


@dataclass(frozen=True, eq=False)
class PerEntryCalibration:
    """Links as pilots show them to be, in some gauge.

    `gain` times what the links give are the pilots. `after_stage`: the links at the start and
    after each stage, one that was cut short too, and `nmse_after_stage` the NMSE of all pilots with
    them. `history`: for every stage that was begun, the NMSE of its own slots before its first and
    after each iteration.
    """

    pilots: Pilots
    gain: complex
    after_stage: tuple[Links, ...]
    nmse_after_stage: Float[np.ndarray, " stages"]
    history: tuple[Float[np.ndarray, " _iterations"], ...]
    ending: Ending

    @property
    def links(self) -> Links:
        """The links of the last stage, without the gain."""
        return self.after_stage[-1]


def noise_nmse(pilots: Pilots) -> float:
    """The NMSE that the true links would leave, the noise's share of the pilots' power.

    Raises:
        InputError: pilots whose noise is not known.
    """
    variance = pilots.noise_variance
    require(variance is not None, "`noise_variance` of the pilots must be known, but is None.")
    return float(variance or 0.0) / float(np.mean(np.abs(pilots.received) ** 2))


@in_float64
def calibrate_entries(
    stack: Stack,
    pilots: Pilots,
    *,
    method: EntryMethod | None = None,
    stages: Stages | None = None,
    scale: Scale = each_matrix,
    start: Links | None = None,
    goal: float | None = None,
    on_stage: Callable[[int, int], None] | None = None,
) -> PerEntryCalibration:
    """Fit every coefficient of the links to pilots. Ctrl-C ends it with what it has.

    `method`: `GaussNewton` if not told, or `GradientDescent`, `Nesterov`, `Adam`. `stages`: ten
    cumulative ones if not told. `scale`: the unit in which a coefficient is counted. `start`: links
    to begin with, those of `stack` if not told. `goal`: an NMSE at which a stage ends; if not told,
    that of the noise where it is known, since coefficients that go on from there fit noise.
    `on_stage` is told how many stages are done and how many there are.

    Raises:
        InputError: pilots or links of another stack, fewer slots than stages, a start from which
            nothing is received.
    """
    check_plan(pilots.plan, stack)
    begin = Links.of_stack(stack, pilots.plan.illumination) if start is None else start
    begin = jax.tree.map(lambda A: jnp.asarray(A, complex), begin)
    _check_links(begin, stack, pilots)
    dealt = stages or CumulativeStages()
    _check_stages(dealt, pilots)
    transmission = stack.atoms(jnp.asarray(pilots.plan.phases_rad))
    gain = _gain(received(begin, transmission), pilots)
    measured = jnp.asarray(pilots.received) / gain
    wanted = _noise_if_known(pilots) if goal is None else goal
    problems = _problems(begin, scale, transmission, measured, dealt, wanted)
    trace = Trace(zeros(begin), [begin])
    try:
        for stage, problem in enumerate(problems, start=1):
            run_stage(method or GaussNewton(), problem, trace)
            if on_stage is not None:
                on_stage(stage, dealt.count)
    except KeyboardInterrupt:
        trace.ending = Ending.INTERRUPTED
    left = [energy(measured - received(links, transmission)) for links in trace.after_stage]
    return PerEntryCalibration(
        pilots,
        gain,
        tuple(jax.tree.map(np.asarray, links) for links in trace.after_stage),
        np.array(left) / float(energy(measured)),
        tuple(np.array(each) for each in trace.history),
        trace.ending,
    )


def _problems(
    begin: Links,
    scale: Scale,
    transmission: Complex[Array, "slots layers atoms"],
    measured: Complex[Array, "slots antennas users"],
    stages: Stages,
    goal: float,
) -> Iterator[EntryProblem]:
    """What each stage fits."""
    shown, heard = _in_blocks(transmission, stages.count), _in_blocks(measured, stages.count)
    unit = scale(begin)
    for stage in range(stages.count):
        first, end = stages.blocks(stage)
        fineness = stage / max(stages.count - 1, 1)
        numbers = energy(heard[first:end]), fineness, goal
        yield EntryProblem(
            begin,
            unit,
            shown,
            heard,
            jnp.asarray(first),
            jnp.asarray(end),
            *(jnp.asarray(number, float) for number in numbers),
        )


def _in_blocks(
    of_slots: Complex[Array, "slots ..."], blocks: int
) -> Complex[Array, "blocks _ ..."]:
    """Equal blocks, short ones filled up with a slot in which nothing passes or is received."""
    ends = np.arange(blocks + 1) * len(of_slots) // blocks
    index = ends[:-1, None] + np.arange(np.diff(ends).max())
    filled = jnp.concatenate([of_slots, jnp.zeros_like(of_slots[:1])])
    return filled[np.where(index < ends[1:, None], index, len(of_slots))]


def _gain(predicted: Complex[Array, "slots antennas users"], pilots: Pilots) -> complex:
    """The gain with which the start is nearest to the pilots."""
    require(
        bool(energy(predicted) > 0),
        "Something must pass the links to start with, but nothing does.",
    )
    gain = complex(OneGain().fitted(predicted, jnp.asarray(pilots.received)).item())
    require(gain, "The pilots must resemble those of the start, but their best gain is 0.")
    return gain


def _noise_if_known(pilots: Pilots) -> float:
    return 0.0 if pilots.noise_variance is None else noise_nmse(pilots)


def _check_links(links: Links, stack: Stack, pilots: Pilots) -> None:
    layers, atoms = stack.phases_shape
    antennas, users = pilots.received.shape[1:]
    expected = [(atoms, users), *[(atoms, atoms)] * (layers - 1), (antennas, atoms)]
    found = [np.shape(link) for link in links]
    require(
        found == expected,
        f"The links must have the shapes {expected}, as pilots of {antennas} antennas and {users} "
        f"users have, but have {found}.",
    )


def _check_stages(stages: Stages, pilots: Pilots) -> None:
    require(
        1 <= stages.count <= pilots.plan.slots,
        f"`stages` must be from 1 to the number of slots, {pilots.plan.slots}, but are "
        f"{stages.count}.",
    )
