"""Phases for a target where the response is no product of matrices, as with reflections."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex

from ..errors import require
from ..precision import in_float64
from .coordinate import CoordinateDescent
from .levenberg_marquardt import LevenbergMarquardt
from .method import Method
from .problem import ResponseProblem
from .programmable import ProgrammableResponse
from .run import OnProgress
from .search import DEFAULT_GOAL_DB, check_matrix, scale_of, search
from .solution import ResponseDesign
from .starts import NearUniform, StartPhases


@in_float64
def design_response(
    response: ProgrammableResponse,
    target: Complex[np.ndarray, "receivers inputs"],
    *,
    methods: Sequence[Method] | None = None,
    insertion_loss_db: float | None = None,
    starts: int = 1,
    start_phases: StartPhases | None = None,
    seed: int = 0,
    goal_db: float = DEFAULT_GOAL_DB,
    on_progress: OnProgress | None = None,
) -> list[ResponseDesign]:
    """Find phases that make `response` proportional to `target`, from many starts.

    As `design_phases` does for a stack. `methods`: without them Levenberg-Marquardt; from near
    uniform phases.

    Raises:
        InputError: a target of the wrong shape; a method that needs a stack.
    """
    target = np.asarray(target, complex)
    check_matrix(target, _shape_of(response))
    methods = methods or [LevenbergMarquardt(iterations=_ITERATIONS)]
    for method in methods:
        require(
            not isinstance(method, CoordinateDescent),
            "CoordinateDescent sets atoms by the product of matrices that a stack's response is, "
            "but this is another response; use LevenbergMarquardt, LBFGS, Adam or GradientDescent.",
        )
    return search(
        ResponseProblem(response, jnp.asarray(target), scale_of(target, insertion_loss_db)),
        response.phases_shape,
        methods=methods,
        start_phases=start_phases or NearUniform(),
        insertion_loss_db=insertion_loss_db,
        starts=starts,
        seeds=[seed],
        goal_db=goal_db,
        on_progress=on_progress,
    )


# Of a network with few more phases than equations, from far away.
_ITERATIONS = 300


def _shape_of(response: ProgrammableResponse) -> tuple[int, int]:
    """Receivers and inputs, found without computing anything."""
    phases = jnp.zeros(response.phases_shape)
    receivers, inputs = eqx.filter_eval_shape(response, phases).shape
    return receivers, inputs
