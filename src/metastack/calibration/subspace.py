"""Calibration in few directions: a small correction where only few pilots are available.

Poses are looked for in the span of a few directions of the unknowns, the most telling ones or the
degrees of freedom that matter; all others keep their nominal value. A prior does the same more
gently: it lets every direction move by as much as pilots tell of it, so that the full fit with the
right prior is never worse on average. Directions are for where no prior can be stated.

Source: calibration paper, section V-E (asks for compact models); D. Hoerl and R. Kennard,
Technometrics 12 (1970) 55, for what a prior does instead.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .bounds import information_of
from .gains import Gains, OneGain
from .geometric import Calibration, calibration_of
from .illumination import Illumination
from .least_squares import fit
from .pilot_model import PilotModel, PoseModel
from .pilots import PilotPlan, Pilots, check_pilots, check_plan
from .unknowns import DEGREES_OF_FREEDOM, Expected, Unknowns

_ORTHONORMAL = 1e-9


class SubspaceModel(eqx.Module):
    """A model whose unknowns move along a few directions only: values = directions @ amounts."""

    whole: PilotModel
    directions: Float[AnyArray, "unknowns few"]

    @classmethod
    def of(cls, whole: PilotModel, directions: Float[AnyArray, "unknowns few"]) -> Self:
        """The model in the span of directions.

        Raises:
            InputError: directions that are not orthonormal.
        """
        table = np.asarray(directions, float)
        off = np.abs(table.T @ table - np.eye(table.shape[1])).max() if table.size else np.inf
        require(off < _ORTHONORMAL, f"`directions` must be orthonormal, but are off by {off:.3g}.")
        return cls(whole, table)

    def predict(self, values: Float[Array, " few"]) -> Complex[Array, "slots antennas users"]:
        """Noiseless responses at unit gain."""
        return self.whole.predict(jnp.asarray(self.directions) @ values)

    def linearise(
        self, values: Float[Array, " few"]
    ) -> tuple[Complex[Array, "slots antennas users"], Complex[Array, "slots antennas users few"]]:
        """Responses and their derivatives along the directions."""
        directions = jnp.asarray(self.directions)
        y, slopes = self.whole.linearise(directions @ values)
        return y, slopes @ directions

    def applied(self, values: Float[Array, " few"]) -> tuple[Stack, Illumination]:
        """The stack and its users with these amounts."""
        return self.whole.applied(jnp.asarray(self.directions) @ values)


@in_float64
def most_telling(
    stack: Stack,
    plan: PilotPlan,
    expected: Expected,
    count: int,
    *,
    gains: Gains | None = None,
) -> Float[np.ndarray, "unknowns count"]:
    """The directions that pilots tell most of, in units of what is expected: the largest first.

    Eigenvectors of the Fisher information, which the noise only scales.

    Raises:
        InputError: a plan of another stack; nothing unknown; more directions than unknowns.
    """
    check_plan(plan, stack)
    unknowns = Unknowns.of(stack, plan.illumination, expected)
    require(
        1 <= count <= unknowns.size,
        f"`count` must be from 1 to {unknowns.size}, the unknowns, but is {count}.",
    )
    model = PoseModel.of(unknowns, plan)
    told = information_of(model, unknowns, noise_variance=1.0, gains=gains)
    return np.linalg.eigh(told)[1][:, ::-1][:, :count]


def of_freedoms(unknowns: Unknowns, freedoms: Sequence[str]) -> Float[np.ndarray, "unknowns few"]:
    """The directions of some degrees of freedom, of every plane where they are unknown.

    Raises:
        InputError: a name that is none, or of which nothing is unknown.
    """
    for name in freedoms:
        require(
            name in DEGREES_OF_FREEDOM,
            f"`freedoms` must be of {', '.join(DEGREES_OF_FREEDOM)}, but one is {name}.",
        )
    wanted = [DEGREES_OF_FREEDOM.index(name) for name in freedoms]
    chosen = np.flatnonzero(np.isin(unknowns.freedoms, wanted))
    require(chosen.size > 0, f"Something of {', '.join(freedoms)} must be unknown, but is not.")
    return np.eye(unknowns.size)[:, chosen]


@in_float64
def calibrate_in_subspace(
    stack: Stack,
    pilots: Pilots,
    directions: Float[AnyArray, "unknowns few"],
    *,
    expected: Expected,
    gains: Gains | None = None,
    iterations: int = 50,
) -> Calibration:
    """Find poses of a built stack in the span of a few directions; the rest stays nominal.

    `directions`: orthonormal, in units of the unknowns, as `most_telling` and `of_freedoms` give
    them. What is not looked for keeps the uncertainty of its prior in the result's covariance.

    Raises:
        InputError: pilots of another stack; nothing unknown; directions of another size, not
            orthonormal, or that mix unknowns with and without a prior.
    """
    check_pilots(pilots, stack)
    unknowns, allowed = Unknowns.of(stack, pilots.plan.illumination, expected), gains or OneGain()
    along = np.asarray(directions, float)
    require(
        along.ndim == 2 and along.shape[0] == unknowns.size,
        f"`directions` must be {unknowns.size} unknowns x directions, but have shape "
        f"{along.shape}.",
    )
    whole = PoseModel.of(unknowns, pilots.plan)
    precision = along.T @ (unknowns.precision[:, None] * along)
    require(
        np.abs(precision - np.diag(np.diag(precision))).max() < _ORTHONORMAL,
        "`directions` must not mix unknowns with and without a prior, but do.",
    )
    found = fit(
        SubspaceModel.of(whole, along),
        pilots.received,
        allowed,
        np.diag(precision).copy(),
        noise_variance=pilots.noise_variance,
        iterations=iterations,
    )
    # What was not looked for is told nothing of: the prior alone is left of it.
    in_all = replace(
        found,
        values=along @ found.values,
        matrix=along @ found.matrix @ along.T,
        precision=unknowns.precision,
    )
    return calibration_of(stack, pilots, unknowns, whole, in_all, allowed)


def without_prior(
    stack: Stack,
    illumination: Illumination,
    directions: Float[AnyArray, "unknowns few"],
    expected: Expected,
) -> tuple[Expected, Float[np.ndarray, "unknowns few"]]:
    """The same unknowns with nothing expected of them, and an orthonormal basis of the same span.

    Without a prior unknowns are counted in natural units, in which directions are others.

    Raises:
        InputError: nothing unknown.
    """
    free = jax.tree.map(
        lambda deviation: np.where(np.asarray(deviation) > 0, np.inf, 0.0), expected.deviation
    )
    nothing = Expected(free, np.inf if expected.users else 0.0)
    known, natural = (Unknowns.of(stack, illumination, each) for each in (expected, nothing))
    scaled = (known.unit / natural.unit)[:, None] * np.asarray(directions)
    return nothing, np.linalg.qr(scaled)[0]
