"""How near maximum likelihood comes, in the axes of the DOA paper's Figs. 8 and 9.

Errors are of ψ/π, squared and averaged over ψ_x and ψ_y, wrapped; the directions are the paper's.
"""

from collections.abc import Sequence

import numpy as np

from ....doa import EffectiveSnr, Protocol, PsiSquare, SteadySource
from ...mse_study import Contender, mse_points
from ...readings import StudiedDevice, designed_stack, published_arrays
from ..published_data import published_array

STACK, SMALL_ARRAY, LARGE_ARRAY = "stack", "small array", "large array"


def accuracy(
    *,
    device: str,
    reading: str,
    response: str,
    side: int,
    steps: int,
    snrs_db: Sequence[float],
    trials: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """A curve over the effective SNR: `mse`, its 99 % interval `low` to `high`, `bound`.

    `device`: "stack" for the published response, "small array" for a receiver at each of its
    elements and as many snapshots, "large array" for N T elements and one snapshot. `bound`: the
    Cramér-Rao bound of what the reading may use, NaN for a strongest bin.
    """
    studied = _device(device, response, Protocol(side, side, steps, steps))
    points = mse_points(
        [Contender(studied, reading)],
        [EffectiveSnr(float(db)) for db in snrs_db],
        source=SteadySource(),
        directions=PsiSquare(),
        trials=trials,
        seed=seed,
    )
    names = ("mse", "low", "high", "bound")
    table = np.array([(p.mse, p.low, p.high, p.lower_bound) for p in points])
    return dict(zip(names, table.T, strict=True))


def _device(name: str, response: str, protocol: Protocol) -> StudiedDevice:
    if name == STACK:
        return designed_stack(STACK, published_array(response), protocol)
    small, large = published_arrays(protocol)
    return small if name == SMALL_ARRAY else large
