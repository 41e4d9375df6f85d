"""What a file of pilots says of probes between layers, as named arrays.

`probe_readings`, slots x probes x users (or x probes, of one user), the mean of the noise taken
off; `probe_layers`, behind which layer each stands, from 1; `probe_positions_m`, probes x 3 in the
frame of the stack; `probe_noise`, what each reads in the dark, or all do, in units of the readings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Self

import numpy as np
from jaxtyping import Float, Int

from ..calibration.probes import PowerProbes, noise_of
from ..errors import require
from .pilot_arrays import Array, Arrays, listed

_NAMES = ("probe_readings", "probe_layers", "probe_positions_m", "probe_noise")


@dataclass(frozen=True, eq=False)
class ProbeArrays:
    """Probes one by one, and what they read."""

    readings: Float[np.ndarray, "slots probes users"]
    layers: Int[np.ndarray, " probes"]
    positions_m: Float[np.ndarray, "probes 3"]
    noise: Float[np.ndarray, " probes"]

    @classmethod
    def of(
        cls, probes: Sequence[PowerProbes], readings: Float[np.ndarray, "slots probes users"]
    ) -> Self:
        """The arrays of sets of probes."""
        layers = [np.full(len(each.positions_m), each.layer) for each in probes]
        places = np.concatenate([each.positions_m for each in probes])
        return cls(readings, np.concatenate(layers), places, noise_of(probes))

    @property
    def probes(self) -> tuple[PowerProbes, ...]:
        """Sets of neighbours that stand behind the same layer, in the order of the readings."""
        runs = groupby(range(len(self.layers)), key=lambda probe: int(self.layers[probe]))
        sets = [(layer, list(members)) for layer, members in runs]
        return tuple(
            PowerProbes(layer, self.positions_m[members], self.noise[members])
            for layer, members in sets
        )

    def arrays(self) -> dict[str, Array]:
        """By name, as `probes_in` reads them."""
        return dict(
            zip(_NAMES, (self.readings, self.layers, self.positions_m, self.noise), strict=True)
        )


def probes_in(arrays: Arrays, slots: int) -> ProbeArrays | None:
    """Probes and their readings, where the file has any.

    Raises:
        InputError: some of the arrays only; shapes that contradict each other; values that are not
            real, not finite or cannot be.
    """
    there = [name for name in _NAMES if name in arrays]
    if not there:
        return None
    require(
        len(there) == len(_NAMES),
        f"Of probes the file must hold {listed(_NAMES)}, but holds {listed(there)} only.",
    )
    readings, layers, places, noise = (_real(arrays, name) for name in _NAMES)
    readings = readings[:, :, None] if readings.ndim == 2 else readings
    many = layers.size
    require(
        readings.ndim == 3 and readings.shape[:2] == (slots, many),
        f"`probe_readings` must be slots x probes x users, {slots} x {many} x users, but have "
        f"shape {readings.shape}.",
    )
    require(
        places.shape == (many, 3),
        f"`probe_positions_m` must be {many} probes x 3, but have shape {places.shape}.",
    )
    require(
        noise.size in (1, many),
        f"`probe_noise` must be one number or one for each of {many} probes, but are {noise.size}.",
    )
    require(bool(np.all(noise > 0)), f"`probe_noise` must be positive, but is {noise.min():.4g}.")
    numbers = layers.ravel().astype(int)
    require(
        bool(np.all((numbers == layers.ravel()) & (numbers >= 1))),
        f"`probe_layers` must be whole numbers from 1, but one is {layers.min():g}.",
    )
    return ProbeArrays(readings, numbers, places, np.broadcast_to(noise.ravel(), many).copy())


def _real(arrays: Arrays, name: str) -> Float[np.ndarray, "..."]:
    array = np.asarray(arrays[name])
    require(
        array.dtype.kind in "iuf" and array.size > 0,
        f"`{name}` must be real numbers, but is {array.dtype} of shape {array.shape}.",
    )
    require(bool(np.isfinite(array).all()), f"`{name}` must be finite, but is not.")
    return np.ascontiguousarray(array, np.float64)
