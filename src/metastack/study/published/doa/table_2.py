"""Table II of the DOA paper: which stack fits the 4x4 DFT best, in three rounds of 81 stacks.

None reaches -30 dB in 100 iterations of the paper's descent, in the published table or in most of
our starts, so that -20 dB is what success is here.
"""

from functools import partial

from ..study import Paper, Study
from .ablation import Ablation, Parameters, Round, gather, units
from .ablation_figure import draw
from .ablation_verdicts import judge
from .descents import BEST_4X4

TABLE = Ablation(
    folder="Tab_II",
    ports=4,
    divided_wavelengths=4,
    decay=0.95,
    success_db=-20,
    best=BEST_4X4,
    rounds={
        1: Round((6, 9, 12), (6, 9, 12), (6, 9, 12), (6, 9, 12)),
        2: Round((10, 12, 14), (7, 9, 11), (7, 9, 11), (10, 12, 14)),
        3: Round((13, 14, 15), (10, 11, 12), (8, 9, 10), (11, 12, 13)),
    },
)

STUDY = Study(
    name="doa-table-2",
    paper=Paper.DOA,
    title="The best stack for the 4x4 DFT: three rounds of an ablation",
    claim="Of 243 stacks in three rounds, each finer and around the best of the last, that of "
    "15x15 atoms at 4/9 of a wavelength, 12 wavelengths thick with 13 layers, fits the 4x4 DFT "
    "best.",
    published=Parameters(),
    quick=Parameters(rounds=(3,), shapes=1, starts=3, our_starts=2),
    units=partial(units, TABLE),
    gather=partial(gather, TABLE),
    draw=draw,
    judge=judge,
)
