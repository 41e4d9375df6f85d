"""What may have been left out of a calibration from energies, by its score.

The slope of the log-likelihood towards further unknowns, at a fit without them, is as large as
their information makes it if noise alone is at work: a quadratic form of it is chi-square.

Source: C. R. Rao, Proc. Camb. Phil. Soc. 44 (1948) 50; the candidates are those of `residual_test`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy.stats
from jaxtyping import Array, Complex, Float

from ..geometry import Pose
from .energy_calibration import EnergyCalibration
from .energy_model import PowerScale, equations_of
from .gains import GainPerPort, GainPerSlot, Gains
from .pilot_model import PoseModel, linearised
from .residual_test import Suspect
from .unknowns import DEGREES_OF_FREEDOM, Expected, Unknowns

# Scaled eigenvalues below are rounding: what the energies do not see at all.
_UNTOLD = 1e-10
_GAINS: tuple[tuple[Gains, str], ...] = (
    (GainPerPort(), "Let every port have a gain of its own (--gain per-port)."),
    (GainPerSlot(), "Let every slot have a gain of its own (--gain per-slot)."),
)


class Rise(NamedTuple):
    """How much further unknowns lower -2 log-likelihood, about, and how many they are."""

    statistic: float
    more: int

    @property
    def p_value(self) -> float:
        """The chance that noise alone makes it as much."""
        return float(scipy.stats.chi2.sf(self.statistic, self.more)) if self.more else 1.0

    @property
    def beyond_chance(self) -> float:
        """More than noise makes, on average; comparable where chances are too small to print."""
        return self.statistic - 2 * self.more


def suspects(calibration: EnergyCalibration) -> list[Suspect]:
    """Everything that may have been left out and can be tried, the likeliest first."""
    tried = sorted(_tried(calibration), key=lambda each: -each[1].beyond_chance)
    return [Suspect(*words, rise.p_value) for words, rise in tried]


def _tried(calibration: EnergyCalibration) -> Iterator[tuple[tuple[str, str], Rise]]:
    """What it is, what to do about it, and how likely it makes the energies."""
    shape = calibration.pilots.energies.shape
    y, slopes = linearised(calibration.model, jnp.asarray(calibration.values))
    log_gains = jnp.asarray(calibration.log_gains)
    further = _other_slopes(calibration)
    if further.shape[-1]:
        advice = "Free more degrees of freedom: lateral shifts (dx), tilts (rx, ry), rotation (rz)."
        both = jnp.concatenate([slopes, further], axis=-1)
        rise = _rise(calibration, calibration.gains, log_gains, y, both)
        yield ("other displacements", advice), rise
    found = calibration.gains.spread(log_gains, shape)
    for gains, advice in _GAINS:
        if gains.count(shape) > calibration.gains.count(shape):
            each = gains.totals(jnp.broadcast_to(found, shape)) / gains.totals(jnp.ones(shape))
            yield (gains.sentence, advice), _rise(calibration, gains, each, y, slopes)


def _other_slopes(
    calibration: EnergyCalibration,
) -> Complex[Array, "slots antennas users others"]:
    """Derivatives by displacements of programmable layers that were not looked for."""
    unknowns, everything = calibration.unknowns, Expected(Pose(*[np.inf] * len(DEGREES_OF_FREEDOM)))
    more = Unknowns.of(calibration.stack, calibration.illumination, everything)
    known = set(zip(unknowns.planes, unknowns.freedoms, strict=True))
    others = [at not in known for at in zip(more.planes, more.freedoms, strict=True)]
    model = PoseModel.of(more, calibration.pilots.plan)
    _, slopes = linearised(model, jnp.zeros(more.size))
    return slopes[..., np.array(others)]


def _rise(
    calibration: EnergyCalibration,
    gains: Gains,
    log_gains: Float[Array, " gains"],
    y: Complex[Array, "slots antennas users"],
    slopes: Complex[Array, "slots antennas users unknowns"],
) -> Rise:
    """How steeply the likelihood rises towards further unknowns, beginning with those found."""
    fit, pilots = calibration.fit, calibration.pilots
    scale = PowerScale(gains, jnp.asarray(pilots.noise_variance, float))
    told = equations_of(scale, log_gains, y, slopes, jnp.asarray(pilots.energies))
    pull, precision = np.zeros(len(told.score)), np.zeros(len(told.score))
    precision[: len(calibration.values)] = calibration.unknowns.precision
    pull[: len(calibration.values)] = calibration.unknowns.precision * calibration.values
    slope = np.asarray(told.score) - pull
    inverse, rank = without_unseen(np.asarray(told.information), precision)
    more = rank - without_unseen(fit.matrix, fit.precision)[1]
    is_possible = more > 0 and rank < pilots.energies.size
    return Rise(float(slope @ inverse @ slope), more) if is_possible else Rise(0.0, 0)


def without_unseen(
    information: Float[np.ndarray, "n n"], precision: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "n n"], int]:
    """(I + Λ)^{-1} and its rank, without what is not told at all."""
    whole = information + np.diag(precision)
    scale = np.sqrt(np.diag(whole) + np.finfo(float).tiny)
    eigenvalues, vectors = np.linalg.eigh(whole / np.outer(scale, scale))
    told = eigenvalues > _UNTOLD * eigenvalues[-1]
    vectors = vectors[:, told] / scale[:, None]
    return (vectors / eigenvalues[told]) @ vectors.T, int(told.sum())
