"""Table I of the DOA paper: which stack fits the 2x2 DFT best, in three rounds of 81 stacks."""

from functools import partial

from ..study import Paper, Study
from .ablation import Ablation, Parameters, Round, gather, units
from .ablation_figure import draw
from .ablation_verdicts import judge
from .descents import BEST_2X2

TABLE = Ablation(
    folder="Tab_I",
    ports=2,
    divided_wavelengths=2,
    decay=0.8,
    success_db=-30,
    best=BEST_2X2,
    rounds={
        1: Round((3, 6, 9), (3, 6, 9), (3, 6, 9), (3, 6, 9)),
        2: Round((7, 9, 11), (4, 6, 8), (1, 3, 5), (4, 6, 8)),
        3: Round((10, 11, 12), (7, 8, 9), (2, 3, 4), (5, 6, 7)),
    },
)

STUDY = Study(
    name="doa-table-1",
    paper=Paper.DOA,
    title="The best stack for the 2x2 DFT: three rounds of an ablation",
    claim="Of 243 stacks in three rounds, each finer and around the best of the last, that of "
    "11x11 atoms at half a wavelength, 9 wavelengths thick with 7 layers, fits the 2x2 DFT best.",
    published=Parameters(),
    quick=Parameters(rounds=(3,), shapes=2, starts=5, our_starts=2),
    units=partial(units, TABLE),
    gather=partial(gather, TABLE),
    draw=draw,
    judge=judge,
)
