"""Several sources: how many there are, and where, from energies alone.

One source is found as in `likelihood`. Two start at the best of all pairs of places of a grid;
a further one starts where it explains most, and then all are moved in turn to their best places
(RELAX). From there the likelihood is climbed jointly. Further sources, one or two at a time, are
believed while they pay for themselves by the chosen criterion.

Source: S. M. Kay, Detection Theory (1998), section 6.5, for the generalised likelihood ratio;
G. Schwarz (1978) for the information criterion. The threshold's count of independent directions
is ours, and checked by Monte Carlo.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Self, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64
from .joint_fit import JointFit, joint_fit, noise_only_log_likelihood
from .lags import check_two_dimensional
from .likelihood import MaximumLikelihood
from .model import DirectionModel
from .protocol import Protocol
from .scan import PairTable, Scan
from .snapshots import checked_energies
from .unknowns import KnownNoise, Noise

_RELAX_ROUNDS = 2
_FIRST_PLACES = 8
_UNKNOWNS_A_SOURCE = 4
_LOOK_AHEAD = 2


@dataclass(frozen=True)
class GeneralisedLikelihoodRatio:
    """Believe a further source if noise would feign one as strong with at most `false_alarm`.

    The ratio's largest value over all directions is taken as that of 4N independent ones, each
    chi-square with the two degrees of freedom of a complex amplitude; where the noise is unknown,
    its law in few measurements is allowed for.
    """

    false_alarm: float = 1e-3

    def __post_init__(self) -> None:
        require(
            0 < self.false_alarm < 1,
            f"`false_alarm` must be between 0 and 1, but is {self.false_alarm}.",
        )

    def threshold(self, model: DirectionModel) -> float:
        """Gain of log-likelihood, in nats, from which on a source is believed."""
        cells = 4 * model.elements
        return float(-np.log(-np.expm1(np.log1p(-self.false_alarm) / cells)))


@dataclass(frozen=True)
class BayesianInformation:
    """Schwarz's criterion: each unknown must win half the logarithm of the number of energies."""

    def threshold(self, model: DirectionModel) -> float:
        """Gain of log-likelihood, in nats, from which on a source is believed."""
        measurements = model.snapshots * model.probes
        return float(0.5 * _UNKNOWNS_A_SOURCE * np.log(measurements))


OrderCriterion: TypeAlias = GeneralisedLikelihoodRatio | BayesianInformation


class SourcesFound(NamedTuple):
    """The fit of every number of sources that was tried, and how many are believed.

    `may_be_more`: the last number that was allowed is believed.
    """

    believed: int
    fits: list[JointFit]
    log_likelihoods: list[float]
    may_be_more: bool

    @property
    def fit(self) -> JointFit | None:
        """The fit that is believed; nothing if no source is."""
        return self.fits[self.believed - 1] if self.believed else None


def most_sources(array: DirectionModel | Protocol) -> int:
    """How many sources energies can resolve at most: half as many as there are elements.

    A field on N elements has 2N - 1 numbers that energies see, and every source takes four, less
    the common phase.
    """
    return array.elements // 2


@in_float64
def find_sources(
    model: DirectionModel,
    energies: Float[AnyArray, "snapshots probes"],
    *,
    noise: Noise,
    criterion: OrderCriterion | None = None,
    at_most: int | None = None,
) -> SourcesFound:
    """Number and directions of steady sources.

    Without a `criterion`, `GeneralisedLikelihoodRatio()`. `at_most`: without it, as many as can
    be resolved, but no more than four.

    Raises:
        InputError: more sources than energies of this array can resolve, or a model whose
            energies do not determine a direction.
    """
    at_most = min(4, most_sources(model)) if at_most is None else at_most
    _check_count(model, at_most)
    threshold = (criterion or GeneralisedLikelihoodRatio()).threshold(model)
    check_two_dimensional(model)
    measured = jnp.asarray(checked_energies(energies, model.snapshots, model.probes))
    noise = jax.tree.map(jnp.asarray, noise)
    starts = _Starts.of(model, noise)
    fits: list[JointFit] = []
    values = [float(noise_only_log_likelihood(measured, noise))]
    believed = 0
    for count in range(1, at_most + 1):
        fits.append(_fitted(starts, model, noise, measured, count))
        values.append(float(fits[-1].log_likelihood))
        due = threshold * _small_sample_factor(model, noise, count) * (count - believed)
        if values[count] - values[believed] >= due:
            believed = count
        # Two strong sources may both be needed before either explains anything.
        elif count - believed == _LOOK_AHEAD:
            break
    return SourcesFound(believed, fits, values, may_be_more=believed == at_most)


