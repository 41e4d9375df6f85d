"""Where a design begins."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float


class StartPhases(Protocol):
    """How the first phases are drawn."""

    def __call__(
        self, generator: np.random.Generator, shape: tuple[int, int]
    ) -> Float[np.ndarray, "layers atoms"]:
        """Phases for layers x atoms, in radians."""
        ...


@dataclass(frozen=True)
class NearUniform:
    """All phases alike up to a spread: the wave goes through, and the insertion loss stays low."""

    spread_rad: float = 0.3

    def __call__(
        self, generator: np.random.Generator, shape: tuple[int, int]
    ) -> Float[np.ndarray, "layers atoms"]:
        """Phases for layers x atoms, in radians."""
        return generator.uniform(0, self.spread_rad, shape)


@dataclass(frozen=True)
class RandomPhases:
    """Uniform over the whole turn, as in the papers."""

    def __call__(
        self, generator: np.random.Generator, shape: tuple[int, int]
    ) -> Float[np.ndarray, "layers atoms"]:
        """Phases for layers x atoms, in radians."""
        return generator.uniform(0, 2 * np.pi, shape)


@dataclass(frozen=True, eq=False)
class GivenPhases:
    """Start from known phases: refine or resume a design. Every start is the same."""

    phases_rad: Float[np.ndarray, "layers atoms"]

    def __call__(
        self, generator: np.random.Generator, shape: tuple[int, int]
    ) -> Float[np.ndarray, "layers atoms"]:
        """The given phases."""
        del generator
        return np.asarray(self.phases_rad, float).reshape(shape)
