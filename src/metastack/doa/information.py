"""Fisher information of a direction: from energies alone, and from complex fields.

What else is unknown (see `unknowns`) is taken out by the Schur complement, so that the inverse of
each 2 x 2 matrix is the Cramér-Rao bound of (ψ_x, ψ_y) whatever an estimator does about it.

Source: the law of an energy, `rician`; S. M. Kay, Estimation Theory (1993), sections 3.6, 3.9,
15.7. The energy-only information of a stack is ours.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray, Number
from ..precision import float64, in_float64
from ..rician import information
from .blocks import Blocks
from .model import DirectionModel
from .unknowns import KnownNoise, Noise, Power, SteadyPower


@in_float64
def energy_information(
    model: DirectionModel,
    psi_rad: Float[AnyArray, "*batch 2"],
    *,
    noise: Noise,
    power: Power | None = None,
) -> Float[np.ndarray, "*batch 2 2"]:
    """Information about (ψ_x, ψ_y), 1/rad², in the energies from a unit source.

    `power`: what is known of the source's power; without one, `SteadyPower()`. For a source of
    another power that is not known, scale the noise or the model's weights.
    """
    # As arrays, so that another power of the noise is not compiled again.
    known = jax.tree.map(jnp.asarray, (noise, power or SteadyPower()))
    flat = _energy_informations(model, jnp.asarray(psi_rad).reshape(-1, 2), *known)
    return np.asarray(flat).reshape(*np.shape(psi_rad), 2)


@eqx.filter_jit
def _energy_informations(
    model: DirectionModel, psi_rad: Float[Array, "directions 2"], noise: Noise, power: Power
) -> Float[Array, "directions 2 2"]:
    return jax.vmap(lambda psi: unit_information(model, psi, noise, power))(psi_rad)


def unit_information(
    model: DirectionModel, psi_rad: Float[Array, "2"], noise: Noise, power: Power
) -> Float[Array, "2 2"]:
    """Information of one direction, in the caller's precision."""
    gains = _unit_gains(model, power)
    return information_at(model, psi_rad, gains, jnp.asarray(noise.variance), noise, power)


def _unit_gains(model: DirectionModel, power: Power) -> Float[Array, "snapshots 1"]:
    """The power that is known, else that of a unit source."""
    groups = power.totals(jnp.zeros((model.snapshots, model.probes)))
    return power.gains(groups, model.snapshots)


def information_at(
    model: DirectionModel,
    psi_rad: Float[Array, "2"],
    gains: Float[Array, "snapshots 1"],
    noise_variance: Float[Array, ""],
    noise: Noise,
    power: Power,
) -> Float[Array, "2 2"]:
    """Information of one direction at given powers of the source and of the noise."""
    snr, slopes = snr_and_slopes(model, psi_rad, gains / noise_variance)
    of_snr, of_cross, of_noise = information(snr)
    seen = jnp.concatenate([slopes, jnp.zeros_like(slopes[:1])])
    blocks = Blocks(
        kept=_kept(seen, of_snr, of_cross, of_noise),
        cross=power.totals(seen * of_snr * snr).at[2].set(power.totals(of_cross * snr)),
        own=power.totals(of_snr * snr**2),
    )
    both = blocks.reduced()
    if isinstance(noise, KnownNoise):
        return both[:2, :2]
    return both[:2, :2] - jnp.outer(both[:2, 2], both[2, :2]) / both[2, 2]


def snr_and_slopes(
    model: DirectionModel, psi_rad: Float[Array, "2"], gains: Float[Array, "snapshots 1"]
) -> tuple[Float[Array, "snapshots probes"], Float[Array, "2 snapshots probes"]]:
    """λ of every energy, and its derivatives with respect to ψ_x and ψ_y."""
    field, *slopes = model.field_and_slopes(psi_rad)
    snr = gains * (field.real**2 + field.imag**2)
    return snr, jnp.stack([2 * gains * jnp.real(jnp.conj(field) * slope) for slope in slopes])


