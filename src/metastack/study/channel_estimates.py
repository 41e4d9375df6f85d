"""How near channel estimates come over slots and SNR: patterns, estimators, and what is believed.

All points share channels and noise, so that patterns and beliefs are compared draw by draw.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from ..design import Outcome
from ..errors import require
from ..stack import Stack
from ..systems.alternating import OnRound
from ..systems.channel_estimation import (
    ChannelPrior,
    DesignedPatterns,
    Judged,
    OrthogonalPilots,
    bayesian_bound,
    best_subspace,
    cramer_rao,
    design_patterns,
    expected_error,
    fourier_patterns,
    judge,
    least_squares,
    lmmse,
    random_patterns,
    sensing_matrix,
    subspace_bound,
    subspace_least_squares,
)
from ..systems.fronts import Receiver

_Sensing: TypeAlias = Complex[np.ndarray, "readings atoms"]
_Patterns: TypeAlias = Float[np.ndarray, "slots layers atoms"]


@dataclass(frozen=True)
class Estimator:
    """`make`: the matrix, from what is believed; `bound`: from what is built. Both know the noise.

    `needs_all`: whether readings must tell every atom from every other.
    """

    make: Callable[[_Sensing, ChannelPrior, float], Complex[np.ndarray, "atoms readings"]]
    bound: Callable[[_Sensing, ChannelPrior, float], float]
    needs_all: bool = False


ESTIMATORS: Mapping[str, Estimator] = {
    "ls": Estimator(
        lambda A, prior, noise: least_squares(A),
        lambda A, prior, noise: cramer_rao(A, noise),
        needs_all=True,
    ),
    "subspace": Estimator(
        lambda A, prior, noise: subspace_least_squares(A, best_subspace(A, prior, noise)),
        lambda A, prior, noise: subspace_bound(A, best_subspace(A, prior, noise), prior, noise),
    ),
    "lmmse": Estimator(lmmse, bayesian_bound),
}


@dataclass(frozen=True, eq=False)
class Site:
    """A stack, what is built of it, and whom it listens to.

    `beliefs`: stacks that estimators take for the built one, by name. Patterns are designed for
    `nominal`. `prior`: what all beliefs know of the channel.
    """

    nominal: Stack
    built: Stack
    beliefs: Mapping[str, Stack]
    prior: ChannelPrior
    pilots: OrthogonalPilots

    def noise_variance(self, snr_db: float) -> float:
        """In the readings of one user; SNR of one user at one atom in one slot."""
        return self.pilots.noise_share * 10 ** (-snr_db / 10)


@dataclass(frozen=True)
class PatternRequest:
    """Patterns are wanted for a site, so many, at these noise levels."""

    site: Site
    slots: int
    noise_variances: Sequence[float]
    key: Key[Array, ""]
    on_round: OnRound | None = None

    def random(self) -> DesignedPatterns:
        """The same random ones at every level."""
        return self._as_they_are(
            random_patterns(self.slots, self.site.nominal.phases_shape, self.key)
        )

    def fourier(self) -> DesignedPatterns:
        """A DFT on the first layer."""
        return self._as_they_are(fourier_patterns(self.slots, self.site.nominal.phases_shape))

    def designed(self) -> DesignedPatterns:
        """From the random ones on, for every level."""
        return design_patterns(
            Receiver.of(self.site.nominal),
            self.site.prior,
            self.noise_variances,
            random_patterns(self.slots, self.site.nominal.phases_shape, self.key),
            on_round=self.on_round,
        )

    def _as_they_are(self, patterns: _Patterns) -> DesignedPatterns:
        levels = len(self.noise_variances)
        phases_rad = np.broadcast_to(patterns, (levels, *patterns.shape))
        return DesignedPatterns(phases_rad, np.empty((0, levels)), Outcome.FINISHED)


PATTERNS: Mapping[str, Callable[[PatternRequest], DesignedPatterns]] = {
    "random": PatternRequest.random,
    "fourier": PatternRequest.fourier,
    "designed": PatternRequest.designed,
}


@dataclass(frozen=True, eq=False)
class EstimatePoint:
    """One estimator at one point. `bound`, `expected`: over the channel's mean power, linear."""

    slots: int
    snr_db: float
    patterns: str
    believed: str
    estimator: str
    judged: Judged
    bound: float
    expected: float


@dataclass(frozen=True, eq=False)
class Draws:
    """So many channels of all users, from a key."""

    many: int
    key: Key[Array, ""]


def study_estimates(
    site: Site,
    slots: int,
    snrs_db: Sequence[float],
    patterns: str,
    estimators: Sequence[str],
    draws: Draws,
    on_round: OnRound | None = None,
) -> tuple[list[EstimatePoint], Outcome]:
    """Every SNR, belief and estimator with one kind of patterns, and how their design ended.

    Estimators for which there are too few different readings are left out; `check_slots` refuses
    those that no patterns could help.

    Raises:
        InputError: no slot, no draws.
    """
    levels = [site.noise_variance(snr_db) for snr_db in snrs_db]
    of_patterns, of_channels, of_noise = jax.random.split(draws.key, 3)
    found = PATTERNS[patterns](PatternRequest(site, slots, levels, of_patterns, on_round))
    drawn = np.asarray(site.prior.draw(of_channels, draws.many * site.pilots.users))
    channels = drawn.reshape(draws.many, site.pilots.users, -1)
    points: list[EstimatePoint] = []
    for snr_db, noise, phases_rad in zip(snrs_db, levels, found.phases_rad, strict=True):
        true = sensing_matrix(Receiver.of(site.built), phases_rad)
        sensed = {
            believed: sensing_matrix(Receiver.of(stack), phases_rad)
            for believed, stack in site.beliefs.items()
        }
        tells_all = all(_tells_all(A) for A in (true, *sensed.values()))
        chosen = {
            name: ESTIMATORS[name]
            for name in estimators
            if tells_all or not ESTIMATORS[name].needs_all
        }
        for believed, A in sensed.items():
            matrices = {name: each.make(A, site.prior, noise) for name, each in chosen.items()}
            judged = judge(
                matrices,
                true,
                channels,
                pilots=site.pilots,
                noise_variance=noise / site.pilots.noise_share,
                power=site.prior.power,
                key=of_noise,
            )
            points += [
                EstimatePoint(
                    slots,
                    snr_db,
                    patterns,
                    believed,
                    name,
                    judged[name],
                    each.bound(true, site.prior, noise) / site.prior.power,
                    expected_error(matrices[name], true, site.prior, noise) / site.prior.power,
                )
                for name, each in chosen.items()
            ]
    return points, found.outcome


def _tells_all(sensing: _Sensing) -> bool:
    return int(np.linalg.matrix_rank(sensing)) == sensing.shape[1]


def check_slots(stack: Stack, slots: Sequence[int], estimators: Sequence[str]) -> None:
    """Refuse fewer slots than an estimator needs.

    Raises:
        InputError: so it is.
    """
    antennas, atoms = stack.receiver_array.size, stack.layer_array.size
    fewest = min(slots)
    for name in estimators:
        require(
            fewest * antennas >= atoms or not ESTIMATORS[name].needs_all,
            f"`{name}` needs as many readings as there are atoms, but {fewest} slots x {antennas} "
            f"antennas give {fewest * antennas} for {atoms}; use {-(-atoms // antennas)} slots or "
            "more, or only estimators that know the covariance.",
        )
