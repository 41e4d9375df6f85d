"""Patterns that blocks of pilots are made of, linearised, and how a block takes its own from them.

Pilots are a linear function of the poses' errors, by slopes about some stack. Which patterns tell
most of what is uncertain depends on these slopes: once they are known a choice costs no
propagation, and a block chosen by slopes that are a little off is a little worse, not wrong. The
best of a thousand by slopes about a stack a tolerance away, though, are about as good as any.

Source: F. Pukelsheim, Optimal Design of Experiments (A-optimality), chosen one by one.
"""

from dataclasses import dataclass
from typing import Protocol, Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...errors import require
from ...precision import in_float64
from ..pilot_model import linearised
from ..pilots import PilotPlan
from ..unknowns import Unknowns
from .belief import padded_model, real_rows

# So many patterns are linearised together.
_AT_A_TIME = 128


class Shown(Protocol):
    """Patterns of which every block shows some."""

    @property
    def state(self) -> int:
        """Size of the state: unknowns, and two numbers of the gain."""
        ...

    def block(
        self,
        slots: int,
        covariance: Float[np.ndarray, "state state"],
        generator: np.random.Generator,
    ) -> Float[np.ndarray, "numbers state"]:
        """Slopes of a block of so many slots, shown when the state is uncertain by `covariance`."""
        ...


@dataclass(frozen=True, eq=False)
class Patterns:
    """Derivatives of every pattern's pilots with respect to the state, in noise deviations.

    Blocks show any of them.
    """

    slopes: Float[np.ndarray, "patterns numbers state"]

    @classmethod
    @in_float64
    def of(
        cls,
        unknowns: Unknowns,
        plan: PilotPlan,
        noise_variance: float,
        at: Float[np.ndarray, " unknowns"] | None = None,
    ) -> Self:
        """Those of a plan, about these values of the unknowns; the noise is that of unit gain.

        `at`: in units of the unknowns; the nominal stack if not told.

        Raises:
            InputError: a noise variance that is not positive.
        """
        require(
            bool(np.isfinite(noise_variance) and noise_variance > 0),
            f"`noise_variance` must be positive, but is {noise_variance}.",
        )
        parts = np.array_split(np.arange(plan.slots), -(-plan.slots // _AT_A_TIME))
        plans = (PilotPlan(plan.phases_rad[part], plan.illumination) for part in parts)
        values = jnp.zeros(unknowns.size) if at is None else jnp.asarray(at)
        slopes = np.concatenate([_slopes(unknowns, each, values) for each in plans])
        return cls(np.sqrt(2 / noise_variance) * slopes)

    @property
    def state(self) -> int:
        """Size of the state: unknowns, and two numbers of the gain."""
        return self.slopes.shape[-1]

    def block(
        self,
        slots: int,
        covariance: Float[np.ndarray, "state state"],
        generator: np.random.Generator,
    ) -> Float[np.ndarray, "numbers state"]:
        """Slopes of a block of so many slots, whatever is uncertain."""
        return self.slopes[generator.integers(0, len(self.slopes), slots)].reshape(-1, self.state)

    def calibrated(self, slots: int) -> Float[np.ndarray, "state state"]:
        """Covariance that is expected of a calibration with so many slots, from the prior on."""
        each = np.einsum("tnp,tnq->pq", self.slopes, self.slopes) / len(self.slopes)
        return np.linalg.inv(np.eye(self.state) + slots * each)


@dataclass(frozen=True, eq=False)
class TellingPatterns:
    """Patterns of which every block shows those that tell most of what is uncertain by then.

    `wanted`: the quadratic form of the state's error whose expectation a block is to make least.
    """

    pool: Patterns
    wanted: Float[np.ndarray, "state state"]

    @property
    def state(self) -> int:
        """Size of the state: unknowns, and two numbers of the gain."""
        return self.pool.state

    def block(
        self,
        slots: int,
        covariance: Float[np.ndarray, "state state"],
        generator: np.random.Generator,
    ) -> Float[np.ndarray, "numbers state"]:
        """Slopes of the block; nothing is left to chance."""
        return self.pool.slopes[self.chosen(slots, covariance)].reshape(-1, self.state)

    def chosen(
        self, slots: int, covariance: Float[np.ndarray, "state state"]
    ) -> Int[np.ndarray, " slots"]:
        """The patterns of a block: each lowers tr(Q P) most, once those before it are taken in.

        None comes twice unless there are more slots than patterns.
        """
        H, P, chosen = self.pool.slopes, covariance, list[int]()
        for _ in range(slots):
            HP = H @ P
            spread = np.eye(H.shape[1]) + HP @ np.swapaxes(H, 1, 2)
            told = (HP @ self.wanted) @ np.swapaxes(HP, 1, 2)
            lowered = np.trace(np.linalg.solve(spread, told), axis1=1, axis2=2)
            if len(H) > 1:
                lowered[chosen[-(len(H) - 1) :]] = -np.inf
            best = int(np.argmax(lowered))
            chosen.append(best)
            P = P - HP[best].T @ np.linalg.solve(spread[best], HP[best])
        return np.array(chosen, int)


def _slopes(
    unknowns: Unknowns, plan: PilotPlan, values: Float[Array, " unknowns"]
) -> Float[np.ndarray, "patterns numbers state"]:
    """Derivatives of pilots, the gain's behind."""
    every = linearised(padded_model(unknowns, plan), values)
    y, J = (np.asarray(each)[: plan.slots] for each in every)
    J = np.concatenate([J, y[..., None], 1j * y[..., None]], axis=-1)
    return np.stack([real_rows(slot) for slot in J.reshape(plan.slots, -1, J.shape[-1])])
