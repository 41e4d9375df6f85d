"""Calibration by geometry from pilots of several frequencies, and its bounds.

One set of poses explains all of them; every frequency has complex gains of its own. Waves of
several lengths see a displacement in several ways, so that few slots tell as much as many slots of
one frequency.

Source: calibration paper, section V-D (wideband calibration is asked for); ours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._types import AnyArray
from ..dispersion import Dispersion, NoDispersion
from ..precision import in_float64
from ..stack import Stack
from .bounds import Bounds, bounds_from, information_of
from .estimate import in_numpy
from .gains import Gains, OneGain
from .geometric import best_fit
from .noise_verdict import JudgedByNoise
from .pilots import PilotPlan, check_plan
from .unknowns import Expected, Unknowns
from .wideband_model import WidebandModel
from .wideband_pilots import WidebandPilots, check_band, check_wideband_pilots


@dataclass(frozen=True, eq=False)
class WidebandCalibration(JudgedByNoise):
    """A stack as pilots of several frequencies show it to be; `dispersion` is what was assumed."""

    advice: ClassVar = (
        "Look at the atoms' dispersion first (--resonator-q, --dispersion), then calibrate at one "
        "frequency, where more is tried."
    )

    pilots: WidebandPilots
    dispersion: Dispersion

    @property
    def known_variance(self) -> float | None:
        """Of one response."""
        return self.pilots.noise_variance

    @property
    def antennas(self) -> int:
        """How many antennas received."""
        return self.pilots.received.shape[1]

    @property
    def numbers(self) -> int:
        """Two of every response, less two of every gain."""
        shape = self.fit.residual.shape
        return 2 * (self.fit.residual.size - self.gains.count(shape))


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
