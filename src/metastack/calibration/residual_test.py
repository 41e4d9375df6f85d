"""Is what a calibration leaves of the pilots noise? And if not, what would explain it?

Where the noise is known, the residual energy is compared with its chi-square law. Known or not,
each thing that may have been left out is tried: its derivatives at the fitted stack should take
from the residual no more than their number of degrees of freedom deserves (Fisher's F).

Source: G. Seber and C. Wild, Nonlinear Regression, section 5; leave-one-out by leverages, section
10; the candidates are ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import jax.numpy as jnp
import numpy as np
import scipy.stats
from jaxtyping import Array, Complex, Float

from ..geometry import Pose
from ..precision import in_float64
from .gains import GainPerPort, GainPerSlot, Gains
from .geometric import Calibration
from .least_squares import linear_problem
from .pilot_model import PoseAndAtomModel, PoseModel, linearised, predicted
from .unknowns import DEGREES_OF_FREEDOM, Expected, Unknowns

_EXPLAINED_P, _SUSPICIOUS_P = 1e-3, 1e-4
# Where noise that is known leaves as much as this so often, nothing needs to be tried.
_ABOVE_SUSPICION_P = 0.05
_MOST_TIMES_PRINTED = 1e6
# A fit that misses more of what it has not seen has found nothing.
_NOTHING_EXPLAINED_NMSE = 0.5
# Trying more of them would take longer than the calibration.
_MOST_ATOMS_TRIED = 700
_ROUNDING_NMSE = 1e-24


@dataclass(frozen=True, eq=False)
class Suspect:
    """Something left out of a calibration, with the chance that noise alone makes it look so."""

    what: str
    advice: str
    p_value: float


@dataclass(frozen=True, eq=False)
class ResidualTest:
    """What the residual says of the model.

    `noise_ratio`: residual energy over what the known noise should leave, 1 if all is well, and
    `p_value`, the chance of as much or more; both `None` where the noise is not known. `suspects`:
    what would explain the residual better than chance, the surest first. `held_out_nmse`: of
    responses that the fit has not seen, by leaving one out at a time. `noise_is_overstated`:
    whether even less is left than the known noise would leave by chance.
    """

    noise_ratio: float | None
    p_value: float | None
    suspects: tuple[Suspect, ...]
    held_out_nmse: float
    noise_is_overstated: bool = False

    @property
    def explained(self) -> bool:
        """Whether nothing speaks against the model."""
        if self.p_value is not None:
            return not self.suspects and self.p_value >= _EXPLAINED_P
        return not self.suspects and not self.says_nothing

    @property
    def says_nothing(self) -> bool:
        """Whether hardly anything of the pilots is explained, and no known noise excuses it."""
        is_noise = self.p_value is not None and self.p_value >= _EXPLAINED_P
        return self.held_out_nmse > _NOTHING_EXPLAINED_NMSE and not is_noise

    @property
    def sentence(self) -> str:
        """The verdict, and what to try."""
        if self.explained and self.p_value is None:
            return "The residual looks like noise: nothing that was tried explains it better."
        if self.explained and self.noise_is_overstated:
            return (
                f"The residual holds {self.noise_ratio:.3g} of the energy that the stated noise "
                "should leave: there is less noise than stated, and deviations are too large."
            )
        if self.explained:
            return f"The noise explains the residual ({self.noise_ratio:.3f} of what it should be)."
        if self.says_nothing:
            return (
                "The stack explains next to nothing of the pilots. Before anything else, look at "
                "the order of slots, layers and atoms, at units and sign of phases, at the time "
                "convention of the responses (--conjugate), at users and frequency."
            )
        left = "The residual is not noise"
        if self.noise_ratio is not None and self.noise_ratio < _MOST_TIMES_PRINTED:
            left = f"The residual holds {self.noise_ratio:.3g} times the energy that noise explains"
        if not self.suspects:
            return (
                f"{left}, and nothing that was tried explains it: the model is wrong. Look for "
                "stuck atoms, coupling, another interlayer model, a wrong frequency or spacing."
            )
        return f"{left}: the model is wrong. {' '.join(each.advice for each in self.suspects[:2])}"


@in_float64
def residual_test(calibration: Calibration) -> ResidualTest:
    """Test whether a calibration explains its pilots."""
    fitted = _Fitted(calibration)
    noise_ratio, p_value = fitted.against_noise()
    is_clear = p_value is not None and p_value > _ABOVE_SUSPICION_P
    suspects = [] if is_clear else sorted(fitted.suspects(), key=lambda each: each.p_value)
    return ResidualTest(
        noise_ratio,
        p_value,
        tuple(each for each in suspects if each.p_value < _SUSPICIOUS_P),
        fitted.held_out_nmse(),
        p_value is not None and p_value > 1 - _EXPLAINED_P and not fitted.is_rounding,
    )


class _Fitted:
    """The linear problem about a fit, in real numbers: residual r and Jacobian J."""

    def __init__(self, calibration: Calibration) -> None:
        fit = calibration.fit
        self.calibration = calibration
        self.gains = calibration.gains.count(fit.residual.shape)
        self.J, self.r = linear_problem(
            calibration.model,
            calibration.gains,
            jnp.asarray(fit.values),
            jnp.asarray(calibration.pilots.received),
        )
        damped = fit.matrix + fit.noise_variance / 2 * np.diag(fit.precision)
        self.inverse = np.linalg.pinv(damped, rcond=1e-13, hermitian=True)
        self.of_gains = 2 * self.gains
        self.told = float(np.trace(fit.matrix @ self.inverse)) + self.of_gains
        self.is_rounding = float(fit.history[-1]) < _ROUNDING_NMSE

    @property
    def freedom(self) -> float:
        """Real numbers in the residual that the fit left free."""
        return max(len(self.r) - self.told, 1.0)

    def against_noise(self) -> tuple[float | None, float | None]:
        """Residual energy over what the known noise leaves, and the chance of as much."""
        variance = self.calibration.pilots.noise_variance
        if variance is None or self.is_rounding:
            return (None, None) if variance is None else (1.0, 1.0)
        if variance == 0:
            return np.inf, 0.0
        statistic = 2 * float(self.r @ self.r) / variance
        return statistic / self.freedom, float(scipy.stats.chi2.sf(statistic, self.freedom))

    def held_out_nmse(self) -> float:
        """NMSE of every response predicted from all others, by its leverage."""
        leverage = np.einsum("np,pq,nq->n", self.J, self.inverse, self.J)
        leverage += self.of_gains / len(self.r)
        missed = self.r / np.maximum(1 - leverage, 0.05)
        return float(missed @ missed / np.sum(np.abs(self.calibration.pilots.received) ** 2))

    def suspects(self) -> Iterator[Suspect]:
        """Everything that may have been left out and can be tried with so many pilots."""
        if self.is_rounding:
            return
        for candidate in (_other_freedoms, _unequal_atoms):
            if (found := candidate(self.calibration)) is not None:
                what, advice, columns = found
                yield Suspect(what, advice, self._chance(*self._drop(columns)))
        for gains, advice in _GAINS:
            drop = float(self.r @ self.r) - _energy_with(self.calibration, gains)
            many = 2 * (gains.count(self.calibration.fit.residual.shape) - self.gains)
            yield Suspect(gains.sentence, advice, self._chance(drop, many))

    def _drop(self, columns: Float[np.ndarray, "numbers more"]) -> tuple[float, int]:
        """How much less is left with further unknowns, and how many these are."""
        table = np.concatenate([self.J, columns], axis=1)
        size = np.linalg.norm(table, axis=0)
        left, singular, _ = np.linalg.svd(table / np.where(size > 0, size, 1), full_matrices=False)
        left = left[:, singular > 1e-7 * singular[0]]
        # Columns and Jacobian are what gains have left, so that gains are no part of the rank.
        return float(np.sum((left.T @ self.r) ** 2)), round(
            left.shape[1] - self.told + self.of_gains
        )

    def _chance(self, drop: float, many: int) -> float:
        """That noise alone would let so many further unknowns lower the residual as far."""
        freedom = self.freedom - many
        if many < 1 or freedom < 1:
            return 1.0
        ratio = (drop / many) / ((self.r @ self.r - drop) / freedom)
        return float(scipy.stats.f.sf(ratio, many, freedom))


_Candidate: TypeAlias = tuple[str, str, Float[np.ndarray, "numbers more"]]
_GAINS: tuple[tuple[Gains, str], ...] = (
    (GainPerPort(), "Let every port have a gain of its own (--gain per-port)."),
    (GainPerSlot(), "Let every slot have a gain of its own (--gain per-slot)."),
)


def _other_freedoms(calibration: Calibration) -> _Candidate | None:
    """Displacements of programmable layers that were not looked for."""
    unknowns, plan = calibration.unknowns, calibration.pilots.plan
    everything = Expected(Pose(*[np.inf] * len(DEGREES_OF_FREEDOM)))
    more = Unknowns.of(calibration.stack, calibration.illumination, everything)
    known = set(zip(unknowns.planes, unknowns.freedoms, strict=True))
    others = [at not in known for at in zip(more.planes, more.freedoms, strict=True)]
    if not any(others):
        return None
    _, slopes = linearised(PoseModel.of(more, plan), jnp.zeros(more.size))
    left = calibration.gains.projected(_response(calibration), slopes)
    columns = calibration.fit.gain[..., None] * np.asarray(left)
    advice = "Free more degrees of freedom: lateral shifts (dx), tilts (rx, ry), rotation (rz)."
    return "other displacements", advice, _real_rows(columns[..., others])


def _unequal_atoms(calibration: Calibration) -> _Candidate | None:
    """Gains of single atoms, where there are more pilots than these, and not too many of them."""
    layers, atoms = calibration.nominal.phases_shape
    is_tried = isinstance(calibration.model, PoseAndAtomModel)
    is_possible = 1.2 * layers * atoms <= calibration.fit.residual.size
    if is_tried or not is_possible or layers * atoms > _MOST_ATOMS_TRIED:
        return None
    unknowns, plan = calibration.unknowns, calibration.pilots.plan
    model = PoseAndAtomModel.of(unknowns, plan, np.zeros((layers, atoms), bool))
    values = np.concatenate([calibration.fit.values, np.zeros(2 * layers * atoms)])
    y, slopes = linearised(model, jnp.asarray(values))
    columns = calibration.gains.projected(y, slopes[..., unknowns.size :])
    advice = "Let atoms be unequal (--atoms), or look for stuck ones (--stuck)."
    return "unequal atoms", advice, _real_rows(np.asarray(columns))


def _response(calibration: Calibration) -> Complex[Array, "slots antennas users"]:
    """What the calibrated stack receives, at unit gain."""
    return predicted(calibration.model, jnp.asarray(calibration.fit.values))


def _energy_with(calibration: Calibration, gains: Gains) -> float:
    """What is left with other gains."""
    y, measured = _response(calibration), jnp.asarray(calibration.pilots.received)
    return float(jnp.sum(jnp.abs(measured - gains.fitted(y, measured) * y) ** 2))


def _real_rows(
    values: Complex[np.ndarray, "slots antennas users more"],
) -> Float[np.ndarray, "numbers more"]:
    flat = values.reshape(-1, values.shape[-1])
    return np.concatenate([np.real(flat), np.imag(flat)])
