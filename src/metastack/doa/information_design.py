"""Phases that tell as much of a direction as energies can: design for information, not for a DFT.

Adam on the mean (or worst) log-error over the field of view (`direction_problem`), by automatic
differentiation through the response and the Fisher information. On the paper's own hardware this
beats the best exact DFT by far, because nothing forces the power through a unitary response.

Source: ours; D. P. Kingma and J. Ba, Adam (2015).
"""

import time
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from .. import targets
from ..design.method import State
from ..design.run import OnProgress, Stage, Trace, run_stages
from ..design.solution import Outcome
from ..design.starts import StartPhases
from ..errors import require
from ..precision import in_float64
from ..propagation import propagate
from ..stack import Stack, hops
from .direction_design import DirectionDesign, DirectionGoal
from .direction_problem import DirectionProblem, Mean, local_mse
from .model import DirectionModel
from .source_sets import source_sets

# Sides of the grid of directions that a design looks at, at least, and of the one that judges it.
_SAMPLE_SIDE, _JUDGING_SIDE = 8, 20
_MEAN = Mean()


@dataclass(frozen=True)
class GaussianSpread:
    """Phases near zero, normally distributed: the wave goes through, and no two starts agree."""

    deviation_rad: float = 0.3

    def __call__(
        self, generator: np.random.Generator, shape: tuple[int, int]
    ) -> Float[np.ndarray, "layers atoms"]:
        """Phases for layers x atoms, in radians."""
        return generator.normal(0, self.deviation_rad, shape)


class _AdamState(State):
    gradient: Float[Array, "1 unknowns"]
    memory: Any


@dataclass(frozen=True)
class InformationAdam:
    """Adam whose rate falls to zero along half a cosine."""

    learning_rate_rad: float = 0.08
    iterations: int = 600
    monotone: ClassVar[bool] = False
    needs_smooth_atoms: ClassVar[bool] = False
    starts_together: ClassVar[int] = 1

    def begin(
        self, problem: DirectionProblem, phases_rad: Float[Array, "1 unknowns"]
    ) -> _AdamState:
        """The state at the given phases."""
        error, gradient = jax.value_and_grad(problem.error)(phases_rad)
        return _AdamState(phases_rad, error, gradient / error, self._optimiser.init(phases_rad))

    def step(self, problem: DirectionProblem, state: _AdamState) -> _AdamState:
        """One update of every phase, down the slope of the log-error."""
        updates: Any
        updates, memory = self._optimiser.update(state.gradient, state.memory)
        phases_rad = state.phases_rad + updates
        error, gradient = jax.value_and_grad(problem.error)(phases_rad)
        return _AdamState(phases_rad, error, gradient / error, memory)

    @property
    def _optimiser(self) -> optax.GradientTransformation:
        rate = optax.cosine_decay_schedule(self.learning_rate_rad, self.iterations)
        return optax.adam(rate)


@in_float64
def design_for_directions(
    stack: Stack,
    goal: DirectionGoal,
    *,
    method: InformationAdam | None = None,
    starts: int = 1,
    start_phases: StartPhases | None = None,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> list[DirectionDesign]:
    """Phases that make the error of directions read from energies small, from several starts.

    Start k draws its phases from `numpy.random.default_rng([seed, k])`. Atoms that round are
    rounded in every evaluation, and their gradient is that of the atoms without rounding. Ctrl-C
    ends the run and returns what there is.

    Raises:
        InputError: a goal whose input layer is not that of the stack.
    """
    _check_goal(stack, goal)
    require(starts >= 1, f"`starts` must be at least 1, but is {starts}.")
    method, start_phases = method or InformationAdam(), start_phases or GaussianSpread()
    side = max(_SAMPLE_SIDE, 2 * max(goal.protocol.columns, goal.protocol.rows))
    problem = direction_problem(stack, goal, side=side, seed=seed)
    designs: list[DirectionDesign] = []
    for start in range(starts):
        began = time.perf_counter()
        drawn = start_phases(np.random.default_rng([seed, start]), stack.phases_shape)
        first = np.asarray(problem.patterns.packed(jnp.asarray(drawn)))[None]
        stage = Stage(problem, method, 0.0)
        trace = run_stages([stage], first, first_start=start, on_progress=on_progress)
        recipe = f"{method!r}; from {start_phases!r}"
        seconds = time.perf_counter() - began
        designs.append(_design(stack, goal, problem, trace, seconds, recipe, seed, start))
        if trace.outcome is Outcome.INTERRUPTED:
            break
    return designs


def direction_problem(
    stack: Stack, goal: DirectionGoal, *, side: int, seed: int
) -> DirectionProblem:
    """The problem of a stack and a goal, on a sample of `side` x `side` sets of sources."""
    protocol = goal.protocol
    return DirectionProblem(
        hops(stack),
        stack.atoms,
        goal.patterns(protocol.input_phases_rad),
        source_sets(goal, side=side, seed=seed),
        jnp.asarray(goal.snr.variance),
        goal.summary,
        stack.layers,
        protocol.columns,
        protocol.rows,
    )


def _check_goal(stack: Stack, goal: DirectionGoal) -> None:
    array, protocol = stack.input_array, goal.protocol
    require(
        (array.columns, array.rows) == (protocol.columns, protocol.rows),
        f"`protocol` must be for the {array.columns} x {array.rows} elements of the stack's input "
        f"layer, but is for {protocol.columns} x {protocol.rows}.",
    )
    require(
        protocol.columns > 1 and protocol.rows > 1,
        "A direction in two angles must be read with at least 2 columns and 2 rows of elements, "
        f"but there are {protocol.columns} x {protocol.rows}.",
    )


def _design(
    stack: Stack,
    goal: DirectionGoal,
    problem: DirectionProblem,
    trace: Trace,
    seconds: float,
    recipe: str,
    seed: int,
    start: int,
) -> DirectionDesign:
    unknowns = jnp.asarray(trace.phases_rad[0])
    phases_rad, input_phases_rad = problem.patterns.unpacked(unknowns, stack.layers)
    response = propagate(problem.hops, stack.atoms(phases_rad))
    bounds = bound_over_view(problem.model(unknowns), goal)
    stopped = trace.outcome is Outcome.INTERRUPTED
    return DirectionDesign(
        stack=stack,
        goal=goal,
        phases_rad=np.mod(np.asarray(phases_rad), 2 * np.pi),
        input_phases_rad=np.mod(np.asarray(input_phases_rad), 2 * np.pi),
        response=np.asarray(response),
        insertion_loss_db=float(targets.insertion_loss_db(response)),
        bound_rad2=float(np.mean(bounds)),
        worst_bound_rad2=float(np.max(bounds)),
        history_db=10 * np.log10(np.stack(trace.errors)[:, 0]),
        outcome=trace.outcome if stopped else Outcome.FINISHED,
        seconds=seconds,
        method=recipe,
        seed=seed,
        start=start,
    )


@in_float64
def bound_over_view(model: DirectionModel, goal: DirectionGoal) -> Float[np.ndarray, " sample"]:
    """Cramér-Rao bound of one angle from energies, rad², over a sample of the field of view.

    The sample is even and another one than a design sees.
    """
    evenly = replace(goal, summary=_MEAN)
    sample = source_sets(evenly, side=_JUDGING_SIDE, seed=1)
    return np.asarray(jax.jit(local_mse)(model, sample, jnp.asarray(goal.snr.variance)))
