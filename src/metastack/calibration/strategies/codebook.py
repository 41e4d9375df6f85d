"""A codebook of poses, searched from coarse to fine: a cost that is known beforehand.

Codewords lie along the directions in which the pilots tell most of the poses, eigenvectors of the
Fisher information in units of the tolerances. Level after level, two candidates in each direction
are compared with the best so far, at half the distance of the level before; a direction in which
the level is finer than the noise lets pilots tell is left out. What is scored is what pilots and
prior leave, so that at any time the answer is the best so far, and the nominal stack the first.
A search whose candidates are used up before that says so, and how far it is from the best answer.
Between the last codewords the score is a parabola, whose vertex costs no search.

Source: calibration paper, section III-C.2; the directions and the prior in the score are ours.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int, Key

from ..._types import AnyArray
from ...errors import require
from ...imperfections import ErrorLaw, UniformErrors
from ...precision import in_float64
from ...stack import Stack
from ..bounds import information_matrix
from ..gains import OneGain
from ..least_squares import Ending
from ..pilot_model import PoseModel
from ..pilots import PilotPlan, Pilots, check_pilots
from ..unknowns import Expected
from .linear_map import noise_to_nominal
from .preparation import Preparation, drawn
from .strategy import Estimate, calibration_at, known_noise

_UNIFORM = UniformErrors()
_MOST_LEVELS = 20
# Codewords nearer to each other than this many posterior deviations cannot be told apart.
_FINEST_DEVIATIONS = 0.5
_REACHED_SHARE = 0.98
# As many as a deep search of the paper's stack needs, and to spare.
MOST_CANDIDATES = 200


class Codebook(eqx.Module):
    """Codewords for one stack and plan.

    `directions`: unit vectors in the space of the unknowns, most telling first; `telling`: the
    information of each at a noise variance of twice the nominal power; `reach`: how far the
    tolerances go along each; `most_candidates`: so many does a search try at most.
    """

    preparation: Preparation
    directions: Float[AnyArray, "unknowns directions"]
    telling: Float[AnyArray, " directions"]
    reach: Float[AnyArray, " directions"]
    most_candidates: int = eqx.field(static=True, default=MOST_CANDIDATES)

    def __check_init__(self) -> None:
        """Refuse to search nothing."""
        _check_candidates(self.most_candidates)

    @classmethod
    @in_float64
    def of(
        cls,
        stack: Stack,
        plan: PilotPlan,
        expected: Expected,
        *,
        key: Key[Array, ""],
        law: ErrorLaw = _UNIFORM,
        stacks: int = 1000,
        most_candidates: int = MOST_CANDIDATES,
    ) -> Self:
        """Build a codebook over what tolerances allow.

        Raises:
            InputError: a plan of another stack; unknowns without tolerance; no candidates allowed.
        """
        _check_candidates(most_candidates)
        preparation = Preparation.of(stack, plan, expected)
        unknowns = preparation.unknowns(stack, plan)
        model = PoseModel.of(unknowns, plan)
        information = information_matrix(model, OneGain(), jnp.zeros(unknowns.size))
        eigenvalues, vectors = np.linalg.eigh(np.asarray(information) / preparation.power)
        directions = vectors[:, ::-1]
        along = np.abs(np.asarray(drawn(unknowns, law, key, stacks)) @ directions)
        reach = np.quantile(along, _REACHED_SHARE, axis=0)
        return cls(
            preparation, directions, np.maximum(eigenvalues[::-1], 0), reach, most_candidates
        )

    @property
    def name(self) -> str:
        """What files call it."""
        return "codebook"

    def is_searched(self, noise_to_signal: float) -> Bool[np.ndarray, "levels directions"]:
        """Which directions every level goes along, at this noise relative to the nominal power."""
        deviation = 1 / np.sqrt(1 + 2 * self.telling / noise_to_signal)
        wanted = self.steps() > _FINEST_DEVIATIONS * deviation
        return wanted[wanted.any(axis=1)]

    def steps(self) -> Float[np.ndarray, "levels directions"]:
        """How far from the best so far the candidates of every level are."""
        return np.asarray(self.reach) * 0.5 ** np.arange(1, _MOST_LEVELS + 1)[:, None]

    def candidates(self, noise_to_signal: float) -> int:
        """How many candidates a search tries, the nominal stack and the last vertex among them."""
        return min(self.wanted_candidates(noise_to_signal), self.most_candidates)

    def wanted_candidates(self, noise_to_signal: float) -> int:
        """How many it would try if it might, to go as deep as the noise lets."""
        of_levels = self.is_searched(noise_to_signal).sum(axis=1)
        return 2 + int((2 * of_levels + 1).sum())


@dataclass(frozen=True, eq=False)
class CodebookSearch:
    """Calibration by a codebook. Ctrl-C answers with the best so far.

    Which directions are searched follows from what the noise lets pilots tell. `most_candidates`:
    of this search, if fewer or more than its codebook says.
    """

    codebook: Codebook
    most_candidates: int | None = None

    @property
    def name(self) -> str:
        """What tables and figures call it."""
        return "codebook"

    @in_float64
    def calibrate(self, stack: Stack, pilots: Pilots) -> Estimate:
        """The best codeword, or the vertex between its neighbours if that is better.

        Raises:
            InputError: another stack or plan than those prepared for; noise that is not known;
                no candidates allowed.
        """
        check_pilots(pilots, stack)
        book = self.codebook
        most = book.most_candidates if self.most_candidates is None else self.most_candidates
        _check_candidates(most)
        unknowns = book.preparation.unknowns(stack, pilots.plan)
        is_searched = book.is_searched(noise_to_nominal(pilots, book.preparation, self.name))
        model = PoseModel.of(unknowns, pilots.plan)
        variance = known_noise(pilots, self.name)
        search = _Search(model, pilots.received, variance, book.directions, most)
        try:
            for steps, wanted in zip(book.steps(), is_searched, strict=False):
                search.level(np.flatnonzero(wanted), steps)
            search.vertex()
            ending = Ending.CUT_SHORT if search.is_cut_short else Ending.SEARCHED
        except KeyboardInterrupt:
            ending = Ending.INTERRUPTED
        found = calibration_at(search.best, unknowns, pilots, ending)
        return Estimate(found, found.links)


class Answer(NamedTuple):
    """What a search says that ends after so many candidates; `whole`: after a level, or before any.

    Other searches are cut short within the first level.
    """

    candidates: int
    whole: bool
    values: Float[np.ndarray, " unknowns"]


def answers_by_depth(
    book: Codebook,
    model: PoseModel,
    received: Complex[np.ndarray, "slots antennas users"],
    variance: float,
) -> Iterator[Answer]:
    """Answers of searches that end ever later, as deep as the noise lets.

    Whatever the codebook allows. The first one knows the nominal stack alone, all others end with
    their vertex. Pilots are of unit gain.
    """
    noise_to_signal = variance / book.preparation.power
    is_searched = book.is_searched(noise_to_signal)

    def search(most: int) -> _Search:
        return _Search(model, received, variance, book.directions, most)

    most = book.wanted_candidates(noise_to_signal)
    whole = search(most)
    yield Answer(1, True, whole.best)
    for few in _parts(int(is_searched[:1].sum())):
        short = search(2 * few + 3)
        short.level(np.flatnonzero(is_searched[0]), book.steps()[0])
        short.vertex()
        yield Answer(2 * few + 3, False, short.best)
    for steps, wanted in zip(book.steps(), is_searched, strict=False):
        whole.level(np.flatnonzero(wanted), steps)
        end = copy(whole)
        end.vertex()
        yield Answer(most - end.left, True, end.best)


def _parts(directions: int) -> list[int]:
    """A quarter, half and three quarters of them, as far as these differ."""
    return sorted({directions * share // 4 for share in (1, 2, 3)} - {0, directions})


class _Search:
    """The best candidate so far, and along every direction where the score is least."""

    def __init__(
        self,
        model: PoseModel,
        received: Complex[np.ndarray, "slots antennas users"],
        variance: float,
        directions: Float[AnyArray, "unknowns directions"],
        most_candidates: int,
    ) -> None:
        self._model, self._measured = model, jnp.asarray(received)
        self._variance = jnp.asarray(variance)
        self._directions, self.left = np.asarray(directions), most_candidates
        self._least = np.zeros(self._directions.shape[1])
        self.is_cut_short = False
        self.best, self._score = np.zeros(len(directions)), np.inf
        self._try(self.best[None])

    def level(self, along: Int[np.ndarray, " n"], steps: Float[np.ndarray, " directions"]) -> None:
        """Try two candidates along each of these directions, then all steps that help at once.

        Along the most telling ones only if candidates are short, of which the vertex needs one.
        """
        wanted = len(along)
        along = along[: max(self.left - 2, 0) // 2]
        self.is_cut_short |= len(along) < wanted
        if not len(along):
            return
        centre, at_centre, step = self.best, self._score, steps[along]
        moves = (self._directions[:, along] * step).T
        ahead, back = np.split(self._try(np.concatenate([centre + moves, centre - moves])), 2)
        self._least[along] = self._directions[:, along].T @ centre
        self._least[along] += step * _vertex(back, at_centre, ahead)
        sign = np.where(ahead < back, 1, -1) * (np.minimum(ahead, back) < at_centre)
        self._try((centre + sign @ moves)[None])

    def vertex(self) -> None:
        """Try where the parabolas along all directions are least."""
        self._try((self._directions @ self._least)[None])

    def _try(self, candidates: Float[np.ndarray, "n unknowns"]) -> Float[np.ndarray, " n"]:
        """What pilots and prior leave of candidates; the best is kept, as far as any are left."""
        if self.left < len(candidates):
            return np.full(len(candidates), np.inf)
        self.left -= len(candidates)
        table = np.zeros((2 * self.best.size, self.best.size))
        table[: len(candidates)] = candidates
        count = jnp.asarray(len(candidates))
        scores = _scores(self._model, jnp.asarray(table), count, self._measured, self._variance)
        scores = np.asarray(scores)[: len(candidates)]
        first = int(np.argmin(scores))
        if scores[first] < self._score:
            self.best, self._score = candidates[first], float(scores[first])
        return scores


def _check_candidates(most: int) -> None:
    require(most >= 1, f"`most_candidates` must be at least 1, but is {most}.")


def _vertex(
    back: Float[np.ndarray, " n"], centre: float, ahead: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Where the parabola through three equally spaced scores is least, in steps from the centre.

    Within a step and a half, and at the best of the three where it is not convex.
    """
    curvature = back - 2 * centre + ahead
    is_convex = np.isfinite(curvature) & (curvature > 0)
    with np.errstate(invalid="ignore"):
        inside = np.clip((back - ahead) / (2 * np.where(is_convex, curvature, 1)), -1.5, 1.5)
        best = np.where(ahead < back, 1.0, -1.0) * (np.minimum(ahead, back) < centre)
    return np.where(is_convex, inside, best)


@eqx.filter_jit
def _scores(
    model: PoseModel,
    candidates: Float[Array, "n unknowns"],
    count: Int[Array, ""],
    measured: Complex[Array, "slots antennas users"],
    variance: Float[Array, ""],
) -> Float[Array, " n"]:
    """2 ||y - g f||² / σ² + ||u||² with the best gain g, of so many candidates.

    Infinite where planes would change places, and of the others.
    """

    def score(values: Float[Array, " unknowns"]) -> Float[Array, ""]:
        f = model.predict(values)
        residual = measured - OneGain().fitted(f, measured) * f
        total = 2 / variance * jnp.sum(jnp.abs(residual) ** 2) + values @ values
        return jnp.where(jnp.isfinite(total), total, jnp.inf)

    def each(row: tuple[Array, Array]) -> Float[Array, ""]:
        return jax.lax.cond(row[0] < count, score, lambda _: jnp.asarray(jnp.inf), row[1])

    return jax.lax.map(each, (jnp.arange(len(candidates)), candidates))
