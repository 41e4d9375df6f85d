"""What a reproduced figure or table is: published parameters, computation, picture, verdicts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..units import Results, Unit

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

_P = TypeVar("_P")


class Paper(Enum):
    """The two papers, as a reader would cite them."""

    DOA = (
        "J. An et al., Two-dimensional direction-of-arrival estimation using stacked intelligent "
        "metasurfaces, IEEE J. Sel. Areas Commun., 2024"
    )
    CALIBRATION = "Interlayer calibration of stacked intelligent metasurfaces (see CITATION.cff)"


class Judgement(Enum):
    """How ours stands to what was published."""

    AGREES = "agrees"
    DIFFERS = "differs"
    BETTER = "ours is better"
    PAPER_WRONG = "the paper is wrong"
    NOT_PUBLISHED = "no data published"


@dataclass(frozen=True)
class Verdict:
    """One sentence that judges one thing, with the numbers that it rests on."""

    judgement: Judgement
    sentence: str


@dataclass(frozen=True)
class Study(Generic[_P]):
    """One figure or table of a paper, and what metastack makes of it.

    `claim`: what the paper says that it shows, for a reader who has not got it. `published` and
    `quick`: the parameters of the paper, and fewer of them for a look; what a study computes is
    `units` of its parameters, and `gather` makes one labelled dataset of what these gave, in their
    order. `draw` and `judge` need the dataset alone, so that both can be done again at any time.
    """

    name: str
    paper: Paper
    title: str
    claim: str
    published: _P
    quick: _P
    units: Callable[[_P], Sequence[Unit]]
    gather: Callable[[_P, Sequence[Results]], "xr.Dataset"]
    draw: Callable[["xr.Dataset"], "Figure"]
    judge: Callable[["xr.Dataset"], Sequence[Verdict]]

    def compute(self, parameters: _P | None = None) -> "xr.Dataset":
        """The dataset, computed here and kept nowhere; of the published parameters, if not told."""
        chosen: Any = self.published if parameters is None else parameters
        return self.gather(chosen, [unit.compute() for unit in self.units(chosen)])
