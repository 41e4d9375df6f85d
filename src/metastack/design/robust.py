"""Phases that stay good on what fabrication makes of a stack, chosen before it is built.

Nothing is known of the stack that will be built but its tolerances, so the phases minimise the
error to be expected over them. Where the built stack can be calibrated, a design for that one
stack is better still.

Source: ours; for the mean over samples, A. Shapiro, Monte Carlo sampling methods (2003).
"""

import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from .. import targets
from ..errors import require
from ..imperfections import Imperfections
from ..precision import in_float64
from ..stack import Stack, response
from .design_phases import check_target
from .problem import FreeScale
from .run import OnProgress, Stage, Trace, run_stages
from .sampled_levenberg_marquardt import SampledLevenbergMarquardt
from .sampled_problem import check_samples_fit, sampled_errors, sampled_problem
from .search import DEFAULT_GOAL_DB, scale_of
from .solution import Design
from .starts import GivenPhases, NearUniform, StartPhases

# Sets the stacks of a design apart from those that anybody would draw from the same seed.
_FOR_DESIGN = 0x0DE516


@in_float64
def design_robustly(
    stack: Stack,
    target: Complex[np.ndarray, "receivers inputs"],
    imperfections: Imperfections,
    *,
    samples: int = 64,
    iterations: int = 60,
    insertion_loss_db: float | None = None,
    start: StartPhases | Design | None = None,
    seed: int = 0,
    goal_db: float = DEFAULT_GOAL_DB,
    on_progress: OnProgress | None = None,
) -> Design:
    """Phases that minimise the mean NMSE over `samples` stacks built within `imperfections`.

    Each stack counts at its own best scale, or at the scale of a prescribed insertion loss. The
    error of the design's history is that mean; response, NMSE and insertion loss are those of the
    stack as designed. More samples fit better what was not drawn, at a cost in proportion: judge
    by `expected_nmse`. `start`: without it near-uniform phases, which end better than an exact
    design of the stack as designed does. Ctrl-C ends the run and returns what there is.

    Raises:
        InputError: what `design_phases` refuses of stack, target and goal; atoms that round;
            tolerances that do not fit the stack; more samples than memory holds.
    """
    target = np.asarray(target, complex)
    _check(stack, target, samples, iterations, goal_db)
    scale = scale_of(target, insertion_loss_db)
    start_phases = GivenPhases(start.phases_rad) if isinstance(start, Design) else start
    start_phases = start_phases or NearUniform()
    first = start_phases(np.random.default_rng([seed, 0]), stack.phases_shape)
    began = time.perf_counter()
    key = jax.random.fold_in(jax.random.key(seed), _FOR_DESIGN)
    problem = sampled_problem(
        stack, jnp.asarray(target), scale, imperfections, jax.random.split(key, samples)
    )
    method = SampledLevenbergMarquardt(iterations)
    stage = Stage(problem, method, 10 ** (goal_db / 10))
    trace = run_stages([stage], first[None], on_progress=on_progress)
    prescribed = "" if insertion_loss_db is None else f" at {insertion_loss_db:g} dB"
    recipe = (
        f"{method!r}; from {start_phases!r} to {goal_db:g} dB{prescribed}; mean over {samples} "
        f"stacks with {eqx.tree_pformat(imperfections, width=10**6, short_arrays=False)}"
    )
    return _design(stack, target, trace, time.perf_counter() - began, recipe, seed)


@in_float64
def expected_nmse(
    stack: Stack,
    phases_rad: Float[np.ndarray, "layers atoms"],
    target: Complex[np.ndarray, "receivers inputs"],
    imperfections: Imperfections,
    *,
    stacks: int = 100,
    key: Key[Array, ""],
) -> Float[np.ndarray, " stacks"]:
    """NMSE of the phases on each of so many stacks as fabrication might make them, linear.

    At each stack's own best scale, eq. (17). Their mean is the expected NMSE, their deviation over
    the root of `stacks` its standard error. No key draws the stacks of `design_robustly`, so these
    are fresh ones.

    Raises:
        InputError: phases or target of another stack; tolerances that do not fit the stack.
    """
    target = np.asarray(target, complex)
    check_target(stack, target)
    require(stacks >= 1, f"`stacks` must be at least 1, but is {stacks}.")
    require(
        np.shape(phases_rad) == stack.phases_shape,
        f"`phases_rad` must be layers x atoms, {stack.phases_shape}, "
        f"but is {np.shape(phases_rad)}.",
    )
    keys = jax.random.split(key, stacks)
    errors = sampled_errors(
        stack, jnp.asarray(target), FreeScale(), imperfections, keys, jnp.asarray(phases_rad)
    )
    return np.asarray(errors)


def _check(
    stack: Stack,
    target: Complex[np.ndarray, "receivers inputs"],
    samples: int,
    iterations: int,
    goal_db: float,
) -> None:
    check_target(stack, target)
    require(samples >= 1, f"`samples` must be at least 1, but is {samples}.")
    require(iterations >= 1, f"`iterations` must be at least 1, but is {iterations}.")
    require(np.isfinite(goal_db), f"`goal_db` must be a finite number, but is {goal_db}.")
    require(
        stack.atoms.is_smooth,
        "A robust design follows a gradient, but these atoms jump between settings; design for "
        "atoms of any phase and round the result.",
    )
    check_samples_fit(stack, samples)


def _design(
    stack: Stack,
    target: Complex[np.ndarray, "receivers inputs"],
    trace: Trace,
    seconds: float,
    method: str,
    seed: int,
) -> Design:
    phases_rad = np.mod(trace.phases_rad[0], 2 * np.pi)
    nominal = response(stack, phases_rad)
    return Design(
        stack=stack,
        target=target,
        phases_rad=phases_rad,
        response=np.asarray(nominal),
        nmse_db=float(targets.decibels(targets.nmse(nominal, target))),
        insertion_loss_db=float(targets.insertion_loss_db(nominal)),
        history_db=10 * np.log10(np.stack(trace.errors)[:, 0]),
        outcome=trace.outcome,
        seconds=seconds,
        method=method,
        seed=seed,
        start=0,
    )
