"""Maximum likelihood from energies alone, off the grid.

All T·N energies enter with their exact law (`rician`). The search starts at the closed-form
estimate and at the best matches of a coarse grid, and goes on by Fisher scoring with Marquardt's
damping; the best end wins. The likelihood is that of the response that the device has, trained
and imperfect: only what the model says of it counts.

Source: ours. It has no floor from the grid and sits on the energy-only Cramér-Rao bound, where
the paper's peak (`peak`) stops at half a bin.
"""

from typing import NamedTuple, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._types import AnyArray
from ..elimination import inverted
from ..errors import InputError, require
from ..precision import in_float64
from ..rician import log_density, noise_score, snr_score
from .ambiguity import grid_directions, near, worst_ambiguity
from .angles import wrapped_rad
from .ascent import ascend
from .blocks import Blocks
from .information import information_at, snr_and_slopes
from .lags import LagStart, check_two_dimensional, too_few_snapshots
from .model import DirectionModel
from .snapshots import checked_energies
from .unknowns import KnownNoise, Noise, Power, SteadyPower

# Recordings without noise are read as if they had this share of it.
LEAST_NOISE = 1e-12
# A start gives the source at least this share of the power that it would have without noise.
_LEAST_SHARE = 1e-6
_LARGEST_LOG_STEP = 1.0
_CORNERS = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])


class Estimate(NamedTuple):
    """A direction, the error bars of the likelihood, and what else had to be found."""

    psi_rad: Float[AnyArray, "*batch 2"]
    covariance_rad2: Float[AnyArray, "*batch 2 2"]
    power: Float[AnyArray, "*batch snapshots"]
    noise_variance: Float[AnyArray, "*batch"]
    log_likelihood: Float[AnyArray, "*batch"]


@in_float64
def maximum_likelihood(
    energies: Float[AnyArray, "*batch snapshots probes"],
    model: DirectionModel,
    *,
    noise: Noise,
    power: Power | None = None,
) -> Estimate:
    """The most likely direction of one source in each run, in double precision.

    `power`: what is known of the source's power; without one, `SteadyPower()`.

    Raises:
        InputError: energies that do not fit the model, are negative, not finite or all zero; an
            array of one column or row, or directions that no energy of this model tells apart
            (too few snapshots).
    """
    measured = jnp.asarray(checked_energies(energies, model.snapshots, model.probes))
    # As an array, so that another noise is not compiled again.
    noise = jax.tree.map(jnp.asarray, noise)
    estimator = MaximumLikelihood.of(model, noise=noise, power=power)
    return jax.tree.map(np.asarray, _read(estimator, measured))


@eqx.filter_jit
def _read(estimator: "MaximumLikelihood", energies: Array) -> Estimate:
    return estimator(energies)


