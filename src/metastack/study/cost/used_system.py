"""What a stack is used for, as far as its cost of errors is concerned: design, redesign, judge.

A system may have several stacks, a link one at each end; everything that it may choose, phases or
phases and precoder, is its choice.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from ...calibration.illumination import Illumination
from ...stack import Stack


@dataclass(frozen=True)
class Merit:
    """The figure that a system is judged by: `name` in words, `unit` as it is printed."""

    name: str
    unit: str
    larger_is_better: bool


class UsedSystem(Protocol):
    """A use of stacks. Its fields are what JSON can hold, so that any process can compute it.

    `merit`: what it is judged by.
    """

    merit: ClassVar[Merit]

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """As designed, in the order in which the wave meets them."""
        ...

    @property
    def illumination(self) -> Illumination:
        """How a stack of it is lit while it is measured."""
        ...

    def designed(self) -> Any:
        """The choice for the stacks as designed."""
        ...

    def redesigned(self, believed: tuple[Stack, ...], choice: Any) -> Any:
        """The choice for stacks that are believed to be like this, going on from another."""
        ...

    def judged(self, true: tuple[Stack, ...], choice: Any) -> float:
        """The figure of merit of a choice on stacks as they are."""
        ...
