"""The law of one measured energy: |m + u|², a field m in complex Gaussian noise u ~ CN(0, σ²).

In units of the noise, x = energy / σ² and λ = |m|² / σ², the density of x is e^{-x-λ} I_0(2√(xλ)):
2x is noncentral chi-square with 2 degrees of freedom and noncentrality 2λ. Everything is written
with exponentially scaled Bessel functions, so that no SNR overflows.

Source: DOA paper, eq. (48), (49), for the law; S. O. Rice (1944); the information is ours, by
quadrature.
"""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import i0e, i1e
from jaxtyping import Array, Float
from numpy.polynomial import chebyshev, legendre
from scipy import special

# Below this argument I_1(y) / (y I_0(y)) is 1/2 to double precision.
_SMALL_ARGUMENT = 1e-7
_CHEBYSHEV_NODES = 64
_UNROLLED = 9
_QUADRATURE_NODES = 400
# Standard deviations of the amplitude beyond which the density is below 1e-30.
_REACH = 8.5


def log_density(x: Float[Array, "*shape"], snr: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Log-density of x = energy / σ² at λ = `snr`; subtract log σ² for that of the energy."""
    return jnp.log(i0e(2 * jnp.sqrt(x * snr))) - (jnp.sqrt(x) - jnp.sqrt(snr)) ** 2


def snr_score(x: Float[Array, "*shape"], snr: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Derivative of the log-density with respect to λ: √(x/λ) I_1/I_0 - 1."""
    return 2 * x * _bessel_ratio_by_argument(2 * jnp.sqrt(x * snr)) - 1


def noise_score(x: Float[Array, "*shape"], snr: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Derivative of the log-density of the energy with respect to log σ², |m|² held."""
    return x - snr - 1 - 2 * snr * snr_score(x, snr)


def _bessel_ratio_by_argument(y: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """I_1(y) / (y I_0(y)), which is 1/2 at 0."""
    safe = jnp.maximum(y, _SMALL_ARGUMENT)
    return i1e(safe) / (safe * i0e(safe))


class Information(NamedTuple):
    """Fisher information of one energy: of λ, of λ with log σ², of log σ²."""

    snr: Float[Array, "*shape"]
    cross: Float[Array, "*shape"]
    noise: Float[Array, "*shape"]


def information(snr: Float[Array, "*shape"]) -> Information:
    """Fisher information of one energy at λ = `snr`.

    Of λ alone: 1 at λ = 0, 1/(2λ) for large λ; 1/(1 + 2λ), the information of a Gaussian of the
    same variance, is never far off. Of log σ²: from 1 by way of .40 at λ = 1.5 to 1/2,
    because with a strong field only the noise in phase with it is seen.
    """
    t = 2 * snr / (1 + snr) - 1
    series = [_chebyshev_sum(coefficients, t) for coefficients in _series()]
    return Information(series[0] / (1 + 2 * snr), series[1] / (1 + 2 * snr), series[2])


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _chebyshev_sum(
    coefficients: tuple[float, ...], t: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """Clenshaw's sum of a Chebyshev series on [-1, 1].

    A loop with a derivative in closed form, because XLA takes for ever over the derivatives of
    what is unrolled.
    """

    def add(sums: tuple[Array, Array], coefficient: Array) -> tuple[tuple[Array, Array], None]:
        ahead, further = sums
        return (2 * t * ahead - further + coefficient, ahead), None

    nothing = jnp.zeros_like(t), jnp.zeros_like(t)
    descending = jnp.asarray(coefficients[:0:-1], t.dtype)
    (ahead, further), _ = jax.lax.scan(add, nothing, descending, unroll=_UNROLLED)
    return t * ahead - further + coefficients[0]


@_chebyshev_sum.defjvp
def _chebyshev_sum_jvp(
    coefficients: tuple[float, ...], primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    (t,), (dt,) = primals, tangents
    slope = tuple(map(float, chebyshev.chebder(coefficients)))
    return _chebyshev_sum(coefficients, t), _chebyshev_sum(slope, t) * dt


@cache
def _series() -> tuple[tuple[float, ...], ...]:
    """The informations, made smooth in λ/(1+λ), as Chebyshev series good to 1e-12."""
    t = np.cos(np.pi * (np.arange(_CHEBYSHEV_NODES) + 0.5) / _CHEBYSHEV_NODES)
    snr = (1 + t) / (1 - t)
    of_snr, cross, of_noise = information_by_quadrature(snr)
    smooth = (of_snr * (1 + 2 * snr), cross * (1 + 2 * snr), of_noise)
    fits = (chebyshev.chebfit(t, values, _CHEBYSHEV_NODES - 1) for values in smooth)
    return tuple(tuple(map(float, coefficients)) for coefficients in fits)


def information_by_quadrature(
    snr: Float[np.ndarray, " snr"],
) -> tuple[Float[np.ndarray, " snr"], ...]:
    """The three informations by Gauss-Legendre quadrature over the amplitude √x: the reference."""
    nodes, weights = legendre.leggauss(_QUADRATURE_NODES)
    centre = np.sqrt(snr)[:, None]
    low, high = np.maximum(centre - _REACH, 0), centre + _REACH
    amplitude = low + (high - low) * (nodes + 1) / 2
    product = 2 * amplitude * centre
    bessel = special.i0e(product)
    density = 2 * amplitude * np.exp(-((amplitude - centre) ** 2)) * bessel
    measure = density * weights * (high - low) / 2
    safe = np.maximum(product, _SMALL_ARGUMENT)
    score = 2 * amplitude**2 * special.i1e(safe) / (safe * special.i0e(safe)) - 1
    # x - λ is written as a product, and so keeps its digits when both are large.
    of_noise = (amplitude - centre) * (amplitude + centre) - 1 - 2 * centre**2 * score
    pairs = (score**2, score * of_noise, of_noise**2)
    return tuple((measure * pair).sum(axis=1) for pair in pairs)
