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
from jaxtyping import Array, Bool, Float

from ..errors import InputError, require
from .ambiguity import grid_directions, worst_ambiguity
from .blocks import Blocks
from .information import information_at, snr_and_slopes
from .lags import LagStart, check_two_dimensional, too_few_snapshots
from .model import DirectionModel
from .rician import log_density, noise_score, snr_score
from .unknowns import KnownNoise, Noise, Power, SteadyPower, UnknownNoise

_MOST_STEPS = 40
_FIRST_DAMPING = 1e-3
_DAMPING_RANGE = (1e-9, 1e9)
# A predicted gain below this, in nats, moves no estimate by a thousandth of its deviation.
_SMALLEST_GAIN = 1e-7
# Recordings without noise are read as if they had this share of it.
_LEAST_NOISE = 1e-12
_LARGEST_LOG_STEP = 1.0


class Estimate(NamedTuple):
    """A direction, the error bars of the likelihood, and what else had to be found."""

    psi_rad: Float[Array, "*batch 2"]
    covariance_rad2: Float[Array, "*batch 2 2"]
    power: Float[Array, "*batch snapshots"]
    noise_variance: Float[Array, "*batch"]
    log_likelihood: Float[Array, "*batch"]


class MaximumLikelihood(eqx.Module):
    """The estimator of one source for a model; make one with `of`, then call it on energies."""

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
        return jax.vmap(lambda psi: self._held(energies, psi))(flat).reshape(psi_rad.shape[:-1])

    def _one(self, energies: Float[Array, "snapshots probes"]) -> Estimate:
        starts = self._starts(energies)
        ends = jax.vmap(lambda psi: self._climb(energies, psi, move=1.0))(starts)
        best = jax.tree.map(lambda leaf: leaf[jnp.argmax(ends.log_likelihood)], ends)
        gains = self.power.gains(best.log_powers, self.model.snapshots)
        variance = jnp.exp(best.log_noise)
        information = information_at(
            self.model, best.psi_rad, gains, variance, self.noise, self.power
        )
        return Estimate(
            wrapped(best.psi_rad),
            jnp.linalg.inv(information),
            gains[:, 0],
            variance,
            best.log_likelihood,
        )

    def _held(self, energies: Array, psi_rad: Array) -> Array:
        return self._climb(energies, psi_rad, move=0.0).log_likelihood

    def _starts(self, energies: Float[Array, "snapshots probes"]) -> Float[Array, "starts 2"]:
        match = self.power.match(jnp.sqrt(energies), self.templates)
        starts: list[Array] = [] if self.lag_start is None else [self.lag_start(energies)]
        for _ in range(self.grid_starts):
            best = self.grid_rad[jnp.argmax(match)]
            starts.append(best)
            match = jnp.where(self._near(best), -jnp.inf, match)
        return jnp.stack(starts)

    def _near(self, psi_rad: Float[Array, "2"]) -> Bool[Array, " grid"]:
        """What lies in the same main lobe."""
        return near(self.model, self.grid_rad, psi_rad)

    def _climb(self, energies: Array, psi_rad: Array, *, move: float) -> "_State":
        """Fisher scoring from one start; with `move` 0 the direction is held."""
        first = self._first(energies, psi_rad)

        def under_way(state: _State) -> Array:
            return ~state.arrived & (state.steps < _MOST_STEPS)

        return jax.lax.while_loop(under_way, lambda state: self._step(energies, state, move), first)

    def _first(self, energies: Array, psi_rad: Array) -> "_State":
        """The state at a start: power by moments, noise by what the power leaves."""
        template = self.model.energies(psi_rad)
        quiet = _LEAST_NOISE * jnp.mean(energies)
        floor = self.noise.variance if isinstance(self.noise, KnownNoise) else 0.0
        matched = self.power.totals((energies - floor) * template)
        whole = self.power.totals(template**2)
        least = 1e-6 * self.power.totals(energies * template) / whole
        log_powers = jnp.log(jnp.maximum(matched / whole, least) + quiet * _LEAST_NOISE)
        if isinstance(self.noise, KnownNoise):
            variance = jnp.asarray(self.noise.variance, energies.dtype)
        else:
            gains = self.power.gains(log_powers, self.model.snapshots)
            left = jnp.sqrt(energies) - jnp.sqrt(gains * template)
            variance = 2 * jnp.mean(left**2)
        log_noise = jnp.log(jnp.maximum(variance, quiet))
        value = self._value(energies, psi_rad, log_powers, log_noise)
        return _State(psi_rad, log_powers, log_noise, value)

    def _value(
        self, energies: Array, psi_rad: Array, log_powers: Array, log_noise: Array
    ) -> Float[Array, ""]:
        gains = self.power.gains(log_powers, self.model.snapshots) / jnp.exp(log_noise)
        snr = gains * self.model.energies(psi_rad)
        x = energies / jnp.exp(log_noise)
        return jnp.sum(log_density(x, snr)) - energies.size * log_noise

    def _step(self, energies: Array, state: "_State", move: float) -> "_State":
        """One step of Fisher scoring, kept only if the likelihood rises."""
        variance = jnp.exp(state.log_noise)
        x = energies / variance
        gains = self.power.gains(state.log_powers, self.model.snapshots) / variance
        snr, slopes = snr_and_slopes(self.model, state.psi_rad, gains)
        slopes = move * slopes
        # The information of a Gaussian of the same variance: near enough to step by.
        weight = 1 / (1 + 2 * snr)
        blocks = Blocks(
            jnp.einsum("itp,jtp,tp->ij", slopes, slopes, weight) + (1 - move) * jnp.eye(2),
            self.power.totals(slopes * snr * weight),
            self.power.totals(snr**2 * weight),
        )
        score = snr_score(x, snr)
        gradient = jnp.sum(slopes * score, axis=(1, 2)), self.power.totals(snr * score)
        psi_step, power_step = blocks.damped(state.damping).solved(*gradient)
        noise_step, noise_gain = self._noise_step(x, snr)
        gain = psi_step @ gradient[0] + power_step @ gradient[1] + noise_gain
        candidate = (
            state.psi_rad + jnp.clip(psi_step, -self._reach, self._reach),
            state.log_powers + jnp.clip(power_step, -_LARGEST_LOG_STEP, _LARGEST_LOG_STEP),
            state.log_noise + noise_step,
        )
        value = self._value(energies, *candidate)
        return state.after(_State(*candidate, value), gain)

    def _noise_step(self, x: Array, snr: Array) -> tuple[Array, Array]:
        """Scoring step of log σ², and the gain that it promises."""
        if isinstance(self.noise, KnownNoise):
            return jnp.zeros(()), jnp.zeros(())
        slope, information = jnp.sum(noise_score(x, snr)), 0.5 * x.size
        step = jnp.clip(slope / information, -_LARGEST_LOG_STEP, _LARGEST_LOG_STEP)
        return step, step * slope

    @property
    def _reach(self) -> Float[np.ndarray, "2"]:
        """Longest step: half of a main lobe."""
        return np.pi / np.array([self.model.columns, self.model.rows])


