"""Gaussian noise for Monte Carlo runs, as fast as a processor's vector units allow.

Box and Muller's transform of the bits of Threefry-2x32-20, the generator behind `jax.random`,
written out so that a compiler fuses it with what uses the noise: on a CPU JAX's own draws take
several times longer than everything else in a run. Exact up to the resolution of the bits: the
energy of a noise sample is exponential, cut where its tail holds 2^-32 (single precision) or 2^-53.

Source: J. K. Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011); G. E. P. Box and
M. E. Muller (1958).
"""

from math import factorial, prod

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, UInt32

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
# Taylor coefficients of sine and cosine in the square of an angle of at most π/4: 1e-9 off.
_SINE = (1 / 362880, -1 / 5040, 1 / 120, -1 / 6, 1.0)
_COSINE = (-1 / 3628800, 1 / 40320, -1 / 720, 1 / 24, -1 / 2, 1.0)
# The same for double precision, and those of artanh(f) / f.
_SINE64 = tuple((-1) ** k / factorial(2 * k + 1) for k in reversed(range(9)))
_COSINE64 = tuple((-1) ** k / factorial(2 * k) for k in reversed(range(10)))
_ARTANH = tuple(1 / (2 * k + 1) for k in reversed(range(10)))
_ROOT_HALF = int(np.sqrt(0.5).view(np.int64))


def complex_normal_draws(
    key: Array, shape: tuple[int, ...], dtype: jnp.dtype
) -> Complex[Array, "*shape"]:
    """Independent samples of CN(0, 1), complex64 or complex128."""
    real, imaginary = normal_pairs(key, shape, jnp.finfo(dtype).dtype)
    return jax.lax.complex(real, imaginary)


def normal_pairs(
    key: Array, shape: tuple[int, ...], dtype: jnp.dtype
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """Real and imaginary parts of independent samples of CN(0, 1)."""
    draw = _single_pairs if jnp.dtype(dtype) == jnp.float32 else _double_pairs
    # Drawn in one row: short last axes would leave most of a vector unit idle.
    real, imaginary = draw(key, (prod(shape),))
    return real.reshape(shape), imaginary.reshape(shape)


def _single_pairs(key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    first, second = _words(key, shape, 0)
    radius = jnp.sqrt(-jnp.log((_signed(first >> 1) + 0.5) * jnp.float32(2.0**-31)))
    cosine, sine = _random_point(second)
    return radius * cosine, radius * sine


def _double_pairs(key: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    radius = jnp.sqrt(-_log(_uniform53(*_words(key, shape, 0))))
    cosine, sine = _random_point53(*_words(key, shape, 1))
    return radius * cosine, radius * sine


def _uniform53(high: Array, low: Array) -> Float[Array, "*shape"]:
    """Uniform in (0, 1), from 53 bits."""
    whole = _signed64(high >> 5) * 2.0**26 + _signed64(low >> 6)
    return (whole + 0.5) * 2.0**-53


def _log(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Logarithm of x in (0, 1), to 4e-16 of it; XLA's own calls libm, number by number.

    x = 2^e m with m in [√½, √2), log m = 2 artanh((m - 1) / (m + 1)).
    """
    bits = jax.lax.bitcast_convert_type(x, jnp.int64) - _ROOT_HALF
    exponent = (bits >> 52).astype(jnp.float64)
    mantissa = jax.lax.bitcast_convert_type((bits & ((1 << 52) - 1)) + _ROOT_HALF, jnp.float64)
    f = (mantissa - 1) / (mantissa + 1)
    return exponent * np.log(2) + 2 * f * _polynomial(_ARTANH, f * f)


def _random_point53(high: Array, low: Array) -> tuple[Array, Array]:
    """The same from two words: two bits choose the quarter, 53 the place in it."""
    whole = _signed64(high & 0x3FFFFFFF) * 2.0**23 + _signed64(low >> 9)
    angle = (whole - 2.0**52) * (jnp.pi * 2.0**-54)
    square = angle * angle
    sine, cosine = angle * _polynomial(_SINE64, square), _polynomial(_COSINE64, square)
    sign = jnp.where(high >> 31 == 1, -1.0, 1.0)
    swap = (high >> 30) & 1 == 1
    return sign * jnp.where(swap, sine, cosine), sign * jnp.where(swap, cosine, sine)


def _signed64(word: UInt32[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A word below 2^31 in double precision."""
    return jax.lax.bitcast_convert_type(word, jnp.int32).astype(jnp.float64)


def _random_point(word: UInt32[Array, "*shape"]) -> tuple[Array, Array]:
    """A random point of the unit circle: two bits choose the quarter, thirty the place in it."""
    angle = (_signed(word & 0x3FFFFFFF) - 2.0**29) * jnp.float32(jnp.pi * 2.0**-31)
    square = angle * angle
    sine, cosine = angle * _polynomial(_SINE, square), _polynomial(_COSINE, square)
    sign = jnp.where(word >> 31 == 1, jnp.float32(-1), jnp.float32(1))
    swap = (word >> 30) & 1 == 1
    return sign * jnp.where(swap, sine, cosine), sign * jnp.where(swap, cosine, sine)


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    total = jnp.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + jnp.asarray(coefficient, x.dtype)
    return total


def _signed(word: UInt32[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A word below 2^31 as a float; processors convert signed words faster than unsigned."""
    return jax.lax.bitcast_convert_type(word, jnp.int32).astype(jnp.float32)


def _words(
    key: Array, shape: tuple[int, ...], stream: int
) -> tuple[UInt32[Array, "*shape"], UInt32[Array, "*shape"]]:
    """Two random words for every place of `shape`, which must have fewer than 2^32 places."""
    counter = jnp.arange(prod(shape), dtype=jnp.uint32).reshape(shape)
    return threefry(jax.random.key_data(key), counter, jnp.full_like(counter, stream))


def threefry(
    key: UInt32[Array, "2"], first: UInt32[Array, "*shape"], second: UInt32[Array, "*shape"]
) -> tuple[UInt32[Array, "*shape"], UInt32[Array, "*shape"]]:
    """Threefry-2x32 with 20 rounds of the counter (`first`, `second`)."""
    schedule = (key[0], key[1], key[0] ^ key[1] ^ _PARITY)
    first, second = first + schedule[0], second + schedule[1]
    for block in range(5):
        for rotation in _ROTATIONS[block % 2]:
            first = first + second
            second = ((second << rotation) | (second >> (32 - rotation))) ^ first
        first = first + schedule[(block + 1) % 3]
        second = second + schedule[(block + 2) % 3] + np.uint32(block + 1)
    return first, second
