"""Digital precoders of a known channel, and what no precoder can beat.

A channel here is the response of stack and air per root of the noise power, 1/√W; powers are in
watts.

Source: Q. Spencer et al., Zero-forcing methods for downlink spatial multiplexing, 2004; Q. Shi et
al., An iteratively weighted MMSE approach, 2011; N. Jindal et al., Sum power iterative
water-filling for multi-antenna Gaussian broadcast channels, 2005; P. Viswanath and D. Tse, Sum
capacity of the vector Gaussian broadcast channel, 2003, for the duality.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int

from .._types import AnyArray, Number
from .water_filling import water_filling

_DIRTY_PAPER_ROUNDS = 400
_BISECTIONS = 60


def zero_forcing(
    channel: Complex[AnyArray, "users antennas"], power: Number
) -> Complex[Array, "antennas users"]:
    """No interference at all, powers by water filling; needs as many antennas as users."""
    inverse = jnp.linalg.pinv(jnp.asarray(channel))
    lengths = jnp.linalg.norm(inverse, axis=0)
    powers = water_filling(1 / lengths**2, power)
    return inverse / lengths * jnp.sqrt(powers)


def matched(
    channel: Complex[AnyArray, "users antennas"], power: Number
) -> Complex[Array, "antennas users"]:
    """Every user's own channel conjugated, powers alike: where WMMSE begins."""
    towards = jnp.conj(channel.T)
    length = jnp.maximum(jnp.linalg.norm(towards, axis=0), 1e-300)
    return towards / length * jnp.sqrt(power / channel.shape[0])


def mmse_receivers(
    received: Complex[AnyArray, "*draws users users"],
) -> tuple[Complex[Array, "*draws users"], Float[Array, "*draws users"]]:
    """What each user multiplies its signal by, and the weight 1/MSE that its error then has."""
    received = jnp.asarray(received)
    powers = received.real**2 + received.imag**2
    wanted = jnp.diagonal(received, axis1=-2, axis2=-1)
    # Without what is wanted, not minus it: with little else heard nothing would be left of it.
    disturbance = jnp.sum(powers * (1 - jnp.eye(powers.shape[-1])), axis=-1) + 1
    heard = powers.sum(axis=-1) + 1
    return jnp.conj(wanted) / heard, heard / disturbance


def wmmse_precoder(
    channel: Complex[AnyArray, "*draws users antennas"],
    receivers: Complex[AnyArray, "*draws users"],
    weights: Float[AnyArray, "*draws users"],
    power: Number,
) -> Complex[Array, "antennas users"]:
    """The precoder of least weighted error within the power: (Σ w |u|² hᴴh + μ)⁻¹ hᴴ u* w.

    Of several draws of the channel their errors' mean counts.
    """
    heard = receivers[..., None] * channel
    curvature = _over_draws("...ka,...k,...kb->...ab", jnp.conj(heard), weights, heard)
    towards = _over_draws("...ka,...k->...ak", jnp.conj(heard), weights)
    return precoder_within(power, curvature, towards)


def precoder_within(
    power: Number,
    curvature: Complex[AnyArray, "antennas antennas"],
    towards: Complex[AnyArray, "antennas users"],
) -> Complex[Array, "antennas users"]:
    """Minimum of vᴴ C v - 2 Re tᴴ v over all users' v within the power: (C + μ)⁻¹ t."""
    values, vectors = jnp.linalg.eigh(curvature)
    values = jnp.maximum(values, 0)
    turned = jnp.conj(vectors.T) @ towards
    energy = jnp.sum(jnp.abs(turned) ** 2, axis=-1)

    def used(level: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.sum(energy / jnp.maximum(values + level, 1e-300) ** 2)

    def halve(_: Int[Array, ""], bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = jnp.sqrt(low * high)
        too_much = used(middle) > power
        return jnp.where(too_much, middle, low), jnp.where(too_much, high, middle)

    # With all eigenvalues zero this level already uses the power; a thousandth of a billionth of
    # it is as good as none.
    most = jnp.sqrt(energy.sum() / power)
    low, high = jax.lax.fori_loop(0, _BISECTIONS, halve, (1e-12 * most, most))
    level = jnp.where(used(low) <= power, low, high)
    return vectors @ (turned / (values + level)[:, None])


def _over_draws(subscripts: str, *parts: AnyArray) -> Array:
    """A product of parts, its mean over all leading axes."""
    product = jnp.einsum(subscripts, *parts)
    return product.reshape(-1, *product.shape[-2:]).mean(axis=0)


def dirty_paper_bound(
    channel: Complex[AnyArray, "users antennas"], power: Number
) -> Float[Array, ""]:
    """Capacity of the channel whatever the transmitter does: bit/s/Hz, summed over users.

    The dual uplink's, max log2 det(1 + Σ p_k h_k h_kᴴ), by iterative water filling with averaging,
    which converges from below to the maximum of a concave function.
    """
    users, antennas = channel.shape

    def total(powers: Float[AnyArray, " users"]) -> Complex[Array, "antennas antennas"]:
        return jnp.eye(antennas) + jnp.conj(channel.T) @ (powers[:, None] * channel)

    def fill(_: Int[Array, ""], powers: Float[AnyArray, " users"]) -> Float[Array, " users"]:
        heard = jnp.einsum(
            "ka,ab,kb->k", channel, jnp.linalg.inv(total(powers)), jnp.conj(channel)
        ).real
        # What a user hears with itself taken away: g/(1 - p g).
        alone = heard / jnp.maximum(1 - powers * heard, 1e-12)
        return water_filling(alone, power) / users + (1 - 1 / users) * powers

    powers = jax.lax.fori_loop(0, _DIRTY_PAPER_ROUNDS, fill, jnp.full(users, power / users))
    return jnp.linalg.slogdet(total(powers))[1] / jnp.log(2.0)
