"""Maximum likelihood of several steady sources at once, from energies alone.

Sources that last through a run add as fields: the aperture holds x = Σ α_s a(ψ_s) with complex
amplitudes α, and every energy has the exact law of `rician` at λ = |h·x|²/σ². Energies do not
see the common phase of the amplitudes, so the first one is real; nor do they tell x from its mirror
image, conj(x) with the elements in reverse: the same directions and powers, other phases between.

Source: ours; damping after D. W. Marquardt (1963).
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..elimination import inverted, solved
from ..rician import information, log_density, snr_score
from .angles import wrapped_rad
from .ascent import ascend
from .likelihood import LEAST_NOISE, log_noise_step
from .model import DirectionModel
from .unknowns import KnownNoise, Noise

# A combination of unknowns that the energies do not see gets a large variance, not an error.
_LEAST_INFORMATION = 1e-14


class JointFit(NamedTuple):
    """Sources, strongest first: angles with error bars, complex amplitudes, noise."""

    psi_rad: Float[AnyArray, "*batch sources 2"]
    covariance_rad2: Float[AnyArray, "*batch sources 2 2"]
    amplitudes: Complex[AnyArray, "*batch sources"]
    noise_variance: Float[AnyArray, "*batch"]
    log_likelihood: Float[AnyArray, "*batch"]


class _Unknowns(NamedTuple):
    psi_rad: Float[Array, "sources 2"]
    amplitudes: Complex[Array, " sources"]
    log_noise: Float[Array, ""]


def joint_fit(
    model: DirectionModel,
    energies: Float[Array, "snapshots probes"],
    noise: Noise,
    psi_rad: Float[Array, "sources 2"],
    amplitudes: Complex[Array, " sources"],
) -> JointFit:
    """Climb from the given sources to the nearest maximum of the likelihood."""
    end, height = ascend(
        _first(model, energies, noise, psi_rad, amplitudes),
        partial(_value, model, energies),
        partial(_step, model, energies, noise),
    )
    order = jnp.argsort(-jnp.abs(end.amplitudes))
    amplitudes = end.amplitudes[order]
    return JointFit(
        wrapped_rad(end.psi_rad)[order],
        joint_covariances(model, end.psi_rad, end.amplitudes, jnp.exp(end.log_noise), noise)[order],
        amplitudes * jnp.exp(-1j * jnp.angle(amplitudes[0])),
        jnp.exp(end.log_noise),
        height,
    )


def noise_only_log_likelihood(
    energies: Float[Array, "snapshots probes"], noise: Noise
) -> Float[Array, ""]:
    """Log-likelihood if there is no source at all."""
    mean = jnp.mean(energies)
    variance = jnp.asarray(noise.variance) if isinstance(noise, KnownNoise) else mean
    return -energies.size * (jnp.log(variance) + mean / variance)


def _first(
    model: DirectionModel, energies: Array, noise: Noise, psi_rad: Array, amplitudes: Array
) -> _Unknowns:
    amplitudes = amplitudes * jnp.exp(-1j * jnp.angle(amplitudes[0]))
    field = jnp.tensordot(amplitudes, model.field(psi_rad), axes=1)
    known = isinstance(noise, KnownNoise)
    left = 2 * jnp.mean((jnp.sqrt(energies) - jnp.abs(field)) ** 2)
    variance = jnp.asarray(noise.variance, energies.dtype) if known else left
    floor = LEAST_NOISE * jnp.mean(energies)
    return _Unknowns(psi_rad, amplitudes, jnp.log(jnp.maximum(variance, floor)))


def _step(
    model: DirectionModel, energies: Array, noise: Noise, unknowns: _Unknowns, damping: Array
) -> tuple[_Unknowns, Float[Array, ""]]:
    """One damped step of Fisher scoring, and the gain that it promises."""
    variance = jnp.exp(unknowns.log_noise)
    snr, slopes = _snr_and_slopes(model, unknowns.psi_rad, unknowns.amplitudes, variance)
    x = energies / variance
    gradient = jnp.einsum("ktp,tp->k", slopes, snr_score(x, snr))
    F = jnp.einsum("ktp,ltp,tp->kl", slopes, slopes, 1 / (1 + 2 * snr))
    scaled, scales = _in_own_units(F)
    damped = scaled + (damping + _LEAST_INFORMATION) * jnp.eye(len(F))
    step = solved(damped, gradient / scales) / scales
    noise_step, noise_gain = log_noise_step(noise, x, snr, damping)
    psi_rad, amplitudes = _moved(model, unknowns, step)
    candidate = _Unknowns(psi_rad, amplitudes, unknowns.log_noise + noise_step)
    return candidate, step @ gradient + noise_gain


def _moved(model: DirectionModel, unknowns: _Unknowns, step: Array) -> tuple[Array, Array]:
    """Sources after a step; no angle moves further than half a main lobe."""
    sources = len(unknowns.psi_rad)
    reach = np.pi / np.array([model.columns, model.rows])
    angles = jnp.clip(step[: 2 * sources].reshape(sources, 2), -reach, reach)
    real = step[2 * sources : 3 * sources]
    imaginary = jnp.concatenate([jnp.zeros(1, step.dtype), step[3 * sources :]])
    return unknowns.psi_rad + angles, unknowns.amplitudes + jax.lax.complex(real, imaginary)


def _value(model: DirectionModel, energies: Array, unknowns: _Unknowns) -> Float[Array, ""]:
    variance = jnp.exp(unknowns.log_noise)
    field = jnp.tensordot(unknowns.amplitudes, model.field(unknowns.psi_rad), axes=1)
    densities = log_density(energies / variance, (field.real**2 + field.imag**2) / variance)
    return jnp.sum(densities) - energies.size * unknowns.log_noise


def joint_covariances(
    model: DirectionModel,
    psi_rad: Float[Array, "sources 2"],
    amplitudes: Complex[Array, " sources"],
    noise_variance: Float[Array, ""],
    noise: Noise,
) -> Float[Array, "sources 2 2"]:
    """Cramér-Rao bound of each source's angles, rad², everything else unknown."""
    snr, slopes = _snr_and_slopes(model, psi_rad, amplitudes, noise_variance)
    of_snr, of_cross, of_noise = information(snr)
    F = jnp.einsum("ktp,ltp,tp->kl", slopes, slopes, of_snr)
    if not isinstance(noise, KnownNoise):
        cross = jnp.einsum("ktp,tp->k", slopes, of_cross)
        F = F - jnp.outer(cross, cross) / jnp.sum(of_noise)
    scaled, scales = _in_own_units(F)
    inverse = inverted(scaled + _LEAST_INFORMATION * jnp.eye(len(F)))
    # Rounding leaves the inverse of a nearly singular matrix unsymmetric.
    covariance = (inverse + inverse.T) / 2 / jnp.outer(scales, scales)
    slices = [slice(2 * s, 2 * s + 2) for s in range(len(psi_rad))]
    return jnp.stack([covariance[own, own] for own in slices])


def _in_own_units(
    F: Float[Array, "unknowns unknowns"],
) -> tuple[Float[Array, "unknowns unknowns"], Float[Array, " unknowns"]]:
    """F with a diagonal of ones, whatever the units of the unknowns, and the roots of its own.

    A source without power leaves its angles free: their rows stay zero.
    """
    diagonal = jnp.diag(F)
    scales = jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1))
    return F / jnp.outer(scales, scales), scales


def _snr_and_slopes(
    model: DirectionModel, psi_rad: Array, amplitudes: Array, variance: Array
) -> tuple[Float[Array, "snapshots probes"], Float[Array, "unknowns snapshots probes"]]:
    """λ, and its derivatives by angles, by real parts, by imaginary parts but the first."""
    fields, of_x, of_y = model.field_and_slopes(psi_rad)
    field = jnp.tensordot(amplitudes, fields, axes=1)
    by_angle = amplitudes[:, None, None, None] * jnp.stack([of_x, of_y], axis=1)
    directions = jnp.concatenate(
        [by_angle.reshape(-1, *field.shape), fields, 1j * fields[1:]], axis=0
    )
    snr = (field.real**2 + field.imag**2) / variance
    return snr, 2 * jnp.real(jnp.conj(field) * directions) / variance
