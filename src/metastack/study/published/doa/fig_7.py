"""Fig. 7 of the DOA paper: the angular spectrum of 4x4 elements, by a stack and by computing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..study import Paper, Study
from . import spectra
from .descents import BEST_4X4
from .spectra import Spectra


@dataclass(frozen=True)
class Parameters(Spectra):
    """The paper's; the noise, which it leaves out, is ours."""

    response: str = "Fig_8a/DFT_4.mat"
    stack: Mapping[str, Any] = field(default_factory=lambda: BEST_4X4)
    side: int = 4
    steps: int = 32
    psi_over_pi: tuple[float, float] = (0.41702, 0.72032)
    goal_db: float = -60.0


STUDY = Study(
    name="doa-fig-7",
    paper=Paper.DOA,
    title="Angular spectrum of one source, 4x4 elements, 32 x 32 snapshots",
    claim="The trained stack shows almost the same spectrum as the digital 2D DFT, with its peak "
    "at the true direction.",
    published=Parameters(),
    quick=Parameters(runs=20),
    units=spectra.units,
    gather=spectra.gather,
    draw=spectra.draw,
    judge=spectra.judge,
)
