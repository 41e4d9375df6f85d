"""What every calibration by geometry ends with: a stack, and what its poses are uncertain by.

Source: ours.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

import jax
import numpy as np
from jaxtyping import Float

from ..stack import Stack
from .gains import Gains
from .illumination import Illumination
from .least_squares import Ending, Fit
from .links import Links
from .pilot_model import PilotModel
from .unknowns import Unknowns


class PoseFit(Protocol):
    """What a fit of poses ends with; a dataclass. Other unknowns may stand behind the poses."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def values(self) -> Float[np.ndarray, " unknowns"]:
        """Estimate of every unknown, in its unit."""
        ...

    @cached_property
    def covariance(self) -> Float[np.ndarray, "unknowns unknowns"]:
        """Posterior covariance; infinite along what nothing tells."""
        ...

    @property
    def history(self) -> Float[np.ndarray, " iterations"]:
        """What was not explained, before the first and after every step."""
        ...

    @property
    def objective(self) -> float:
        """What was minimised; comparable between starts."""
        ...

    @property
    def ending(self) -> Ending:
        """How it ended."""
        ...


@dataclass(frozen=True, eq=False)
class FoundPoses:
    """A stack as measurements show it to be.

    `stack` and `illumination`: calibrated, of use wherever a stack is. `unknowns` say which
    numbers were looked for, `model` how they act, `fit` what came out, in their units; `gains`
    which gains were unknown.
    """

    nominal: Stack
    stack: Stack
    illumination: Illumination
    unknowns: Unknowns
    model: PilotModel
    fit: PoseFit
    gains: Gains

    @property
    def deviation(self) -> Float[np.ndarray, " unknowns"]:
        """Posterior standard deviation of every unknown, in its unit."""
        variance = np.diag(self.fit.covariance)[: self.unknowns.size]
        return np.sqrt(np.maximum(variance, 0))

    @property
    def values(self) -> Float[np.ndarray, " unknowns"]:
        """Estimate of every unknown, in its unit, away from nominal."""
        return self.fit.values[: self.unknowns.size]

    @property
    def links(self) -> Links:
        """The calibrated matrices at the stack's own frequency, without the unknown gain."""
        return jax.tree.map(in_numpy, Links.of_stack(self.stack, self.illumination))


@dataclass(frozen=True, eq=False)
class PoseEstimate(FoundPoses):
    """What complex responses, of one frequency or of several, show a stack to be."""

    fit: Fit


def in_numpy(leaf: Any) -> Any:
    """A leaf of a tree, handed out as NumPy's if it is an array of JAX."""
    return np.asarray(leaf) if isinstance(leaf, jax.Array) else leaf
