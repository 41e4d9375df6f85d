"""What the far source sends: one complex sample a snapshot, of unit mean power.

Source: DOA paper, eq. (6).
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Complex


@dataclass(frozen=True)
class SteadySource:
    """s = 1 in every snapshot, as in the paper's bound and its Monte Carlo."""

    def samples(
        self, generator: np.random.Generator, shape: tuple[int, ...]
    ) -> Complex[np.ndarray, "*shape"]:
        """Ones; draws nothing."""
        return np.ones(shape, complex)


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


Source: TypeAlias = SteadySource | GaussianSource


def complex_normal(
    generator: np.random.Generator, shape: tuple[int, ...]
) -> Complex[np.ndarray, "*shape"]:
    """Independent samples of CN(0, 1): circularly symmetric, variance 1."""
    real, imaginary = generator.standard_normal((2, *shape))
    return (real + 1j * imaginary) / np.sqrt(2)
