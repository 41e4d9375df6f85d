"""A schedule on a stack that moves: pilots spent, delays, false alarms, NMSE over blocks.

Pilots are those of the true stack, moved as it is in every block.

Source: ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Key

from ..._types import AnyArray
from ...errors import require
from ...imperfections import Imperfections
from ...precision import in_float64
from ...stack import Stack
from ..illumination import Illumination
from ..pilot_model import predicted
from ..pilots import PilotPlan, Pilots, reference_power
from ..sensitivity import links_at
from ..unknowns import Expected, Unknowns
from .belief import padded_model
from .decisions import Action, Decision
from .drift import Drift, DriftPath, drift_path, gain_path
from .schedules import CoherenceBlock, Schedule
from .site import Site
from .walk import Walk

_RESETS = (Action.CALIBRATION, Action.ALARM)


@dataclass(frozen=True, eq=False)
class ScheduleRun:
    """What a schedule did on a stack that moved.

    `nmse`: of the matrices between layers in every block, their mean, once the block's pilots were
    taken in; `uncalibrated_nmse`: of the nominal ones. `is_false`: alarms that
    answer no jump, while the truth was where it was believed to be (in the region of 99.9 %).
    """

    schedule: Schedule
    path: DriftPath
    decisions: tuple[Decision, ...]
    nmse: Float[np.ndarray, " blocks"]
    uncalibrated_nmse: Float[np.ndarray, " blocks"]
    is_false: Bool[np.ndarray, " blocks"]

    @property
    def pilots_per_block(self) -> float:
        """Mean number of slots that pilots took."""
        return float(np.mean([decision.pilots for decision in self.decisions]))

    @property
    def mean_nmse_db(self) -> float:
        """Of the mean over all blocks."""
        return 10 * float(np.log10(self.nmse.mean()))

    @property
    def alarms(self) -> Bool[np.ndarray, " blocks"]:
        """Blocks in which an alarm was raised."""
        return np.array([decision.action is Action.ALARM for decision in self.decisions])

    @property
    def delays(self) -> Float[np.ndarray, " jumps"]:
        """Blocks from each jump to the alarm or calibration that answered it; 1 is at once.

        Infinite if there was none before the next jump or the end.
        """
        resets = np.array([decision.action in _RESETS for decision in self.decisions])
        starts = np.flatnonzero(self.path.jumps)
        parts = np.split(resets, starts)[1:]
        return np.array([_first(part) for part in parts])


@in_float64
def run_schedule(
    stack: Stack,
    drift: Drift,
    schedule: Schedule,
    *,
    illumination: Illumination,
    imperfections: Imperfections,
    snr_db: float,
    blocks: int,
    key: Key[Array, ""],
    coherence: CoherenceBlock | None = None,
    patterns: PilotPlan | None = None,
    gain: complex = 1.0,
    gain_step: float = 0.0,
    assumed: Walk | None = None,
) -> ScheduleRun:
    """Let a schedule serve a stack that moves, block after block.

    `imperfections`: the tolerances within which poses are, and in which `drift` counts. `snr_db`:
    of an antenna in a slot of random phases. `patterns`: shown in turn, else random ones.
    `gain_step`: of the walk that the set-up's gain makes each block (`gain_path`). `assumed`: what
    the schedule takes for the walk, in tolerances; the true one if not told. The same key moves
    the stack in the same way whatever the schedule is.

    Raises:
        InputError: a schedule that does not fit a coherence block; fewer than one block; an SNR
            that is not finite; nothing that may be off, or too much to be followed.
    """
    (coherence or CoherenceBlock()).check(schedule)
    variance = abs(gain) ** 2 * _noise_variance(stack, illumination, snr_db)
    unknowns = Unknowns.of(stack, illumination, Expected.within(imperfections))
    for_drift, for_noise = jax.random.split(key)
    path = drift_path(drift, for_drift, blocks, unknowns.size)
    tolerance = 1 / imperfections.law.deviation
    truth = path.values * tolerance
    seed = int(jax.random.randint(for_noise, (), 0, 2**31 - 1))
    walk = assumed or Walk(drift.step_deviation, gain_step)
    walk = replace(walk, pose_step=walk.pose_step * tolerance)
    site = Site(unknowns, variance, walk, seed, patterns)
    operation = schedule.begun(site)
    gains = gain * gain_path(gain_step, jax.random.fold_in(for_noise, 1), blocks)
    ether = _Ether(unknowns, variance, np.random.default_rng(seed))
    decisions, found, is_false = list[Decision](), list[np.ndarray](), list[bool]()
    is_unanswered = False
    for block, (now, factor) in enumerate(zip(truth, gains, strict=True)):
        before = operation.belief.older(walk)
        decision = operation.step(block, partial(ether.carried, truth=now, gain=factor))
        decisions.append(decision)
        is_unanswered |= bool(path.jumps[block])
        is_alarm = decision.action is Action.ALARM
        is_false.append(is_alarm and not is_unanswered and before.holds(now))
        is_unanswered &= decision.action not in _RESETS
        found.append(operation.belief.values)
    return ScheduleRun(
        schedule,
        path,
        tuple(decisions),
        links_nmse(unknowns, np.array(found), truth),
        links_nmse(unknowns, np.zeros_like(truth), truth),
        np.array(is_false),
    )


@in_float64
def links_nmse(
    unknowns: Unknowns,
    found: Float[np.ndarray, "blocks unknowns"],
    truth: Float[np.ndarray, "blocks unknowns"],
) -> Float[np.ndarray, " blocks"]:
    """Mean NMSE of the matrices between layers, block by block; of all, if there is one layer."""
    return np.asarray(_links_nmse(unknowns, jnp.asarray(found), jnp.asarray(truth)))


@eqx.filter_jit
def _links_nmse(
    unknowns: Unknowns,
    found: Float[Array, "blocks unknowns"],
    truth: Float[Array, "blocks unknowns"],
) -> Float[Array, " blocks"]:
    def nmse(both: tuple[Array, Array]) -> Float[Array, ""]:
        one, other = (links_at(unknowns, values) for values in both)
        pairs = list(zip(one, other, strict=True))
        pairs = pairs[1:-1] if len(pairs) > 2 else pairs
        each = [_energy(a - b) / _energy(b) for a, b in pairs]
        return jnp.mean(jnp.stack(each))

    return jax.lax.map(nmse, (found, truth))


def _energy(matrix: Complex[AnyArray, "to from"]) -> Float[Array, ""]:
    return jnp.sum(jnp.abs(matrix) ** 2)


@in_float64
def pilots_on_path(
    unknowns: Unknowns,
    truth: Float[np.ndarray, "blocks unknowns"],
    slots: Sequence[int],
    *,
    snr_db: float,
    seed: int,
    gain_step: float = 0.0,
) -> list[Pilots]:
    """Pilots of random phases in every block of a path, so many slots of each.

    `truth`: in units of the unknowns. `gain_step`: of the walk of the gain (`gain_path`).

    Raises:
        InputError: an SNR that is not finite.
    """
    variance = _noise_variance(unknowns.stack, unknowns.illumination, snr_db)
    site = Site(unknowns, variance, Walk(), seed)
    ether = _Ether(unknowns, variance, np.random.default_rng(seed))
    gains = gain_path(gain_step, jax.random.fold_in(jax.random.key(seed), 2), len(truth))
    return [
        ether.carried(site.plan(many), now, factor)
        for many, now, factor in zip(slots, truth, gains, strict=True)
    ]


def _noise_variance(stack: Stack, illumination: Illumination, snr_db: float) -> float:
    require(abs(snr_db) <= 300, f"`snr_db` must be within ±300, but is {snr_db}.")
    return reference_power(stack, illumination) * 10 ** (-snr_db / 10)


@dataclass(frozen=True, eq=False)
class _Ether:
    """Carries pilots through the stack as it stands, and adds noise."""

    unknowns: Unknowns
    noise_variance: float
    generator: np.random.Generator

    def carried(
        self, plan: PilotPlan, truth: Float[np.ndarray, " unknowns"], gain: complex
    ) -> Pilots:
        model = padded_model(self.unknowns, plan)
        y = np.asarray(predicted(model, jnp.asarray(truth)))[: plan.slots]
        noise = self.generator.normal(scale=(self.noise_variance / 2) ** 0.5, size=(2, *y.shape))
        return Pilots(plan, gain * y + noise[0] + 1j * noise[1], self.noise_variance)


def _first(flags: Bool[np.ndarray, " blocks"]) -> float:
    """Place of the first that is set, counted from 1."""
    return float(np.argmax(flags)) + 1 if flags.any() else np.inf