class _State(NamedTuple):
    """Where the search is."""

    psi_rad: Array
    log_powers: Array
    log_noise: Array
    log_likelihood: Array
    damping: Array | float = _FIRST_DAMPING
    arrived: Array | bool = False
    steps: Array | int = 0

    def after(self, candidate: "_State", promised_gain: Array) -> "_State":
        """The candidate if it is better, else this one with more damping."""
        better = candidate.log_likelihood >= self.log_likelihood
        low, high = _DAMPING_RANGE
        damping = jnp.where(better, self.damping / 10, self.damping * 10)
        arrived = (promised_gain < _SMALLEST_GAIN) | (damping > high)
        taken = jax.tree.map(lambda new, old: jnp.where(better, new, old), candidate[:4], self[:4])
        return _State(*taken, jnp.maximum(damping, low), arrived, self.steps + 1)


def near(
    model: DirectionModel, grid_rad: Float[Array, "*batch 2"], psi_rad: Float[Array, "2"]
) -> Bool[Array, "*batch"]:
    """Whether directions lie in the main lobe around `psi_rad`: within 2π/N of it on each axis."""
    lobe = 2 * np.pi / np.array([model.columns, model.rows])
    return jnp.all(jnp.abs(wrapped(grid_rad - psi_rad)) < lobe, axis=-1)


def wrapped(angle_rad: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Angles in [-π, π)."""
    return jnp.mod(angle_rad + jnp.pi, 2 * jnp.pi) - jnp.pi
