"""How deep to search a codebook: error of the answer over candidates tried, of fresh stacks.

Source: calibration paper, section III-C.2, for the codebook; the study is ours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from ..calibration import PilotPlan
from ..calibration.strategies import Codebook
from ..calibration.strategies.codebook import answers_by_depth
from ..imperfections import ErrorLaw
from ..precision import float64
from ..stack import Stack
from .fresh_stacks import FreshStacks


@dataclass(frozen=True, eq=False)
class SearchDepth:
    """Searches at one signal-to-noise ratio that end ever later, the first with the nominal stack.

    `candidates`: tried by then; `is_whole`: whether they end with a level, or before any; `missed`:
    mean NMSE of the matrices between layers, linear, of the answers; `bound`: of the best estimate.
    """

    snr_db: float
    candidates: Int[np.ndarray, " ends"]
    is_whole: Bool[np.ndarray, " ends"]
    missed: Float[np.ndarray, "stacks ends"]
    bound: float


def study_search_depth(
    book: Codebook,
    stack: Stack,
    plan: PilotPlan,
    law: ErrorLaw,
    *,
    snrs_db: Sequence[float],
    stacks: int,
    key: Key[Array, ""],
) -> Iterator[SearchDepth]:
    """Search for the same fresh stacks at every ratio; `key` must not be that of the codebook.

    Raises:
        InputError: another stack or plan than those of the codebook.
    """
    fresh = FreshStacks.drawn(book.preparation, stack, plan, law, stacks=stacks, key=key)
    for snr_db in snrs_db:
        variance, received = fresh.variance(snr_db), fresh.received(snr_db)
        with float64():
            rows = [[*answers_by_depth(book, fresh.model, y, variance)] for y in received]
        ends = [*zip(*rows, strict=True)]
        missed = [fresh.missed(np.stack([each.values for each in end])) for end in ends]
        candidates = np.array([each.candidates for each in rows[0]])
        is_whole = np.array([each.whole for each in rows[0]])
        yield SearchDepth(
            snr_db, candidates, is_whole, np.stack(missed, axis=1), fresh.bound(snr_db)
        )
