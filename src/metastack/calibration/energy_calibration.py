"""Calibration by geometry from energies alone: for receivers that tell no phase.

The unknowns are those of `geometric`; the gain that is not known is a power. Energies tell about
half as much of every response as its complex value, and nothing of the phases between antennas,
users and slots.

Source: ours.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .energies import EnergyPilots, check_energies
from .energy_bounds import without_gains
from .energy_fit import EnergyFit, fit_energies
from .energy_model import EnergyModel
from .estimate import FoundPoses, in_numpy
from .gains import Gains, OneGain
from .pilot_model import PoseModel
from .starts import best_of_starts
from .unknowns import Expected, Unknowns
from .unseen import Unseen, unseen


@dataclass(frozen=True, eq=False)
class EnergyCalibration(FoundPoses):
    """A stack as the energies of pilots show it to be."""

    fit: EnergyFit
    pilots: EnergyPilots

    @property
    def log_gains(self) -> Float[np.ndarray, " gains"]:
        """Natural logarithms of the power gains that were found."""
        return self.fit.values[self.unknowns.size :]

    @property
    def unseen(self) -> Unseen:
        """What the energies do not tell."""
        told = without_gains(self.fit.matrix, self.unknowns.size)
        return unseen(self.unknowns, told, antennas=self.pilots.energies.shape[1])


@in_float64
def calibrate_energies(
    stack: Stack,
    pilots: EnergyPilots,
    *,
    expected: Expected,
    gains: Gains | None = None,
    starts: int | None = None,
    iterations: int = 50,
    seed: int = 0,
    on_start: Callable[[int, int], None] | None = None,
) -> EnergyCalibration:
    """Find the poses (and users) of a built stack from energies, atoms being as described.

    `gains`: which power gains are unknown, one overall if not told. The rest is as in `calibrate`.

    Raises:
        InputError: energies of another stack; nothing unknown; fewer energies than unknowns of
            which nothing is known.
    """
    check_energies(pilots, stack)
    unknowns, allowed = Unknowns.of(stack, pilots.plan.illumination, expected), gains or OneGain()
    _check_enough(unknowns, pilots, allowed)
    fields = PoseModel.of(unknowns, pilots.plan)
    model = EnergyModel.of(fields, allowed, pilots.noise_variance)

    def fitted(start: Float[np.ndarray, " unknowns"]) -> EnergyFit:
        return fit_energies(
            model, pilots.energies, unknowns.precision, start=start, iterations=iterations
        )

    def explains(found: EnergyFit) -> bool:
        return found.is_explained

    found = best_of_starts(unknowns, fitted, explains, starts=starts, seed=seed, on_start=on_start)
    built, illumination = fields.applied(jnp.asarray(found.values[: unknowns.size]))
    built, illumination = jax.tree.map(in_numpy, (built, illumination))
    return EnergyCalibration(stack, built, illumination, unknowns, fields, found, allowed, pilots)


def _check_enough(unknowns: Unknowns, pilots: EnergyPilots, gains: Gains) -> None:
    free, numbers = int((~unknowns.has_prior).sum()), pilots.energies.size
    taken = gains.count(pilots.energies.shape)
    require(
        numbers > free + taken,
        f"There must be more energies than unknowns of which nothing is known, {free} and {taken} "
        f"of {gains.sentence}, but there are {numbers}; measure more slots, give tolerances, or "
        "let fewer gains be unknown.",
    )
