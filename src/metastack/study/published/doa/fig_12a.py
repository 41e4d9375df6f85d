"""Fig. 12a of the DOA paper: the 4x4 fit over the spacing of the receivers, for several layers."""

from dataclasses import dataclass
from functools import partial

from ..study import Paper, Study
from . import receivers
from .descents import BEST_4X4
from .receivers import Arrangement
from .spacing_verdicts import judge_spacing

# What 100 iterations of the paper's descent come to at half a wavelength, and no more.
_GOOD_DB = -20.0
_ARRANGEMENT = Arrangement(
    best=BEST_4X4,
    decay=0.95,
    along="receiver_spacing_wavelengths",
    name="spacing of the receivers",
    unit="wavelengths",
    compared="layers",
    kind="layers",
    parameters=("spacings_wavelengths", "layers", "our_layers"),
    lowest_db=-40,
)


@dataclass(frozen=True)
class Parameters:
    """The paper's, but for the numbers of layers, which are ours; the thickness stays at 12 λ."""

    spacings_wavelengths: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
    layers: tuple[int, ...] = (7, 10, 13)
    our_layers: tuple[int, ...] = (13,)
    iterations: int = 100
    starts: int = 10
    our_starts: int = 2
    seed: int = 0


STUDY = Study(
    name="doa-fig-12a",
    paper=Paper.DOA,
    title="The 4x4 fit over the spacing of the receivers, for several numbers of layers",
    claim="Few layers fit the 4x4 DFT less well; thirteen fit it well, unless the receivers are "
    "much closer than half a wavelength.",
    published=Parameters(),
    quick=Parameters(
        spacings_wavelengths=(0.3, 0.5),
        layers=(7, 13),
        our_layers=(),
        starts=3,
        our_starts=2,
    ),
    units=partial(receivers.units, _ARRANGEMENT),
    gather=partial(receivers.gather, _ARRANGEMENT),
    draw=partial(receivers.draw, _ARRANGEMENT),
    judge=partial(judge_spacing, able_layers=13, error_db=_GOOD_DB),
)
