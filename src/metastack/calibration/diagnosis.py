"""What is wrong with a stack: which sources of error the pilots support, and how strongly.

Each source is added to the model and everything fitted again; it is supported if it makes the
pilots so much more probable that chance cannot be why. The strongest is kept and the others are
tried beside it; each that was kept is tried without, and taken out if others explain it by now;
until nothing changes any more. So several sources at once are told apart.

Source: ours; strength of evidence as in R. Kass and A. Raftery, JASA 90 (1995) 773.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import lgamma, log

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ..atoms import Atoms
from ..compiled_programs import make_room_for_programs
from ..precision import in_float64
from ..stack import Stack
from .diagnosis_sources import Hypothesis, Source, sources_of
from .evidence import log_evidence
from .geometric import Calibration, calibrate
from .pilot_model import PoseAndAtomModel
from .pilots import Pilots, check_pilots
from .unknowns import Expected

# Odds of 150 to 1 and more are very strong evidence.
SUPPORTED_NATS = 5.0
# One sound atom in all is called suspect so often.
_FALSE_SUSPECT = 0.01


@dataclass(frozen=True)
class Finding:
    """A source of error, and the logarithm of the odds for it against a stack without it."""

    name: str
    advice: str
    log_odds: float

    @property
    def is_supported(self) -> bool:
        """Whether chance cannot be why."""
        return self.log_odds > SUPPORTED_NATS


@dataclass(frozen=True)
class SuspectAtom:
    """An atom that is not like the others: stuck, or with a gain that stands out."""

    layer: int
    atom: int
    is_stuck: bool
    transmission: complex


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """The calibration with every source that is supported, and what speaks for each source.

    `untried`: what these pilots cannot tell of, and what it would take.
    """

    calibration: Calibration
    findings: tuple[Finding, ...]
    untried: tuple[str, ...]
    suspects: tuple[SuspectAtom, ...]

    @property
    def sentence(self) -> str:
        """What is wrong, in words."""
        supported = [each.name for each in self.findings if each.is_supported]
        if not supported:
            return "Displacements that were expected explain the pilots; nothing else is supported."
        return f"Beside displacements that were expected, pilots support {', '.join(supported)}."


@in_float64
def diagnose(
    stack: Stack,
    pilots: Pilots,
    *,
    expected: Expected,
    curves: Mapping[str, Atoms] | None = None,
    on_fit: Callable[[str], None] | None = None,
) -> Diagnosis:
    """Find which sources of error pilots support, beside displacements that are expected.

    `curves`: atoms that may be what is really built, such as those of measured tables, by name.
    `on_fit` is told what is fitted next.

    Raises:
        InputError: pilots of another stack; an unknown of which nothing is known.
    """
    check_pilots(pilots, stack)
    trial = _Trial(stack, pilots, Hypothesis.of(stack, expected), on_fit or (lambda _: None))
    tried, untried = sources_of(stack, pilots, expected, curves or {})
    kept = _supported(trial, tried)
    left = [each for each in tried if each not in kept]
    for_kept = [trial.gain(_without(kept, each), each) for each in kept]
    for_left = [trial.gain(kept, each) for each in left]
    findings = [
        Finding(each.name, each.advice, odds)
        for each, odds in zip([*kept, *left], [*for_kept, *for_left], strict=True)
    ]
    found = trial.best(kept)
    return Diagnosis(found, tuple(findings), untried, tuple(_suspects(found)))


def _supported(trial: "_Trial", sources: Sequence[Source]) -> list[Source]:
    """Those without which the pilots would be improbable, and beside which no other is needed.

    Every step makes the pilots more probable or drops what did not, so that none comes twice.
    """
    kept, dropped = list[Source](), list[Source]()
    while True:
        left = [each for each in sources if each not in kept and each not in dropped]
        gains = [trial.gain(kept, each) for each in left]
        if not left or max(gains) <= SUPPORTED_NATS:
            return kept
        kept.append(left[int(np.argmax(gains))])
        needless = [
            each for each in kept if trial.gain(_without(kept, each), each) <= SUPPORTED_NATS
        ]
        kept = [each for each in kept if each not in needless[:1]]
        dropped += needless[:1]


def _without(sources: list[Source], one: Source) -> list[Source]:
    return [each for each in sources if each is not one]


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A hypothesis with the calibration under it, and its evidence."""

    hypothesis: Hypothesis
    calibration: Calibration
    log_evidence: float


class _Trial:
    """Fits of hypotheses to the same pilots, each made once."""

    def __init__(
        self, stack: Stack, pilots: Pilots, base: Hypothesis, on_fit: Callable[[str], None]
    ) -> None:
        self._stack, self._pilots, self._on_fit = stack, pilots, on_fit
        on_fit("displacements as expected")
        self._made = {frozenset[str](): self._fitted(base, 1)}

    def evidence(self, sources: Sequence[Source]) -> float:
        """Of the hypothesis with these sources."""
        return self._best(sources).log_evidence

    def gain(self, sources: Sequence[Source], one: Source) -> float:
        """Of the logarithm of the evidence, by one more source."""
        return float(self.evidence([*sources, one]) - self.evidence(sources))

    def best(self, sources: Sequence[Source]) -> Calibration:
        """The calibration under it."""
        return self._best(sources).calibration

    def _best(self, sources: Sequence[Source]) -> _Fitted:
        """The best variant of the last source, given the best of those before it."""
        names = frozenset(each.name for each in sources)
        if names not in self._made:
            given = self._best(sources[:-1]).hypothesis
            self._on_fit(" and ".join(each.name for each in sources))
            make_room_for_programs()
            variants = sources[-1].added(given)
            fits = [self._fitted(each, len(variants)) for each in variants]
            self._made[names] = max(fits, key=lambda fit: fit.log_evidence)
        return self._made[names]

    def _fitted(self, hypothesis: Hypothesis, variants: int) -> _Fitted:
        given = eqx.tree_at(lambda each: each.atoms, self._stack, hypothesis.atoms)
        found = hypothesis.finish(
            calibrate(given, self._pilots, expected=hypothesis.expected, gains=hypothesis.gains)
        )
        return _Fitted(hypothesis, found, log_evidence(found) - log(variants) - _choices(found))


def _choices(calibration: Calibration) -> float:
    """Logarithm of the number of ways to choose as many stuck atoms, and of how many there are."""
    model = calibration.model
    if not isinstance(model, PoseAndAtomModel) or not np.any(model.is_stuck):
        return 0.0
    atoms, stuck = np.size(model.is_stuck), int(np.sum(model.is_stuck))
    return log(atoms) + lgamma(atoms + 1) - lgamma(stuck + 1) - lgamma(atoms - stuck + 1)


def _suspects(calibration: Calibration) -> Iterator[SuspectAtom]:
    """Stuck atoms, and those whose gain is further from 1 than equal chances for all allow."""
    model = calibration.model
    if not isinstance(model, PoseAndAtomModel):
        return
    errors = np.asarray(model.split(jnp.asarray(calibration.fit.values))[1])
    is_stuck = np.asarray(model.is_stuck)
    limit = calibration.atom_deviation**2 * np.log(errors.size / _FALSE_SUSPECT)
    stands_out = np.abs(errors) ** 2 > limit
    for layer, atom in np.argwhere(is_stuck | stands_out):
        place = int(layer), int(atom)
        yield SuspectAtom(*place, bool(is_stuck[place]), complex(1 + errors[place]))
