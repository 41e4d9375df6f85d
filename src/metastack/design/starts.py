"""Where a design begins."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float

from ..errors import require


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
        """The given phases.

        Raises:
            InputError: they belong to another stack.
        """
        del generator
        require(
            np.shape(self.phases_rad) == shape,
            f"The phases to start from must be layers x atoms, {shape}, "
            f"but are {np.shape(self.phases_rad)}.",
        )
        return np.array(self.phases_rad, float)

    def __repr__(self) -> str:
        """Short: the phases themselves are in the design that they came from."""
        return "GivenPhases(…)"
