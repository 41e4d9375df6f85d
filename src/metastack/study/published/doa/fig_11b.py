"""Fig. 11b of the DOA paper: the 2x2 fit over the rotation of the receivers, for several atoms."""

from dataclasses import dataclass
from functools import partial

from ..study import Paper, Study
from . import receivers
from .descents import BEST_2X2
from .receivers import Arrangement
from .rotation_verdicts import judge_rotation

_ARRANGEMENT = Arrangement(
    best=BEST_2X2,
    decay=0.8,
    along="receiver_rotation_deg",
    name="rotation of the receivers",
    unit="degrees",
    compared="atoms_per_side",
    kind="atoms a side",
    parameters=("rotations_deg", "atoms_per_side", "our_atoms_per_side"),
)


@dataclass(frozen=True)
class Parameters:
    """The paper's, but for the numbers of atoms, which are ours."""

    rotations_deg: tuple[float, ...] = (0, 10, 20, 30, 40, 45, 50, 60, 70, 80, 90)
    atoms_per_side: tuple[int, ...] = (5, 7, 9, 11)
    our_atoms_per_side: tuple[int, ...] = (7, 9, 11)
    iterations: int = 100
    starts: int = 10
    our_starts: int = 5
    seed: int = 0


STUDY = Study(
    name="doa-fig-11b",
    paper=Paper.DOA,
    title="The 2x2 fit over the rotation of the receivers, for several numbers of atoms",
    claim="Layers of few atoms cannot fit the 2x2 DFT; with enough of them the fit does not depend "
    "on how the receivers are turned.",
    published=Parameters(),
    quick=Parameters(
        rotations_deg=(15, 45, 75),
        atoms_per_side=(5, 11),
        our_atoms_per_side=(11,),
        starts=5,
        our_starts=2,
    ),
    units=partial(receivers.units, _ARRANGEMENT),
    gather=partial(receivers.gather, _ARRANGEMENT),
    draw=partial(receivers.draw, _ARRANGEMENT),
    judge=judge_rotation,
)
