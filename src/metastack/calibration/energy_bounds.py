"""How accurately energies can tell poses and matrices: the bounds of `bounds`, without phases.

Source: H. Van Trees, Detection, Estimation and Modulation Theory I, sections 2.4 and 2.7; the
information of an energy, `rician`.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .bounds import Bounds, bounds_from
from .energy_model import EnergyModel, equations
from .gains import Gains, OneGain
from .pilot_model import PoseModel
from .pilots import PilotPlan, check_plan
from .unknowns import Expected, Unknowns


@in_float64
def energy_cramer_rao(
    stack: Stack,
    plan: PilotPlan,
    expected: Expected,
    *,
    noise_variance: float,
    gains: Gains | None = None,
) -> Bounds:
    """Cramér-Rao bounds of unbiased estimates from energies, at the stack as it stands.

    `noise_variance`: of the complex noise at unit gain; `gains`: which power gains are unknown, one
    overall if not told.

    Raises:
        InputError: a plan of another stack; nothing unknown; a noise variance that is not positive.
    """
    unknowns = Unknowns.of(stack, plan.illumination, expected)
    told = _information(unknowns, plan, noise_variance, gains)
    return bounds_from(unknowns, told, np.zeros(unknowns.size))


@in_float64
def energy_bayesian_cramer_rao(
    stack: Stack,
    plan: PilotPlan,
    expected: Expected,
    *,
    noise_variance: float,
    gains: Gains | None = None,
) -> Bounds:
    """Bayesian Cramér-Rao bounds from energies, their information taken at the stack as it stands.

    Raises:
        InputError: as `energy_cramer_rao`.
    """
    unknowns = Unknowns.of(stack, plan.illumination, expected)
    told = _information(unknowns, plan, noise_variance, gains)
    return bounds_from(unknowns, told, unknowns.precision)


def without_gains(
    whole: Float[np.ndarray, "unknowns unknowns"], poses: int
) -> Float[np.ndarray, "poses poses"]:
    """What is left of an information matrix about the first unknowns if the gains are unknown.

    A gain of which no energy tells takes nothing away.
    """
    cross, own = whole[:poses, poses:], np.diag(whole)[poses:]
    lit = own > 0
    return whole[:poses, :poses] - (cross[:, lit] / own[lit]) @ cross[:, lit].T


def _information(
    unknowns: Unknowns, plan: PilotPlan, noise_variance: float, gains: Gains | None
) -> Float[np.ndarray, "poses poses"]:
    check_plan(plan, unknowns.stack)
    require(
        np.isfinite(noise_variance) and noise_variance > 0,
        f"`noise_variance` must be positive, but is {noise_variance}.",
    )
    shared, fields = gains or OneGain(), PoseModel.of(unknowns, plan)
    antennas, users = unknowns.stack.receiver_array.size, plan.illumination.users(unknowns.stack)
    shape = plan.slots, antennas, users
    model = EnergyModel.of(fields, shared, noise_variance)
    values = jnp.zeros(unknowns.size + shared.count(shape))
    # Information is about energies yet to be measured, so that any will do.
    told = equations(model, values, jnp.zeros(shape)).information
    return without_gains(np.asarray(told), unknowns.size)
