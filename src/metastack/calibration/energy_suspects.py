"""What may have been left out of a calibration from energies, by its score.

The slope of the log-likelihood towards further unknowns, at a fit without them, is as large as
their information makes it if noise alone is at work: a quadratic form of it is chi-square.

Source: C. R. Rao, Proc. Camb. Phil. Soc. 44 (1948) 50; the candidates are those of `residual_test`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.stats
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..geometry import Pose
from ..stack import Stack
from .energy_calibration import EnergyCalibration
from .energy_model import EnergyModel, equations
from .gains import GainPerPort, GainPerSlot, Gains
from .illumination import Illumination
from .pilot_model import PilotModel, PoseModel
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


class _Beside(eqx.Module):
    """Fields with the derivatives by further displacements beside those by the unknowns."""

    fields: PilotModel
    more: PoseModel
    is_further: tuple[bool, ...] = eqx.field(static=True)

    def predict(self, values: Float[Array, " unknowns"]) -> Complex[Array, "slots antennas users"]:
        """Responses at unit gain, nothing further displaced."""
        return self.fields.predict(values[: values.size - sum(self.is_further)])

    def linearise(
        self, values: Float[Array, " unknowns"]
    ) -> tuple[
        Complex[Array, "slots antennas users"], Complex[Array, "slots antennas users unknowns"]
    ]:
        """Responses and all derivatives, nothing further displaced."""
        y, known = self.fields.linearise(values[: values.size - sum(self.is_further)])
        _, further = self.more.linearise(jnp.zeros(self.more.unknowns.size))
        return y, jnp.concatenate([known, further[..., np.array(self.is_further)]], axis=-1)

    def applied(self, values: Float[Array, " unknowns"]) -> tuple[Stack, Illumination]:
        """The stack and its users with these values."""
        return self.fields.applied(values[: values.size - sum(self.is_further)])


def suspects(calibration: EnergyCalibration) -> list[Suspect]:
    """Everything that may have been left out and can be tried, the likeliest first."""
    tried = sorted(_tried(calibration), key=lambda each: -each[1].beyond_chance)
    return [Suspect(*words, rise.p_value) for words, rise in tried]


def _tried(calibration: EnergyCalibration) -> Iterator[tuple[tuple[str, str], Rise]]:
    """What it is, what to do about it, and how likely it makes the energies."""
    shape = calibration.pilots.energies.shape
    found = calibration.gains.spread(jnp.asarray(calibration.log_gains), shape)
    if (beside := _with_other_freedoms(calibration)) is not None:
        advice = "Free more degrees of freedom: lateral shifts (dx), tilts (rx, ry), rotation (rz)."
        values = np.append(calibration.values, np.zeros(sum(beside.is_further)))
        rise = _rise(calibration, beside, calibration.gains, values, calibration.log_gains)
        yield ("other displacements", advice), rise
    for gains, advice in _GAINS:
        if gains.count(shape) <= calibration.gains.count(shape):
            continue
        each = gains.totals(jnp.broadcast_to(found, shape)) / gains.totals(jnp.ones(shape))
        rise = _rise(calibration, calibration.model, gains, calibration.values, each)
        yield (gains.sentence, advice), rise


def _with_other_freedoms(calibration: EnergyCalibration) -> _Beside | None:
    """Displacements of programmable layers that were not looked for, if any."""
    unknowns, everything = calibration.unknowns, Expected(Pose(*[np.inf] * len(DEGREES_OF_FREEDOM)))
    more = Unknowns.of(calibration.stack, calibration.illumination, everything)
    known = set(zip(unknowns.planes, unknowns.freedoms, strict=True))
    others = tuple(at not in known for at in zip(more.planes, more.freedoms, strict=True))
    model = PoseModel.of(more, calibration.pilots.plan)
    return _Beside(calibration.model, model, others) if any(others) else None


def _rise(
    calibration: EnergyCalibration,
    fields: PilotModel,
    gains: Gains,
    values: Float[np.ndarray, " unknowns"],
    log_gains: Float[AnyArray, " gains"],
) -> Rise:
    """How steeply the likelihood rises towards further unknowns."""
    fit, pilots = calibration.fit, calibration.pilots
    model = EnergyModel(fields, gains, jnp.asarray(pilots.noise_variance, float))
    whole = jnp.concatenate([jnp.asarray(values), jnp.asarray(log_gains)])
    told = equations(model, whole, jnp.asarray(pilots.energies))
    precision = np.zeros(len(whole))
    precision[: len(calibration.values)] = calibration.unknowns.precision
    slope = np.asarray(told.score) - precision * np.asarray(whole)
    inverse, rank = without_unseen(np.asarray(told.information), precision)
    more = rank - without_unseen(fit.matrix, calibration.fit.precision)[1]
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
