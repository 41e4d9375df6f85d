"""What is drawn at random, or searched: ranges and choices, and what a search is to better."""

from dataclasses import dataclass

import numpy as np

from .axes import Scalar


@dataclass(frozen=True)
class Draw:
    """Where the value of some parameters comes from: uniform within a range, or of `choices`.

    Between whole numbers whole numbers are drawn, both ends among them. `log`: uniform in the
    logarithm.
    """

    name: str
    parameters: tuple[str, ...]
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    choices: tuple[Scalar, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def drawn(self, generator: np.random.Generator) -> Scalar:
        """One value."""
        if self.choices:
            return self.choices[int(generator.integers(len(self.choices)))]
        if self.is_whole and not self.log:
            return int(generator.integers(int(self.low), int(self.high), endpoint=True))
        if self.log:
            value = float(np.exp(generator.uniform(np.log(self.low), np.log(self.high))))
            return round(value) if self.is_whole else value
        return float(generator.uniform(self.low, self.high))


@dataclass(frozen=True)
class Objective:
    """A result that a search makes small, or large."""

    name: str
    is_maximised: bool = False


@dataclass(frozen=True)
class SearchPlan:
    """A search: `trials` points, `together` at a time, each batch knowing those before it."""

    draws: tuple[Draw, ...]
    objectives: tuple[Objective, ...]
    trials: int
    together: int
    seed: int
