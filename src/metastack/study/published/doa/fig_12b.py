"""Fig. 12b of the DOA paper: the 4x4 fit over the rotation of the receivers, for several atoms."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import xarray as xr

from ...units import Results, Unit
from ..study import Paper, Study
from . import receivers
from .descents import BEST_4X4
from .receivers import Arrangement, Runs
from .rotation_verdicts import judge_rotation

_ARRANGEMENT = Arrangement(
    best=BEST_4X4,
    decay=0.95,
    along="receiver_rotation_deg",
    name="rotation of the receivers",
    unit="degrees",
    compared="atoms_per_side",
    kind="atoms a side",
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


def _runs(p: Parameters) -> Runs:
    return Runs(
        along=p.rotations_deg,
        compared=p.atoms_per_side,
        ours=p.our_atoms_per_side,
        iterations=p.iterations,
        starts=p.starts,
        our_starts=p.our_starts,
        seed=p.seed,
    )


def units(parameters: Parameters) -> list[Unit]:
    """Descents of every stack at every angle, then our method."""
    return receivers.units(_ARRANGEMENT, _runs(parameters))


def gather(parameters: Parameters, results: Sequence[Results]) -> xr.Dataset:
    """NMSE and insertion loss in dB over atoms, angles and starts."""
    return receivers.gather(_ARRANGEMENT, _runs(parameters), results)


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
    units=units,
    gather=gather,
    draw=partial(receivers.draw, _ARRANGEMENT),
    judge=judge_rotation,
)