class MaximumLikelihood(eqx.Module):
    """The estimator of one source, to be compiled with others; see also `maximum_likelihood`.

    Make one with `of`, within `metastack.float64()`, then call it on energies.
    """

    model: DirectionModel
    power: Power
    noise: Noise
    grid_rad: Float[Array, "grid 2"]
    templates: Float[Array, "grid snapshots probes"]
    lag_start: LagStart | None
    grid_starts: int = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        model: DirectionModel,
        *,
        noise: Noise,
        power: Power | None = None,
        grid_starts: int = 2,
    ) -> Self:
        """The estimator, with its coarse grid and closed-form start prepared.

        `power`: what is known of the source's power; without one, `SteadyPower()`.
        `grid_starts`: how many of the best matches of the grid are followed.

        Raises:
            InputError: an array of one column or row, or directions that no energy of this model
                tells apart (too few snapshots).
        """
        check_two_dimensional(model)
        grid_rad = grid_directions(model)
        templates = jnp.sqrt(model.energies(grid_rad))
        try:
            lag_start = LagStart.of(model)
        except InputError:
            lag_start = None
            require(worst_ambiguity(model) < 1 - 1e-9, too_few_snapshots(model))
        power = power or SteadyPower()
        return cls(model, power, noise, grid_rad, templates, lag_start, grid_starts)

    def __call__(self, energies: Float[Array, "*batch snapshots probes"]) -> Estimate:
        """Estimates of a batch of runs, in the precision of the energies."""
        batch = energies.shape[:-2]
        flat = energies.reshape(-1, *energies.shape[-2:])
        estimates = jax.vmap(self._one)(flat)
        return jax.tree.map(lambda leaf: leaf.reshape(*batch, *leaf.shape[1:]), estimates)

    def log_likelihood(
        self, energies: Float[Array, "snapshots probes"], psi_rad: Float[Array, "*batch 2"]
    ) -> Float[Array, "*batch"]:
        """Log-likelihood of one run over directions, power and noise at their best for each."""
        flat = psi_rad.reshape(-1, 2)
        held = jax.vmap(lambda psi: self._climb(energies, psi, move=0.0)[1])
        return held(flat).reshape(psi_rad.shape[:-1])

    def _one(self, energies: Float[Array, "snapshots probes"]) -> Estimate:
        starts = self._starts(energies)
        ends, heights = jax.vmap(lambda psi: self._climb(energies, psi, move=1.0))(starts)
        best = jax.tree.map(lambda leaf: leaf[jnp.argmax(heights)], ends)
        gains = self.power.gains(best.log_powers, self.model.snapshots)
        variance = jnp.exp(best.log_noise)
        information = information_at(
            self.model, best.psi_rad, gains, variance, self.noise, self.power
        )
        return Estimate(
            wrapped_rad(best.psi_rad),
            inverted(information),
            gains[:, 0],
            variance,
            jnp.max(heights),
        )

    def best_places(
        self, energies: Float[Array, "snapshots probes"], count: int
    ) -> Float[Array, "count 2"]:
        """The best matches of the grid, no two within half a main lobe of each other."""
        match = self.power.match(jnp.sqrt(energies), self.templates)
        places: list[Array] = []
        for _ in range(count):
            places.append(self.grid_rad[jnp.argmax(match)])
            match = jnp.where(near(self.model, self.grid_rad - places[-1]), -jnp.inf, match)
        return jnp.stack(places)

    def _starts(self, energies: Float[Array, "snapshots probes"]) -> Float[Array, "starts 2"]:
        places = self.best_places(energies, self.grid_starts)
        if self.lag_start is None:
            # All slopes may vanish on a bin of a DFT: start around it.
            around = jnp.asarray(_CORNERS * self._reach / 8, places.dtype)
            return (places[:, None] + around).reshape(-1, 2)
        return jnp.concatenate([self.lag_start(energies)[None], places])

    def _climb(
        self, energies: Array, psi_rad: Array, *, move: float
    ) -> "tuple[_Unknowns, Float[Array, '']]":
        """Fisher scoring from one start; with `move` 0 the direction is held."""
        return ascend(
            self._first(energies, psi_rad),
            lambda unknowns: self._value(energies, unknowns),
            lambda unknowns, damping: self._step(energies, unknowns, damping, move),
        )

    def _first(self, energies: Array, psi_rad: Array) -> "_Unknowns":
        """Where a climb starts: power by moments, noise by what the power leaves."""
        template = self.model.energies(psi_rad)
        known = isinstance(self.noise, KnownNoise)
        quiet = LEAST_NOISE * jnp.mean(energies)
        floor = jnp.asarray(self.noise.variance if known else 0.0, energies.dtype)
        own = self.power.totals(template**2)
        matched = self.power.totals((energies - floor) * template) / own
        least = _LEAST_SHARE * self.power.totals(energies * template) / own + quiet * LEAST_NOISE
        log_powers = jnp.log(jnp.maximum(matched, least))
        gains = self.power.gains(log_powers, self.model.snapshots)
        left = 2 * jnp.mean((jnp.sqrt(energies) - jnp.sqrt(gains * template)) ** 2)
        variance = floor if known else left
        return _Unknowns(psi_rad, log_powers, jnp.log(jnp.maximum(variance, quiet)))

    def _value(self, energies: Array, unknowns: "_Unknowns") -> Float[Array, ""]:
        variance = jnp.exp(unknowns.log_noise)
        gains = self.power.gains(unknowns.log_powers, self.model.snapshots) / variance
        snr = gains * self.model.energies(unknowns.psi_rad)
        densities = log_density(energies / variance, snr)
        return jnp.sum(densities) - energies.size * unknowns.log_noise

    def _step(
        self, energies: Array, unknowns: "_Unknowns", damping: Array, move: float
    ) -> "tuple[_Unknowns, Float[Array, '']]":
        """One step of Fisher scoring, and the gain that it promises."""
        variance = jnp.exp(unknowns.log_noise)
        x = energies / variance
        gains = self.power.gains(unknowns.log_powers, self.model.snapshots) / variance
        snr, slopes = snr_and_slopes(self.model, unknowns.psi_rad, gains)
        slopes = move * slopes
        # The information of a Gaussian of the same variance: near enough to step by.
        weight = 1 / (1 + 2 * snr)
        blocks = Blocks(
            jnp.einsum("itp,jtp,tp->ij", slopes, slopes, weight)
            + (1 - move) * jnp.eye(2, dtype=weight.dtype),
            self.power.totals(slopes * snr * weight),
            self.power.totals(snr**2 * weight),
        )
        score = snr_score(x, snr)
        gradient = jnp.sum(slopes * score, axis=(1, 2)), self.power.totals(snr * score)
        psi_step, power_step = blocks.damped(damping).solved(*gradient)
        reach = jnp.asarray(self._reach, psi_step.dtype)
        noise_step, noise_gain = log_noise_step(self.noise, x, snr, damping)
        promised = psi_step @ gradient[0] + power_step @ gradient[1] + noise_gain
        candidate = _Unknowns(
            unknowns.psi_rad + jnp.clip(psi_step, -reach, reach),
            unknowns.log_powers + jnp.clip(power_step, -_LARGEST_LOG_STEP, _LARGEST_LOG_STEP),
            unknowns.log_noise + noise_step,
        )
        return candidate, promised

    @property
    def _reach(self) -> Float[np.ndarray, "2"]:
        """Longest step: half of a main lobe."""
        return np.pi / np.array([self.model.columns, self.model.rows])


class _Unknowns(NamedTuple):
    """Where a climb is."""

    psi_rad: Float[Array, "2"]
    log_powers: Float[Array, " groups"]
    log_noise: Float[Array, ""]


def log_noise_step(
    noise: Noise,
    x: Float[Array, "snapshots probes"],
    snr: Float[Array, "snapshots probes"],
    damping: Float[Array, ""],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Damped scoring step of log σ², none if it is known, and the gain that it promises."""
    if isinstance(noise, KnownNoise):
        return jnp.zeros((), x.dtype), jnp.zeros((), x.dtype)
    slope = jnp.sum(noise_score(x, snr))
    step = jnp.clip(slope / (0.5 * x.size) / (1 + damping), -_LARGEST_LOG_STEP, _LARGEST_LOG_STEP)
    return step, step * slope
