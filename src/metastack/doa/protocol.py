"""The estimation protocol: what the input layer does from snapshot to snapshot, and what it means.

The programmable layers stay as designed; only the input layer switches. Snapshot (t_x, t_y) puts
a phase ramp on it that moves every DFT bin by t_x / T_x of the distance to the next, so that the
probes of all snapshots together sample the angular spectrum on a grid T_x T_y times finer.

Source: DOA paper, section IV-A, eq. (25)-(27).
"""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float, Int

from ..errors import require
from ..geometry import column_and_row


@dataclass(frozen=True)
class Protocol:
    """`columns` x `rows` elements and as many probes, T_x x T_y snapshots.

    Elements and probes count n = n_y N_x + n_x, snapshots t = t_y T_x + t_x: x fastest, from 0.
    Probe n is the DFT bin n of `metastack.targets.dft_2d`.
    """

    columns: int
    rows: int
    snapshots_x: int
    snapshots_y: int

    def __post_init__(self) -> None:
        for field in fields(self):
            count = getattr(self, field.name)
            whole = isinstance(count, int | np.integer) and not isinstance(count, bool)
            require(
                bool(whole and count >= 1),
                f"`{field.name}` must be a whole number and at least 1, but is {count!r}.",
            )

    @property
    def elements(self) -> int:
        """Number of elements of the input layer, and of probes, N."""
        return self.columns * self.rows

    @property
    def snapshots(self) -> int:
        """Number of snapshots, T = T_x T_y."""
        return self.snapshots_x * self.snapshots_y

    @property
    def grid_shape(self) -> tuple[int, int]:
        """Bins of the fine grid in y and in x: N_y T_y, N_x T_x."""
        return self.rows * self.snapshots_y, self.columns * self.snapshots_x

    @property
    def input_phases_rad(self) -> Float[np.ndarray, "snapshots elements"]:
        """Phases of the input layer in every snapshot, radians, eq. (25)."""
        column, row = column_and_row(self.columns, self.rows)
        t_x, t_y = column_and_row(self.snapshots_x, self.snapshots_y)
        bins_y, bins_x = self.grid_shape
        return -2 * np.pi * (np.outer(t_x, column) / bins_x + np.outer(t_y, row) / bins_y)

    @property
    def bins_rad(
        self,
    ) -> tuple[
        Float[np.ndarray, "snapshots probes"],
        Float[np.ndarray, "snapshots probes"],
    ]:
        """Electrical angles ψ_x, ψ_y in [-π, π) that every probe listens to in every snapshot.

        Eq. (29), (30): ψ_x / π = mod(2 [n_x / N_x + t_x / (N_x T_x)] + 1, 2) - 1.
        """
        n_x, n_y = column_and_row(self.columns, self.rows)
        t_x, t_y = column_and_row(self.snapshots_x, self.snapshots_y)
        bins_y, bins_x = self.grid_shape
        return (
            bin_angle_rad(n_x * self.snapshots_x + t_x[:, None], bins_x),
            bin_angle_rad(n_y * self.snapshots_y + t_y[:, None], bins_y),
        )


def bin_angle_rad(index: Int[np.ndarray, "*shape"], bins: int) -> Float[np.ndarray, "*shape"]:
    """2π `index` / `bins` wrapped to [-π, π), `index` counting from 0 to `bins` - 1.

    The wrapping is done in whole numbers, so that bins at the edge never change sides by rounding.
    """
    wrapped = np.where(2 * index < bins, index, index - bins)
    return 2 * np.pi * wrapped / bins
