"""Phases for a target: the one call that chooses method, scale, starts and goal.

Source: DOA paper, section III; the default method and the prescribed insertion loss are ours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from .. import targets
from ..errors import require
from ..precision import in_float64
from ..stack import Stack, hops
from .coordinate import CoordinateDescent
from .levenberg_marquardt import LevenbergMarquardt
from .memory import check_memory
from .method import Method
from .problem import FreeScale, Problem, respond
from .run import OnProgress
from .search import DEFAULT_GOAL_DB, best_design, check_matrix, scale_of, search
from .solution import Design, Outcome
from .starts import GivenPhases, NearUniform, RandomPhases, StartPhases

# A sweep holds a matrix of atoms x atoms of a layer: .27 GB at this size.
_SWEEPS_TO_ATOMS = 4096


@in_float64
def design_phases(
    stack: Stack,
    target: Complex[np.ndarray, "receivers inputs"],
    *,
    methods: Sequence[Method] | None = None,
    insertion_loss_db: float | None = None,
    starts: int = 1,
    start_phases: StartPhases | None = None,
    seed: int = 0,
    goal_db: float = DEFAULT_GOAL_DB,
    on_progress: OnProgress | None = None,
) -> list[Design]:
    """Find phases that make the response of `stack` proportional to `target`, from many starts.

    `methods` run one after the other; the default is two sweeps of coordinate descent, then
    Levenberg-Marquardt (see `default_methods`). `insertion_loss_db` prescribes the loss; without
    it the loss is whatever the fit gives. Start k draws its phases from
    `numpy.random.default_rng([seed, k])`. A start stops when its error reaches `goal_db`.
    Ctrl-C ends the run and returns what there is.

    Raises:
        InputError: a target of the wrong shape or of a rank that the stack cannot have
            (Theorem 1), atoms that the method cannot use, or too little memory.
    """
    return design_seeds(
        stack,
        target,
        [seed],
        methods=methods,
        insertion_loss_db=insertion_loss_db,
        starts=starts,
        start_phases=start_phases,
        goal_db=goal_db,
        on_progress=on_progress,
    )


@in_float64
def design_seeds(
    stack: Stack,
    target: Complex[np.ndarray, "receivers inputs"],
    seeds: Sequence[int],
    *,
    methods: Sequence[Method] | None = None,
    insertion_loss_db: float | None = None,
    starts: int = 1,
    start_phases: StartPhases | None = None,
    goal_db: float = DEFAULT_GOAL_DB,
    on_progress: OnProgress | None = None,
) -> list[Design]:
    """`design_phases` for several seeds at once: every start of the first, then of the next.

    As many starts as the method can take run as one batch, whichever seeds they belong to.

    Raises:
        InputError: as `design_phases`.
    """
    methods = methods or default_methods(stack, insertion_loss_db)
    start_phases = start_phases or default_start(stack)
    target = np.asarray(target, complex)
    check_target(stack, target)
    _check_methods(stack, methods)
    problem = Problem(
        hops(stack), stack.atoms, jnp.asarray(target), scale_of(target, insertion_loss_db)
    )
    found = search(
        problem,
        stack.phases_shape,
        methods=methods,
        start_phases=start_phases,
        insertion_loss_db=insertion_loss_db,
        starts=starts,
        seeds=seeds,
        goal_db=goal_db,
        on_progress=on_progress,
    )
    return [Design(**vars(design), stack=stack) for design in found]


def default_methods(stack: Stack, insertion_loss_db: float | None) -> list[Method]:
    """What `design` does when nothing is chosen.

    A few closed-form sweeps bring any start near a solution, and Levenberg-Marquardt finishes. A
    prescribed loss needs more of both; atoms that jump leave only the sweeps.
    """
    if not stack.atoms.is_smooth:
        return [CoordinateDescent(iterations=60)]
    if stack.layer_array.size > _SWEEPS_TO_ATOMS:
        return [LevenbergMarquardt(iterations=120)]
    if insertion_loss_db is None:
        return [CoordinateDescent(iterations=2), LevenbergMarquardt(iterations=60)]
    return [CoordinateDescent(iterations=10), LevenbergMarquardt(iterations=120)]


def default_start(stack: Stack) -> StartPhases:
    """Near uniform, for a low insertion loss; random where near phases would all round alike."""
    return NearUniform() if stack.atoms.is_smooth else RandomPhases()


def insertion_loss_tradeoff(
    stack: Stack,
    target: Complex[np.ndarray, "receivers inputs"],
    losses_db: Sequence[float],
    *,
    starts: int = 1,
    seed: int = 0,
    goal_db: float = DEFAULT_GOAL_DB,
    on_progress: OnProgress | None = None,
) -> Iterator[Design]:
    """The best design at each prescribed insertion loss, from the largest loss to the smallest.

    Each loss is tried from `starts` fresh starts; where that fails to reach the goal, the design
    of the loss before is lowered one step further as well, and the better one is kept. Designs
    come out one by one, as they are found.
    """
    previous: Design | None = None
    for loss_db in sorted(losses_db, reverse=True):
        attempt = partial(
            design_phases,
            stack,
            target,
            insertion_loss_db=loss_db,
            seed=seed,
            goal_db=goal_db,
            on_progress=on_progress,
        )
        candidates = attempt(starts=starts)
        interrupted = candidates[-1].outcome is Outcome.INTERRUPTED
        if previous and not interrupted and best_design(candidates).error_db > goal_db:
            candidates += attempt(start_phases=GivenPhases(previous.phases_rad))
        previous = best_design(candidates)
        yield previous
        if candidates[-1].outcome is Outcome.INTERRUPTED:
            return


@in_float64
def with_phases(design: Design, phases_rad: Float[np.ndarray, "layers atoms"]) -> Design:
    """The same stack with other phases, rounded ones for instance, and what they make of it."""
    stack = design.stack
    problem = Problem(hops(stack), stack.atoms, jnp.asarray(design.target), FreeScale())
    response = respond(problem, phases_rad)
    return replace(
        design,
        phases_rad=phases_rad,
        response=np.asarray(response),
        nmse_db=float(targets.decibels(targets.nmse(response, design.target))),
        insertion_loss_db=float(targets.insertion_loss_db(response)),
    )


def in_stack(design: Design, stack: Stack) -> Design:
    """The same phases in another stack, as it is built for one, and what they do there.

    Raises:
        InputError: a stack of other layers, atoms or ports.
    """
    check_shape(stack, design.phases_rad, design.response)
    return with_phases(replace(design, stack=stack), design.phases_rad)


def check_shape(
    stack: Stack,
    phases_rad: Float[np.ndarray, "layers atoms"],
    response: Complex[np.ndarray, "receivers inputs"],
) -> None:
    """Refuse a stack that a design with such phases and such a response is not for.

    Raises:
        InputError: other numbers of layers, atoms or ports.
    """
    ports = (stack.receiver_array.size, stack.input_array.size)
    for what, here, there in (
        ("layers x atoms", np.shape(phases_rad), stack.phases_shape),
        ("receivers x inputs", np.shape(response), ports),
    ):
        require(
            here == there, f"The stack must have {what} {here}, as the design, but has {there}."
        )


def check_design(stack: Stack, target: Complex[np.ndarray, "receivers inputs"]) -> None:
    """Refuse what the default methods could not design, before anything is computed.

    Raises:
        InputError: as `design_phases`.
    """
    check_target(stack, target)
    _check_methods(stack, default_methods(stack, None))


def check_target(stack: Stack, target: Complex[np.ndarray, "receivers inputs"]) -> None:
    """Refuse a target that no phases could reach.

    Raises:
        InputError: wrong shape, NaN, all zero, or a rank above Theorem 1's limit.
    """
    check_matrix(target, (stack.receiver_array.size, stack.input_array.size))
    rank, largest = int(np.linalg.matrix_rank(target)), stack.layer_array.size
    require(
        rank <= largest,
        f"`target` has rank {rank}, but layers of {largest} atoms can only give rank {largest} "
        "(Theorem 1 of the DOA paper); use more atoms a layer or fewer ports.",
    )


def _check_methods(stack: Stack, methods: Sequence[Method]) -> None:
    for method in methods:
        require(
            stack.atoms.is_smooth or not method.needs_smooth_atoms,
            f"{type(method).__name__} follows a gradient, but these atoms jump between settings; "
            "use CoordinateDescent.",
        )
        check_memory(stack, method)
