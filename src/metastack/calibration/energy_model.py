"""How energies tell of poses: their law, its score and its Fisher information.

An energy in units of the noise has the law of `rician` at λ = G |y(v)|² / σ², y the response at
unit gain and G a power gain. The logarithms of the power gains stand behind the other unknowns: in
them λ is exact to first order far from the start. The phase of a gain is not in the energies.

Source: S. M. Kay, Estimation Theory (1993), sections 3.6 and 7.7 (scoring); the law, `rician`.
"""

from typing import NamedTuple, Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..rician import information, log_density, snr_score
from .gains import Gains
from .pilot_model import PilotModel, linearised, predicted

# What a gain is at least taken for at the start, in shares of the energies as they were measured.
_LEAST_SHARE = 0.01


class PowerScale(eqx.Module):
    """What turns responses into λ: unknown power gains, shared as `gains` says, and the noise."""

    gains: Gains
    noise_variance: Float[Array, ""]

    def snr(
        self, y: Complex[Array, "slots antennas users"], log_gains: Float[Array, " gains"]
    ) -> Float[Array, "slots antennas users"]:
        """λ of every energy."""
        return jnp.exp(self.gains.spread(log_gains, y.shape)) * _power(y) / self.noise_variance


class EnergyModel(eqx.Module):
    """Energies as a function of real unknowns: those of `fields`, and behind them log gains."""

    fields: PilotModel
    scale: PowerScale

    @classmethod
    def of(cls, fields: PilotModel, gains: Gains, noise_variance: float) -> Self:
        """The model of energies of these fields, noise being known."""
        return cls(fields, PowerScale(gains, jnp.asarray(noise_variance, float)))


class Equations(NamedTuple):
    """What the energies say about some values.

    `deviance`: -2 log-likelihood. `information`: Fisher's, and `score`, of all unknowns.
    `misfit`: mean squared deviation of the energies from their means, in units of their variances,
    and `misfit_deviation`: its standard deviation, if noise alone makes it, about 1.
    """

    deviance: Float[Array, ""]
    information: Float[Array, "unknowns unknowns"]
    score: Float[Array, " unknowns"]
    misfit: Float[Array, ""]
    misfit_deviation: Float[Array, ""]


def deviance(
    model: EnergyModel,
    values: Float[Array, " unknowns"],
    energies: Float[Array, "slots antennas users"],
) -> Float[Array, ""]:
    """-2 log-likelihood, up to a constant; not a number where the planes cannot be."""
    poses, log_gains = _split(model, values, energies.shape)
    return _deviance(model.scale, log_gains, predicted(model.fields, poses), energies)


def equations(
    model: EnergyModel,
    values: Float[Array, " unknowns"],
    energies: Float[Array, "slots antennas users"],
) -> Equations:
    """The equations of Fisher scoring about some values."""
    poses, log_gains = _split(model, values, energies.shape)
    return equations_of(model.scale, log_gains, *linearised(model.fields, poses), energies)


@eqx.filter_jit
def equations_of(
    scale: PowerScale,
    log_gains: Float[Array, " gains"],
    y: Complex[Array, "slots antennas users"],
    slopes: Complex[Array, "slots antennas users poses"],
    energies: Float[Array, "slots antennas users"],
) -> Equations:
    """The equations of Fisher scoring from responses at unit gain and their derivatives."""
    x = energies / scale.noise_variance
    snr = scale.snr(y, log_gains)
    by_power = scale.snr(jnp.ones_like(y), log_gains)
    by_pose = 2 * by_power[..., None] * jnp.real(jnp.conj(y)[..., None] * slopes)
    score = snr_score(x, snr)
    of_poses = jnp.einsum("tmu,tmup->p", score, by_pose)
    return Equations(
        -2 * jnp.sum(log_density(x, snr)),
        _information(scale.gains, snr, by_pose),
        jnp.concatenate([of_poses, scale.gains.totals(score * snr)]),
        jnp.mean((x - 1 - snr) ** 2 / (1 + 2 * snr)),
        _misfit_deviation(snr),
    )


@eqx.filter_jit
def _deviance(
    scale: PowerScale,
    log_gains: Float[Array, " gains"],
    y: Complex[Array, "slots antennas users"],
    energies: Float[Array, "slots antennas users"],
) -> Float[Array, ""]:
    return -2 * jnp.sum(log_density(energies / scale.noise_variance, scale.snr(y, log_gains)))


def _split(
    model: EnergyModel, values: Float[Array, " unknowns"], shape: tuple[int, ...]
) -> tuple[Float[Array, " poses"], Float[Array, " gains"]]:
    poses = values.size - model.scale.gains.count(shape)
    return values[:poses], values[poses:]


def first_log_gains(
    model: EnergyModel,
    poses: Float[np.ndarray, " poses"],
    energies: Float[np.ndarray, "slots antennas users"],
) -> Float[np.ndarray, " gains"]:
    """Log power gains by which the energies above the noise are in sum what they should be."""
    sent, totals = predicted(model.fields, jnp.asarray(poses)), model.scale.gains.totals
    above = totals(jnp.asarray(energies) - model.scale.noise_variance)
    least = _LEAST_SHARE * totals(jnp.asarray(energies)) + np.finfo(float).tiny
    return np.asarray(jnp.log(jnp.maximum(above, least) / totals(_power(sent))))


def _information(
    gains: Gains,
    snr: Float[Array, "slots antennas users"],
    slopes: Float[Array, "slots antennas users poses"],
) -> Float[Array, "unknowns unknowns"]:
    """A gain's own column is λ where it acts, so that its blocks are sums."""
    told = information(snr).snr
    weighted = told[..., None] * slopes
    of_poses = jnp.einsum("tmup,tmuq->pq", weighted, slopes)
    cross = gains.totals(jnp.moveaxis(weighted * snr[..., None], -1, 0))
    return jnp.block([[of_poses, cross], [cross.T, jnp.diag(gains.totals(told * snr**2))]])


def _misfit_deviation(snr: Float[Array, "slots antennas users"]) -> Float[Array, ""]:
    """A squared deviation over its mean has variance 2 + κ, κ the excess kurtosis of an energy."""
    kurtosis = 6 * (1 + 4 * snr) / (1 + 2 * snr) ** 2
    return jnp.sqrt(jnp.sum(2 + kurtosis)) / snr.size


def _power(y: Complex[Array, "slots antennas users"]) -> Float[Array, "slots antennas users"]:
    return y.real**2 + y.imag**2
