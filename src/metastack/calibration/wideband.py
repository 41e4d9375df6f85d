"""Calibration by geometry from pilots of several frequencies, and its bounds.

One set of poses explains all of them; every frequency has complex gains of its own. Waves of
several lengths see a displacement in several ways, so that few slots tell as much as many slots of
one frequency.

Source: calibration paper, section V-D (wideband calibration is asked for); ours.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats
from jaxtyping import Float

from .._types import AnyArray
from ..dispersion import Dispersion, NoDispersion
from ..precision import in_float64
from ..stack import Stack
from .bounds import Bounds, bounds_from, information_of
from .estimate import PoseEstimate, in_numpy
from .gains import Gains, OneGain
from .geometric import best_fit
from .pilots import PilotPlan, check_plan
from .unknowns import Expected, Unknowns
from .unseen import Unseen, unseen
from .wideband_model import WidebandModel
from .wideband_pilots import WidebandPilots, check_band, check_wideband_pilots

_EXPLAINED_P = 1e-3


@dataclass(frozen=True, eq=False)
class WidebandCalibration(PoseEstimate):
    """A stack as pilots of several frequencies show it to be; `dispersion` is what was assumed."""

    pilots: WidebandPilots
    dispersion: Dispersion

    @property
    def noise_ratio(self) -> float | None:
        """Residual energy over what the known noise should leave, 1 if the model is right."""
        variance = self.pilots.noise_variance
        if not variance:
            return None
        return 2 * float(np.sum(np.abs(self.fit.residual) ** 2)) / variance / self._freedom

    @property
    def p_value(self) -> float | None:
        """Chance that noise alone leaves as much as is left, if it is known."""
        ratio = self.noise_ratio
        return (
            None
            if ratio is None
            else float(scipy.stats.chi2.sf(ratio * self._freedom, self._freedom))
        )

    @property
    def explained(self) -> bool:
        """Whether nothing that is known speaks against the model."""
        return self.p_value is None or self.p_value >= _EXPLAINED_P

    @property
    def sentence(self) -> str:
        """The verdict, and what to try."""
        if self.noise_ratio is None:
            return "The noise is not known, so that nothing tells whether it explains the residual."
        if self.explained:
            return f"The noise explains the residual ({self.noise_ratio:.3f} of what it should be)."
        return (
            f"The residual holds {self.noise_ratio:.3g} times the energy that noise explains: the "
            "model is wrong. Look at the atoms' dispersion first (--resonator-q, --dispersion), "
            "then calibrate at one frequency, where more is tried."
        )

    @property
    def unseen(self) -> Unseen:
        """What the pilots did not tell."""
        least = np.finfo(float).eps ** 2 * float(np.mean(np.abs(self.pilots.received) ** 2))
        told = 2 / max(self.fit.noise_variance, least) * self.fit.matrix
        return unseen(self.unknowns, told, antennas=self.pilots.received.shape[1])

    @property
    def _freedom(self) -> float:
        """Real numbers in the residual that the fit left free."""
        matrix, size = self.fit.matrix, self.fit.residual.size
        damped = matrix + self.fit.noise_variance / 2 * np.diag(self.fit.precision)
        told = float(np.trace(np.linalg.pinv(damped, rcond=1e-13, hermitian=True) @ matrix))
        return max(2 * (size - self.gains.count(self.fit.residual.shape)) - told, 1.0)


@in_float64
def calibrate_wideband(
    stack: Stack,
    pilots: WidebandPilots,
    *,
    expected: Expected,
    dispersion: Dispersion | None = None,
    gains: Gains | None = None,
    starts: int | None = None,
    iterations: int = 50,
    seed: int = 0,
    on_start: Callable[[int, int], None] | None = None,
) -> WidebandCalibration:
    """Find the poses (and users) of a built stack from pilots of several frequencies.

    `dispersion`: what the atoms do at other frequencies; nothing else if not told. `gains`: which
    complex gains are unknown at each frequency, one if not told. The rest is as in `calibrate`.

    Raises:
        InputError: pilots of another stack; frequencies that the dispersion does not know; nothing
            unknown; fewer pilots than unknowns of which nothing is known.
    """
    dispersed, allowed = dispersion or NoDispersion(), gains or OneGain()
    check_wideband_pilots(pilots, stack, dispersed)
    unknowns = Unknowns.of(stack, pilots.plan.illumination, expected)
    model = WidebandModel.of(unknowns, pilots.plan, pilots.frequencies_hz, dispersed)
    found = best_fit(
        model,
        unknowns,
        pilots.received,
        allowed,
        noise_variance=pilots.noise_variance,
        starts=starts,
        iterations=iterations,
        seed=seed,
        on_start=on_start,
    )
    built, lit = jax.tree.map(in_numpy, model.applied(jnp.asarray(found.values)))
    return WidebandCalibration(
        stack, built, lit, unknowns, model, found, allowed, pilots, dispersed
    )


@in_float64
def wideband_cramer_rao(
    stack: Stack,
    plan: PilotPlan,
    frequencies_hz: Float[AnyArray, " frequencies"],
    expected: Expected,
    *,
    noise_variance: float,
    dispersion: Dispersion | None = None,
    gains: Gains | None = None,
) -> Bounds:
    """Cramér-Rao bounds of unbiased estimates; matrices are those at the centre frequency.

    Raises:
        InputError: a plan of another stack; frequencies that the dispersion does not know; nothing
            unknown; a noise variance that is not positive.
    """
    model = _model(stack, plan, frequencies_hz, expected, dispersion)
    told = information_of(model, model.unknowns, noise_variance=noise_variance, gains=gains)
    return bounds_from(model.unknowns, told, np.zeros(model.unknowns.size))


@in_float64
def wideband_bayesian_cramer_rao(
    stack: Stack,
    plan: PilotPlan,
    frequencies_hz: Float[AnyArray, " frequencies"],
    expected: Expected,
    *,
    noise_variance: float,
    dispersion: Dispersion | None = None,
    gains: Gains | None = None,
) -> Bounds:
    """Bayesian Cramér-Rao bounds; matrices are those at the centre frequency.

    Raises:
        InputError: as `wideband_cramer_rao`.
    """
    model = _model(stack, plan, frequencies_hz, expected, dispersion)
    told = information_of(model, model.unknowns, noise_variance=noise_variance, gains=gains)
    return bounds_from(model.unknowns, told, model.unknowns.precision)


def _model(
    stack: Stack,
    plan: PilotPlan,
    frequencies_hz: Float[AnyArray, " frequencies"],
    expected: Expected,
    dispersion: Dispersion | None,
) -> WidebandModel:
    frequencies, dispersed = np.asarray(frequencies_hz, float), dispersion or NoDispersion()
    check_plan(plan, stack)
    check_band(frequencies, stack, dispersed)
    unknowns = Unknowns.of(stack, plan.illumination, expected)
    return WidebandModel.of(unknowns, plan, frequencies, dispersed)
