"""How much noise a probe sees: the meanings of 'SNR', each a type of its own.

Every level says what is done to the response (`scale`) and how much noise is added (`variance`).
The source puts unit power on every element of the input layer throughout.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Complex

from .._types import AnyArray
from ..errors import require
from ..precision import float64
from ..targets import best_scale


@dataclass(frozen=True)
class EffectiveSnr:
    """The DOA paper's SNR, in dB: the response is first scaled to its target.

    The response becomes βG with β of eq. (24), so that a good fit has the gain of the unnormalised
    DFT, and every probe gets noise of variance 1/SNR: the peak has N² times this SNR. The
    insertion loss of the device is hidden; `PhysicalSnr` shows it. Source: section VI-D.
    """

    db: float

    def __post_init__(self) -> None:
        _check_db(self.db)

    @property
    def variance(self) -> float:
        """Noise power of one probe in one snapshot."""
        return 10 ** (-self.db / 10)

    def scale(
        self,
        response: Complex[AnyArray, "receivers inputs"],
        target: Complex[AnyArray, "probes elements"],
    ) -> complex:
        """β, which brings βG nearest to the target, eq. (24).

        Raises:
            InputError: `response` has not the shape of its target.
        """
        require(
            np.shape(response) == np.shape(target),
            f"`response` must have the shape of its target, {np.shape(target)}, for an effective "
            f"SNR, but has {np.shape(response)}; a physical SNR needs no target.",
        )
        with float64():
            return complex(np.asarray(best_scale(response, target))[0, 0])


@dataclass(frozen=True)
class PhysicalSnr:
    """SNR at the aperture, in dB: power of one input element over noise power of one probe.

    The response stays as it is, insertion loss and all.
    """

    db: float

    def __post_init__(self) -> None:
        _check_db(self.db)

    @property
    def variance(self) -> float:
        """Noise power of one probe in one snapshot."""
        return 10 ** (-self.db / 10)

    def scale(
        self,
        response: Complex[AnyArray, "receivers inputs"],
        target: Complex[AnyArray, "probes elements"],
    ) -> complex:
        """1: the device as it is."""
        return 1 + 0j


@dataclass(frozen=True)
class Noiseless:
    """No noise; the response stays as it is."""

    @property
    def variance(self) -> float:
        """0."""
        return 0.0

    def scale(
        self,
        response: Complex[AnyArray, "receivers inputs"],
        target: Complex[AnyArray, "probes elements"],
    ) -> complex:
        """1: the device as it is."""
        return 1 + 0j


# Beyond this, energies leave what double precision can hold.
MOST_DB = 300.0

NoiseLevel: TypeAlias = EffectiveSnr | PhysicalSnr | Noiseless


def _check_db(db: float) -> None:
    require(
        bool(np.isfinite(db)),
        f"`db` must be finite, but is {db}; without noise is `Noiseless()`.",
    )
    require(abs(db) <= MOST_DB, f"`db` must be within ±{MOST_DB:g}, but is {db}.")
