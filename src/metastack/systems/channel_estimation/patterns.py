"""Patterns of phases that need no design.

Source: X. Yao, J. An et al., 2024 (see `sensing`), for random ones; J. An et al., Low-complexity
channel estimation and passive beamforming for RIS-assisted MIMO systems, 2022, for Fourier ones.
"""

import jax
import numpy as np
from jaxtyping import Array, Float, Key

from ...errors import require
from ...precision import in_float64


@in_float64
def random_patterns(
    slots: int, phases_shape: tuple[int, int], key: Key[Array, ""]
) -> Float[np.ndarray, "slots layers atoms"]:
    """Every phase uniform on the circle.

    Raises:
        InputError: no slot.
    """
    _check_slots(slots)
    return np.asarray(jax.random.uniform(key, (slots, *phases_shape), maxval=2 * np.pi))


def fourier_patterns(
    slots: int, phases_shape: tuple[int, int]
) -> Float[np.ndarray, "slots layers atoms"]:
    """The first layer shows the columns of a DFT, one a slot; all other layers stay at zero.

    Behind one layer and one antenna no other patterns tell more, from as many slots as atoms on.
    Further layers only dim what they let through.

    Raises:
        InputError: no slot.
    """
    _check_slots(slots)
    turns = np.outer(np.arange(slots), np.arange(phases_shape[1])) / slots
    phases = np.zeros((slots, *phases_shape))
    phases[:, 0] = 2 * np.pi * (turns % 1)
    return phases


def _check_slots(slots: int) -> None:
    require(slots >= 1, f"There must be one slot at least, but there are {slots}.")
