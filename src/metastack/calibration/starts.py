"""Several starts of one fit, of which the best counts: the nominal stack and draws from the prior.

Source: ours.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .estimate import PoseFit
from .least_squares import Ending
from .unknowns import Unknowns

# Beyond this phase across a gap or an aperture, a prior holds more than one minimum.
_WIDE_RAD = 0.7
_STARTS_IF_WIDE = 24
_MOST_DRAWS = 1000


_Fit = TypeVar("_Fit", bound=PoseFit)


def best_of_starts(
    unknowns: Unknowns,
    fitted: Callable[[Float[np.ndarray, " unknowns"]], _Fit],
    explains: Callable[[_Fit], bool],
    *,
    starts: int | None = None,
    seed: int = 0,
    on_start: Callable[[int, int], None] | None = None,
) -> _Fit:
    """The best fit of several starts; the first that explains everything ends the search.

    `starts`: by default one where the prior is narrow, and up to 24 where it is wide. `on_start` is
    told how many are done and how many there are at most.
    """
    generator = np.random.default_rng(seed)
    most = starts or (_STARTS_IF_WIDE if is_wide(unknowns) else 1)
    best: _Fit | None = None
    for done in range(most):
        found = fitted(_start(unknowns, generator) if done else np.zeros(unknowns.size))
        best = found if best is None or found.objective < best.objective else best
        if on_start is not None:
            on_start(done + 1, most)
        if found.ending is Ending.INTERRUPTED:
            return replace(best, ending=Ending.INTERRUPTED)
        if explains(best):
            break
    assert best is not None
    return best


def is_wide(unknowns: Unknowns) -> bool:
    """Whether the prior reaches beyond the neighbourhood in which one start is enough."""
    turn = 2 * np.pi / float(unknowns.stack.wavelength_m)
    array = unknowns.stack.layer_array
    radius_m = np.hypot(array.columns * array.spacing_x_m, array.rows * array.spacing_y_m) / 2
    reach = np.where(np.array(unknowns.freedoms) < 3, turn, turn * float(radius_m))
    poses = len(unknowns.planes)
    spread = (reach * unknowns.unit[:poses])[unknowns.has_prior[:poses]]
    return bool((spread > _WIDE_RAD).any())


def _start(unknowns: Unknowns, generator: np.random.Generator) -> Float[np.ndarray, " unknowns"]:
    """A draw from the prior in which the planes keep their order."""
    for _ in range(_MOST_DRAWS):
        drawn = generator.standard_normal(unknowns.size) * unknowns.has_prior
        if unknowns.in_order(jnp.asarray(drawn)):
            return drawn
    return np.zeros(unknowns.size)
