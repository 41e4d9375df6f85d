"""How near calibrated links are to the true ones: three figures, of which none stands for another.

Raw: every matrix as it was found, the paper's figure. Of a fit of every coefficient it says more
about the gauge than about the fit. Aligned: in the gauge that is nearest to the truth, what pilots
can tell of matrices. Held out: what antennas receive in slots that were not in the fit, for which
calibration is done.

An overall complex gain is not the matrices' to know. It is left in the raw figures, where only the
matrix that carries it is affected, and of a pose fit none; it counts as one more gauge in the
aligned ones, taken out of the last matrix; and it is fitted in the held-out one.

Source: calibration paper, section IV, for the raw figure; DESIGN.md for the others.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Complex, Float

from ..stack import Stack
from .gauge import Matrices, in_nearest_gauge, matrix_nmse, through_layers
from .gauge_orbit import swept_gauge
from .illumination import Illumination
from .links import Links
from .pilots import PilotPlan, noiseless, random_plan


@dataclass(frozen=True)
class ThreeFigures:
    """NMSE of links against the true ones, linear.

    `raw` and `aligned`: of every matrix, from users to antennas; `held_out`: of responses to
    random phases. `gain`: the overall gain of the found links over the true ones.
    """

    raw: Float[np.ndarray, " matrices"]
    aligned: Float[np.ndarray, " matrices"]
    held_out: float
    gain: complex

    @classmethod
    def of(cls, found: Links, truth: Links, *, slots: int = 500, seed: int = 0) -> Self:
        """Compare `found` with `truth`, held out being `slots` random patterns.

        Raises:
            InputError: links of different shapes.
        """
        there, here = [np.asarray(A) for A in found], [np.asarray(A) for A in truth]
        shown = _random_patterns(len(here) - 1, len(here[0]), slots, seed)
        gain, held_out = _held_out(there, here, shown)
        swept = list(swept_gauge(found, truth))
        swept[-1] = swept[-1] / _held_out(swept, here, shown)[0]
        aligned = in_nearest_gauge(swept, here)
        return cls(matrix_nmse(there, here), matrix_nmse(aligned, here), held_out, gain)


def end_to_end_nmse(
    found: Stack,
    truth: Stack,
    illumination: Illumination,
    *,
    found_illumination: Illumination | None = None,
    slots: int = 300,
    seed: int = 0,
) -> float:
    """NMSE of what a calibrated stack says that antennas receive in slots held out of the fit.

    With the atoms as they were found and as they are; one overall gain is fitted.
    `found_illumination`: the users as they were found, where that was asked.
    """
    plan = random_plan(truth, slots, illumination, seed=seed)
    there = PilotPlan(plan.phases_rad, found_illumination or illumination)
    f, y = noiseless(found, there), noiseless(truth, plan)
    energy, overlap = np.sum(np.abs(y) ** 2), np.vdot(f, y)
    fitted = overlap / np.sum(np.abs(f) ** 2)
    return float(np.sum(np.abs(y - fitted * f) ** 2) / energy)


def _random_patterns(
    layers: int, atoms: int, slots: int, seed: int
) -> Complex[np.ndarray, "slots layers atoms"]:
    turns = np.random.default_rng(seed).random((slots, layers, atoms))
    return np.exp(2j * np.pi * turns)


def _held_out(
    found: Matrices, truth: Matrices, shown: Complex[np.ndarray, "slots layers atoms"]
) -> tuple[complex, float]:
    """Gain of what is received over what is true, and the NMSE once it is taken out."""
    f, y = (np.asarray(through_layers(each, shown)) for each in (found, truth))
    fitted = np.vdot(f, y) / np.vdot(f, f)
    energy = np.sum(np.abs(y) ** 2)
    return 1 / complex(fitted), float(np.sum(np.abs(y - fitted * f) ** 2) / energy)
