"""What the far source sends: one complex sample a snapshot, of unit mean power.

Source: DOA paper, eq. (6).
"""

from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex

from .draws import complex_normal_draws


@dataclass(frozen=True)
class SteadySource:
    """s = 1 in every snapshot, as in the paper's bound and its Monte Carlo."""

    def samples(
        self, generator: np.random.Generator, shape: tuple[int, ...]
    ) -> Complex[np.ndarray, "*shape"]:
        """Ones; draws nothing."""
        return np.ones(shape, complex)

    def draw(
        self, key: Array, shape: tuple[int, ...], dtype: jnp.dtype
    ) -> Complex[Array, "*shape"]:
        """Ones; draws nothing."""
        del key
        return jnp.ones(shape, dtype)


@dataclass(frozen=True)
class ConstantModulusSource:
    """|s| = 1 with a phase that is uniform and independent from snapshot to snapshot.

    To energies it is a steady source; phase-sensitive receivers cannot compare snapshots.
    """

    def samples(
        self, generator: np.random.Generator, shape: tuple[int, ...]
    ) -> Complex[np.ndarray, "*shape"]:
        """Points of the unit circle."""
        return np.exp(2j * np.pi * generator.random(shape))

    def draw(
        self, key: Array, shape: tuple[int, ...], dtype: jnp.dtype
    ) -> Complex[Array, "*shape"]:
        """Points of the unit circle."""
        turns = jax.random.uniform(key, shape, jnp.finfo(dtype).dtype)
        return jnp.exp(2j * np.pi * turns).astype(dtype)


@dataclass(frozen=True)
class GaussianSource:
    """s ~ CN(0, 1), independent from snapshot to snapshot, as in the paper's signal model.

    Its fading changes the energies of whole snapshots, so that comparing snapshots tells less
    about the direction than with a steady source.
    """

    def samples(
        self, generator: np.random.Generator, shape: tuple[int, ...]
    ) -> Complex[np.ndarray, "*shape"]:
        """Circularly symmetric complex Gaussian samples of unit variance."""
        return complex_normal(generator, shape)

    def draw(
        self, key: Array, shape: tuple[int, ...], dtype: jnp.dtype
    ) -> Complex[Array, "*shape"]:
        """Circularly symmetric complex Gaussian samples of unit variance."""
        return complex_normal_draws(key, shape, dtype)


Source: TypeAlias = SteadySource | ConstantModulusSource | GaussianSource


def complex_normal(
    generator: np.random.Generator, shape: tuple[int, ...]
) -> Complex[np.ndarray, "*shape"]:
    """Independent samples of CN(0, 1): circularly symmetric, variance 1."""
    real, imaginary = generator.standard_normal((2, *shape))
    return (real + 1j * imaginary) / np.sqrt(2)
