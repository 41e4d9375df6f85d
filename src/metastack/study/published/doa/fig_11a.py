"""Fig. 11a of the DOA paper: the 2x2 fit over the spacing of the receivers, for several layers."""

from dataclasses import dataclass
from functools import partial

from ..study import Paper, Study
from . import receivers
from .descents import BEST_2X2
from .receivers import EXACT_DB, Arrangement
from .spacing_verdicts import judge_spacing

_ARRANGEMENT = Arrangement(
    best=BEST_2X2,
    decay=0.8,
    along="receiver_spacing_wavelengths",
    name="spacing of the receivers",
    unit="wavelengths",
    compared="layers",
    kind="layers",
    parameters=("spacings_wavelengths", "layers", "our_layers"),
)


@dataclass(frozen=True)
class Parameters:
    """The paper's, but for the numbers of layers, which are ours; the thickness stays at 9 λ."""

    spacings_wavelengths: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    layers: tuple[int, ...] = (1, 3, 5, 7)
    our_layers: tuple[int, ...] = (3, 5, 7)
    iterations: int = 100
    starts: int = 10
    our_starts: int = 5
    seed: int = 0


STUDY = Study(
    name="doa-fig-11a",
    paper=Paper.DOA,
    title="The 2x2 fit over the spacing of the receivers, for several numbers of layers",
    claim="Few layers cannot fit the 2x2 DFT at any spacing; seven can, unless the receivers are "
    "much closer than half a wavelength.",
    published=Parameters(),
    quick=Parameters(
        spacings_wavelengths=(0.1, 0.3, 0.5, 1.0),
        layers=(1, 7),
        our_layers=(7,),
        starts=5,
        our_starts=2,
    ),
    units=partial(receivers.units, _ARRANGEMENT),
    gather=partial(receivers.gather, _ARRANGEMENT),
    draw=partial(receivers.draw, _ARRANGEMENT),
    judge=partial(judge_spacing, able_layers=5, error_db=EXACT_DB),
)
