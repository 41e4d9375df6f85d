"""Fig. 6 of the DOA paper: the angular spectrum of 2x2 elements, by a stack and by computing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..study import Paper, Study
from . import spectra
from .descents import BEST_2X2
from .spectra import Spectra


@dataclass(frozen=True)
class Parameters(Spectra):
    """The paper's; the noise, which it leaves out, is ours."""

    response: str = "Fig_7a/DFT_2.mat"
    stack: Mapping[str, Any] = field(default_factory=lambda: BEST_2X2)
    side: int = 2
    steps: int = 64
    psi_over_pi: tuple[float, float] = (-0.51394, -0.77317)
    goal_db: float = -200.0


STUDY = Study(
    name="doa-fig-6",
    paper=Paper.DOA,
    title="Angular spectrum of one source, 2x2 elements, 64 x 64 snapshots",
    claim="The trained stack shows almost the same spectrum as the digital 2D DFT, with its peak "
    "at the true direction.",
    published=Parameters(),
    quick=Parameters(runs=20),
    units=spectra.units,
    gather=spectra.gather,
    draw=spectra.draw,
    judge=spectra.judge,
)
