"""Fig. 9a of the DOA paper: a stack of 2x2 elements against digital beamforming."""

from dataclasses import dataclass

from ..study import Paper, Study
from . import beamforming
from .beamforming import Comparison


@dataclass(frozen=True)
class Parameters(Comparison):
    """The text lost the number of snapshots; the more of the two of Fig. 8."""

    response: str = "Fig_7a/DFT_2.mat"
    side: int = 2
    steps: int = 4


STUDY = Study(
    name="doa-fig-9a",
    paper=Paper.DOA,
    title="Stack and digital beamforming over the SNR, 2x2 elements",
    claim="The stack, which reads energies, does similarly well to digital beamforming, which "
    "needs phases; an array of as many elements as the stack has probes and snapshots is a lower "
    "bound in a single snapshot, and the gap narrows as the SNR grows.",
    published=Parameters(),
    quick=Parameters(snrs_db=(10.0, 20.0, 30.0), trials=4000, our_trials=1000, ours=("ml",)),
    units=beamforming.units,
    gather=beamforming.gather,
    draw=beamforming.draw,
    judge=beamforming.judge,
)