def _kept(
    seen: Float[Array, "3 snapshots probes"],
    of_snr: Float[Array, "snapshots probes"],
    of_cross: Float[Array, "snapshots probes"],
    of_noise: Float[Array, "snapshots probes"],
) -> Float[Array, "3 3"]:
    """Information about ψ_x, ψ_y and log σ² with the powers held."""
    kept = jnp.einsum("itp,jtp,tp->ij", seen, seen, of_snr)
    with_noise = jnp.sum(seen * of_cross, axis=(-2, -1)).at[2].set(jnp.sum(of_noise))
    return kept.at[2].set(with_noise).at[:, 2].set(with_noise)


@in_float64
def field_information(
    model: DirectionModel,
    psi_rad: Float[AnyArray, "*batch 2"],
    *,
    noise_variance: Number,
    power: Power | None = None,
) -> Float[np.ndarray, "*batch 2 2"]:
    """Information about (ψ_x, ψ_y), 1/rad², in the complex fields from a unit source.

    `power` says which complex amplitudes are unknown, phase and all: none (`KnownPower`), one in
    all snapshots (`SteadyPower`, the default), or one a snapshot (`FadingPower`). The noise power
    is independent of all of them, and need not be known (Slepian-Bangs formula).
    """
    known = jax.tree.map(jnp.asarray, power or SteadyPower())
    flat = _field_informations(model, jnp.asarray(psi_rad).reshape(-1, 2), known)
    return 2 * np.asarray(flat).reshape(*np.shape(psi_rad), 2) / np.asarray(noise_variance)


@eqx.filter_jit
def _field_informations(
    model: DirectionModel, psi_rad: Float[Array, "directions 2"], power: Power
) -> Float[Array, "directions 2 2"]:
    return jax.vmap(lambda psi: _field_information(model, psi, power))(psi_rad)


def _field_information(
    model: DirectionModel, psi_rad: Float[Array, "2"], power: Power
) -> Float[Array, "2 2"]:
    roots = jnp.sqrt(_unit_gains(model, power))
    field, *slopes = (roots * part for part in model.field_and_slopes(psi_rad))
    D: Complex[Array, "2 snapshots probes"] = jnp.stack(slopes)
    whole = jnp.einsum("itp,jtp->ij", jnp.conj(D), D)
    cross = power.totals(jnp.conj(D) * field)
    own = power.totals(field.real**2 + field.imag**2)
    # A snapshot without a field leaves its amplitude free, and takes nothing away.
    return jnp.real(whole - (cross / jnp.where(own > 0, own, 1)) @ jnp.conj(cross).T)


def coherent_covariance(
    received: Complex[AnyArray, "snapshots probes"],
    model: DirectionModel,
    psi_rad: Float[AnyArray, "2"],
    *,
    power: Power,
) -> tuple[Float[np.ndarray, "2 2"], float]:
    """Covariance of a coherent estimate, rad², by the Cramér-Rao bound at it, and the noise.

    The noise is what the source leaves: least squares for its amplitude, one in all snapshots
    (`SteadyPower`) or one a snapshot (`FadingPower`).
    """
    with float64():
        field = np.asarray(model.field(jnp.asarray(psi_rad)))
    r, whole = np.asarray(received), isinstance(power, SteadyPower)
    axes = (0, 1) if whole else (1,)
    own = np.sum(np.abs(field) ** 2, axis=axes, keepdims=True)
    amplitude = np.sum(np.conj(field) * r, axis=axes, keepdims=True) / own
    # Real unknowns: two angles, and two for every amplitude.
    freedom = max(2 * r.size - 2 - 2 * amplitude.size, 1)
    noise_variance = float(2 * np.sum(np.abs(r - amplitude * field) ** 2) / freedom)
    scaled = DirectionModel(
        np.asarray(model.weights) * np.abs(amplitude)[..., None], model.columns, model.rows
    )
    least = np.finfo(float).tiny
    information = field_information(
        scaled, psi_rad, noise_variance=max(noise_variance, least), power=power
    )
    return np.linalg.inv(information), noise_variance
