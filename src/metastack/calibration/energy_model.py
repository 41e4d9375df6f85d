"""How energies tell of poses: their law, its score and its Fisher information.

An energy in units of the noise has the law of `rician` at λ = G |y(v)|² / σ², y the response at
unit gain and G a power gain. The logarithms of the power gains stand behind the other unknowns: in
them λ is exact to first order far from the start. The phase of a gain is not in the energies.

Source: S. M. Kay, Estimation Theory (1993), sections 3.6 and 7.7 (scoring); the law, `rician`.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..rician import information, log_density, snr_score
from .gains import Gains
from .pilot_model import PilotModel

# What a gain is at least taken for at the start, in shares of the energies as they were measured.
_LEAST_SHARE = 0.01


class EnergyModel(eqx.Module):
    """λ of every energy as a function of real unknowns: those of `fields`, then log power gains.

    `gains` says which energies share one.
    """

    fields: PilotModel
    gains: Gains
    noise_variance: Float[Array, ""]


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


@eqx.filter_jit
def deviance(
    model: EnergyModel,
    values: Float[Array, " unknowns"],
    energies: Float[Array, "slots antennas users"],
) -> Float[Array, ""]:
    """-2 log-likelihood, up to a constant; not a number where the planes cannot be."""
    shared = model.gains.count(energies.shape)
    poses, log_gains = jnp.split(values, [values.size - shared])
    snr = _snr(model, model.fields.predict(poses), log_gains)
    return -2 * jnp.sum(log_density(energies / model.noise_variance, snr))


@eqx.filter_jit
def equations(
    model: EnergyModel,
    values: Float[Array, " unknowns"],
    energies: Float[Array, "slots antennas users"],
) -> Equations:
    """The equations of Fisher scoring about some values."""
    x = energies / model.noise_variance
    snr, slopes = snr_and_slopes(model, values, energies.shape)
    score = snr_score(x, snr)
    of_poses = jnp.einsum("tmu,tmup->p", score, slopes)
    return Equations(
        -2 * jnp.sum(log_density(x, snr)),
        _information(model.gains, snr, slopes),
        jnp.concatenate([of_poses, model.gains.totals(score * snr)]),
        jnp.mean((x - 1 - snr) ** 2 / (1 + 2 * snr)),
        _misfit_deviation(snr),
    )


@eqx.filter_jit
def full_information(
    model: EnergyModel, values: Float[Array, " unknowns"], shape: tuple[int, ...]
) -> Float[Array, "unknowns unknowns"]:
    """Fisher information of all unknowns, log power gains among them."""
    return _information(model.gains, *snr_and_slopes(model, values, shape))


def snr_and_slopes(
    model: EnergyModel, values: Float[Array, " unknowns"], shape: tuple[int, ...]
) -> tuple[Float[Array, "slots antennas users"], Float[Array, "slots antennas users poses"]]:
    """λ of every energy, and its derivatives with respect to the unknowns of the fields."""
    poses, log_gains = jnp.split(values, [values.size - model.gains.count(shape)])
    y, J = model.fields.linearise(poses)
    gain = jnp.exp(model.gains.spread(log_gains, shape)) / model.noise_variance
    return gain * _power(y), 2 * gain[..., None] * jnp.real(jnp.conj(y)[..., None] * J)


def first_log_gains(
    model: EnergyModel,
    poses: Float[np.ndarray, " poses"],
    energies: Float[np.ndarray, "slots antennas users"],
) -> Float[np.ndarray, " gains"]:
    """Log power gains by which the energies above the noise are in sum what they should be."""
    sent = _power(model.fields.predict(jnp.asarray(poses)))
    whole = model.gains.totals(jnp.asarray(energies))
    above = model.gains.totals(jnp.asarray(energies) - model.noise_variance)
    least = _LEAST_SHARE * whole + np.finfo(float).tiny
    return np.asarray(jnp.log(jnp.maximum(above, least) / model.gains.totals(sent)))


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


def _snr(
    model: EnergyModel, y: Complex[Array, "slots antennas users"], log_gains: Float[Array, " gains"]
) -> Float[Array, "slots antennas users"]:
    return jnp.exp(model.gains.spread(log_gains, y.shape)) * _power(y) / model.noise_variance


def _power(y: Complex[Array, "slots antennas users"]) -> Float[Array, "slots antennas users"]:
    return y.real**2 + y.imag**2
