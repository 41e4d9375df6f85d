"""Where to put probes, and how much noise makes an SNR of theirs.

Source: H. Vogel, Mathematical Biosciences 44 (1979) 179, for points that cover a disc evenly; the
reference for the SNR is ours.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .illumination import Illumination
from .pilots import random_plan
from .probes import PowerProbes, check_probes, probe_powers, with_noise_variance

# So many random patterns tell the mean power of a set of probes to .2 dB.
_REFERENCE_SLOTS = 512
_GOLDEN_ANGLE_RAD = np.pi * (3 - np.sqrt(5))


def spread_atoms(stack: Stack, count: int) -> Int[np.ndarray, " count"]:
    """Atoms of a layer that cover it evenly, and no two of them alike about the axis.

    Raises:
        InputError: fewer than one, or more than there are.
    """
    _check_count(stack, count)
    places = np.asarray(stack.layer_array.positions_m)[:, :2]
    number = np.arange(count)
    turns = _GOLDEN_ANGLE_RAD * (number + 1)
    share = np.sqrt((number + 0.5) / count)[:, None]
    wanted = share * np.abs(places).max(axis=0) * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    chosen = list[int]()
    for place in wanted:
        far = np.linalg.norm(places - place, axis=1)
        far[chosen] = np.inf
        chosen.append(int(np.argmin(far)))
    return np.array(chosen)


def random_atoms(stack: Stack, count: int, *, seed: int) -> Int[np.ndarray, " count"]:
    """Atoms of a layer by chance, no two the same.

    Raises:
        InputError: fewer than one, or more than there are.
    """
    _check_count(stack, count)
    return np.random.default_rng(seed).permutation(stack.layer_array.size)[:count]


@in_float64
def probes_at_snr(
    stack: Stack,
    illumination: Illumination,
    probes: Sequence[PowerProbes],
    snr_db: float,
) -> list[PowerProbes]:
    """The same probes with noise so that they see the wave at an SNR.

    It is the mean power at the probes of a set, over random phases and users, that counts: all of a
    set have the same noise.

    Raises:
        InputError: probes that cannot be; an SNR beyond ±300 dB.
    """
    check_probes(probes, stack)
    require(abs(snr_db) <= 300, f"The probes' SNR must be within ±300 dB, but is {snr_db}.")
    plan = random_plan(stack, _REFERENCE_SLOTS, illumination, seed=0)
    shown = stack.atoms(jnp.asarray(plan.phases_rad))
    powers = np.asarray(probe_powers(stack, illumination, shown, probes)).mean(axis=(0, 2))
    sizes = [len(each.positions_m) for each in probes]
    sets = np.split(powers, np.cumsum(sizes)[:-1])
    means = np.concatenate([np.full(len(each), each.mean()) for each in sets])
    return with_noise_variance(probes, means * 10 ** (-snr_db / 10))


def _check_count(stack: Stack, count: int) -> None:
    atoms = stack.layer_array.size
    require(
        1 <= count <= atoms,
        f"Probes behind a layer must be from 1 to {atoms}, its atoms, but are {count}.",
    )
