"""Waves from everywhere: correlated Rayleigh fading.

Where equally strong waves come from all directions in front of an array, two elements a distance r
apart see fields whose correlation is sin(2πr/λ)/(2πr/λ). Elements closer than half a wavelength
are never independent, and an aperture has as many degrees of freedom as its area in (λ/2)² cells,
not as many as elements.

Source: E. Björnson and L. Sanguinetti, Rayleigh fading modeling and channel hardening for
reconfigurable intelligent surfaces, 2021, eq. (10); J. An et al., 2023 (calibration paper, [1]).
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from ..._types import AnyArray
from ...errors import require
from ...precision import in_float64


def sinc_correlation(
    positions_m: Float[AnyArray, "elements 3"], wavelength_m: float
) -> Float[np.ndarray, "elements elements"]:
    """Correlation of the field between all pairs of elements, isotropic scattering."""
    positions_m = np.asarray(positions_m, float)
    distance_m = np.linalg.norm(positions_m[:, None] - positions_m[None], axis=-1)
    return np.sinc(2 * distance_m / wavelength_m)


class CorrelatedRayleigh(eqx.Module):
    """H = a ∘ (R_to^{1/2} X R_from^{1/2}), X of independent CN(0, 1).

    `root_to`, `root_from`: square roots of the correlations at both ends. `amplitude`: a, root of
    the mean power gain of each element that the wave reaches.
    """

    root_to: Float[AnyArray, "to to"]
    root_from: Float[AnyArray, "from from"]
    amplitude: Float[AnyArray, " to"]

    @classmethod
    def between(
        cls,
        from_m: Float[AnyArray, "from 3"],
        to_m: Float[AnyArray, "to 3"],
        *,
        power_gain: float,
        wavelength_m: float,
    ) -> Self:
        """Between two arrays far apart, with scatterers all about each.

        `from_m`, `to_m`: elements of each end, each in a frame of its own, metres.
        """
        root_to, root_from = (
            square_root(sinc_correlation(each, wavelength_m)) for each in (to_m, from_m)
        )
        return cls(root_to, root_from, np.full(len(to_m), np.sqrt(power_gain)))

    @classmethod
    def to_users(
        cls,
        from_m: Float[AnyArray, "from 3"],
        *,
        power_gain: Float[AnyArray, " users"],
        wavelength_m: float,
    ) -> Self:
        """From an array to single antennas that are many wavelengths apart."""
        gains = np.asarray(power_gain, float)
        root = square_root(sinc_correlation(from_m, wavelength_m))
        return cls(np.eye(len(gains)), root, np.sqrt(gains))

    @in_float64
    def draw(self, key: Key[Array, ""], draws: int) -> Complex[Array, "draws to from"]:
        """So many independent matrices."""
        to, leaving = len(self.root_to), len(self.root_from)
        parts = jax.random.normal(key, (2, draws, to, leaving)) / jnp.sqrt(2)
        white = jax.lax.complex(parts[0], parts[1])
        amplitude = jnp.asarray(self.amplitude)[:, None]
        return amplitude * (jnp.asarray(self.root_to) @ white @ jnp.asarray(self.root_from))


def square_root(correlation: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """The symmetric square root of a correlation matrix.

    Raises:
        InputError: a matrix that is no correlation: not symmetric, or with a negative eigenvalue.
    """
    values, vectors = np.linalg.eigh(correlation)
    scale = max(float(np.abs(values).max()), 1e-300)
    require(
        np.allclose(correlation, correlation.T) and values.min() > -1e-9 * scale * len(values),
        "A correlation must be symmetric and without negative eigenvalues, but its smallest is "
        f"{values.min():.3g}.",
    )
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
