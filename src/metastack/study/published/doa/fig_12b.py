"""Fig. 12b of the DOA paper: the 4x4 fit over the rotation of the receivers, for several atoms."""

from dataclasses import dataclass
from functools import partial

from ..study import Paper, Study
from . import receivers
from .descents import BEST_4X4
from .receivers import Arrangement
from .rotation_verdicts import judge_rotation

_ARRANGEMENT = Arrangement(
    best=BEST_4X4,
    decay=0.95,
    along="receiver_rotation_deg",
    name="rotation of the receivers",
    unit="degrees",
    compared="atoms_per_side",
    kind="atoms a side",
    parameters=("rotations_deg", "atoms_per_side", "our_atoms_per_side"),
    lowest_db=-40,
)


@dataclass(frozen=True)
class Parameters:
    """The paper's, but for the numbers of atoms, which are ours."""

    rotations_deg: tuple[float, ...] = (0, 15, 30, 45, 60, 75, 90)
    atoms_per_side: tuple[int, ...] = (9, 12, 15)
    our_atoms_per_side: tuple[int, ...] = (15,)
    iterations: int = 100
    starts: int = 10
    our_starts: int = 2
    seed: int = 0


STUDY = Study(
    name="doa-fig-12b",
    paper=Paper.DOA,
    title="The 4x4 fit over the rotation of the receivers, for several numbers of atoms",
    claim="Layers of few atoms cannot fit the 4x4 DFT; with enough of them the fit does not depend "
    "on how the receivers are turned.",
    published=Parameters(),
    quick=Parameters(
        rotations_deg=(15, 45, 75),
        atoms_per_side=(9, 15),
        our_atoms_per_side=(),
        starts=3,
        our_starts=2,
    ),
    units=partial(receivers.units, _ARRANGEMENT),
    gather=partial(receivers.gather, _ARRANGEMENT),
    draw=partial(receivers.draw, _ARRANGEMENT),
    judge=judge_rotation,
)
