"""What stands before a stack that is designed for directions: a sample of sets of sources."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..errors import InputError
from .angles import wrapped_rad
from .direction_design import DirectionGoal
from .direction_problem import SourceSets

_MOST_DRAWS = 1000
# Least distance of sources, in main lobes of 2π/N.
_LEAST_SEPARATION = 0.5


def source_sets(goal: DirectionGoal, *, side: int, seed: int) -> SourceSets:
    """Sets of sources over the field of view: the first of each on a grid, the others anywhere."""
    generator = np.random.default_rng([seed, side])
    along = goal.summary.axis(goal.field_of_view_rad, side)
    first = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    psi_rad = np.stack([_with_others(goal, one, generator) for one in first])
    phases = generator.uniform(0, 2 * np.pi, psi_rad.shape[:2])
    return SourceSets(jnp.asarray(psi_rad), jnp.asarray(np.exp(1j * phases)))


def _with_others(
    goal: DirectionGoal, first: Float[np.ndarray, "2"], generator: np.random.Generator
) -> Float[np.ndarray, "sources 2"]:
    """A source and the others of its set, each half a main lobe or more from all before it."""
    lobe = 2 * np.pi / np.array([goal.protocol.columns, goal.protocol.rows])
    chosen = [first]
    for _ in range(_MOST_DRAWS):
        if len(chosen) == goal.sources:
            return np.stack(chosen)
        limit = goal.field_of_view_rad
        candidate = generator.uniform(-limit, limit, 2)
        apart = wrapped_rad(candidate - np.stack(chosen)) / lobe
        if (np.linalg.norm(apart, axis=1) >= _LEAST_SEPARATION).all():
            chosen.append(candidate)
    raise InputError(
        "`sources` must find room in the field of view half a main lobe apart, but "
        f"{goal.sources} do not in ±{goal.field_of_view_rad / np.pi:.3g} π.",
    )