@in_float64
def fit_sources(
    model: DirectionModel,
    energies: Float[AnyArray, "*batch snapshots probes"],
    count: int,
    *,
    noise: Noise,
) -> JointFit:
    """The most likely `count` steady sources of each run.

    Raises:
        InputError: more sources than energies of this array can resolve, or a model whose
            energies do not determine a direction.
    """
    _check_count(model, count)
    check_two_dimensional(model)
    measured = jnp.asarray(checked_energies(energies, model.snapshots, model.probes))
    # As an array, so that another noise is not compiled again.
    noise = jax.tree.map(jnp.asarray, noise)
    return _fitted(_Starts.of(model, noise), model, noise, measured, count)


def _fitted(
    starts: "_Starts", model: DirectionModel, noise: Noise, energies: Array, count: int
) -> JointFit:
    batch = energies.shape[:-2]
    fits = _fit_all(starts, model, noise, energies.reshape(-1, *energies.shape[-2:]), count)
    return jax.tree.map(lambda leaf: np.asarray(leaf).reshape(batch + leaf.shape[1:]), fits)


@eqx.filter_jit
def _fit_all(
    starts: "_Starts", model: DirectionModel, noise: Noise, energies: Array, count: int
) -> JointFit:
    def one(energies: Array) -> JointFit:
        climbs = jax.vmap(partial(joint_fit, model, energies, noise))(*starts(energies, count))
        return jax.tree.map(lambda leaf: leaf[jnp.argmax(climbs.log_likelihood)], climbs)

    return jax.lax.map(one, energies, batch_size=32)


class _Starts(eqx.Module):
    """Where to climb from, for any number of sources."""

    single: MaximumLikelihood
    scan: Scan
    pairs: PairTable | None

    @classmethod
    def of(cls, model: DirectionModel, noise: Noise) -> Self:
        scan = Scan.of(model)
        return cls(MaximumLikelihood.of(model, noise=noise), scan, PairTable.of(scan))

    def __call__(
        self, energies: Float[Array, "snapshots probes"], count: int
    ) -> tuple[Float[Array, "starts sources 2"], Complex[Array, "starts sources"]]:
        """Directions and amplitudes."""
        fewer = self.scan.compressed(energies)
        single = jnp.asarray(self.single(energies).psi_rad)[None]
        first = self._grown(fewer, single[:, None], count)
        if count > 1 and self.pairs is not None:
            others = self.pairs.best(fewer, _FIRST_PLACES)
        else:
            others = self.single.best_places(energies, _FIRST_PLACES)[:, None]
        psi_rad = jnp.concatenate([first, self._grown(fewer, others, count)])
        return psi_rad, jax.vmap(partial(self.scan.amplitudes, fewer))(psi_rad)

    def _grown(
        self, fewer: Array, psi_rad: Float[Array, "starts some 2"], count: int
    ) -> Float[Array, "starts sources 2"]:
        """Sets of sources with so many added one by one."""
        while psi_rad.shape[1] < count:
            psi_rad = jax.vmap(partial(self._one_more, fewer))(psi_rad)
        return psi_rad

    def _one_more(self, fewer: Array, psi_rad: Float[Array, "sources 2"]) -> Float[Array, "more 2"]:
        """One source more, and all moved in turn."""
        psi_rad = self.scan.added(fewer, psi_rad)
        for _ in range(_RELAX_ROUNDS):
            psi_rad = self.scan.relaxed(fewer, psi_rad)
        return psi_rad


def _small_sample_factor(model: DirectionModel, noise: Noise, count: int) -> float:
    """How much more a source has to gain where the noise is judged from what the fit leaves.

    With ν measurements left, twice the gain is n log(1 + 2F/ν), F with 2 and ν degrees of freedom
    instead of chi-square: every quantile grows by n/ν, exactly.
    """
    if isinstance(noise, KnownNoise):
        return 1.0
    measurements = model.snapshots * model.probes
    left = measurements - _UNKNOWNS_A_SOURCE * count
    return measurements / left if left > 0 else np.inf


def _check_count(model: DirectionModel, count: int) -> None:
    largest = most_sources(model)
    require(
        1 <= count <= largest,
        f"The number of sources must be from 1 to {largest} for energies of "
        f"{model.columns} x {model.rows} elements, but is {count}; use more elements.",
    )
