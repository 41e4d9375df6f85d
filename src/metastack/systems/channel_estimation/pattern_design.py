"""Patterns that tell most: all phases of all slots, chosen for the least Bayesian bound.

Layers turn power towards the antennas as well as patterns apart, so that designed patterns win
twice over random ones. A flat prior and little noise design for the Cramér-Rao bound.

Source: F. Pukelsheim, Optimal Design of Experiments (A-optimality); the gradient is ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..._types import AnyArray
from ...design import Outcome
from ...errors import require
from ...precision import in_float64
from ..alternating import OnRound, alternate
from ..fronts import Receiver
from ..phase_blocks import PhaseAscent
from ..variables import Variables
from .bounds import error_left
from .prior import ChannelPrior
from .sensing import Sensing

_STEPS_A_ROUND = 20


@dataclass(frozen=True, eq=False)
class DesignedPatterns:
    """Patterns of every noise level; `history`: dB by which they lower the error, by round."""

    phases_rad: Float[np.ndarray, "levels slots layers atoms"]
    history: Float[np.ndarray, "rounds levels"]
    outcome: Outcome


@in_float64
def design_patterns(
    receiver: Receiver,
    prior: ChannelPrior,
    noise_variances: Sequence[float],
    start_rad: Float[AnyArray, "slots layers atoms"],
    *,
    rounds: int = 5,
    tolerance: float = 3e-3,
    on_round: OnRound | None = None,
) -> DesignedPatterns:
    """Lower the Bayesian bound at every noise level, all levels in one batch from one start.

    A round is twenty steps of L-BFGS; the search ends when one gains less than a share `tolerance`.
    Atoms that round are designed as if they did not, and shown rounded if that is better than the
    start. Ctrl-C ends the search and returns what there is.

    Raises:
        InputError: a noise variance that is not positive.
    """
    for variance in noise_variances:
        require(
            bool(np.isfinite(variance) and variance > 0),
            f"A noise variance must be positive, but is {variance}.",
        )
    start = np.asarray(start_rad, float)
    levels, (slots, _, atoms) = len(noise_variances), start.shape
    roots = np.asarray(prior.root) / np.sqrt(np.asarray(noise_variances))[:, None, None]
    sensing = Sensing.of(receiver)
    found = alternate(
        _Setting(sensing.smoothed, slots),
        jnp.asarray(roots, complex),
        [PhaseAscent(_STEPS_A_ROUND)],
        # Nothing is precoded: users send pilots.
        Variables(
            np.tile(start.reshape(-1, atoms), (levels, 1, 1)), np.zeros((levels, 0, 0), complex)
        ),
        rounds=rounds,
        tolerance=tolerance,
        on_round=on_round,
    )
    reached = np.mod(np.asarray(found.variables.phases_rad), 2 * np.pi)
    phases = reached.reshape(levels, *start.shape)
    return DesignedPatterns(_better(sensing, roots, phases, start), found.history, found.outcome)


class _Informed(eqx.Module):
    """Patterns as one long stack of layers; `root` in units of the root of the noise power."""

    sensing: Sensing
    root: Complex[Array, "atoms atoms"]
    slots: int = eqx.field(static=True)

    def merit(self, variables: Variables) -> Float[Array, ""]:
        """What the readings take off the error, dB."""
        layers, atoms = self.sensing.response.phases_shape
        phases_rad = jnp.asarray(variables.phases_rad).reshape(self.slots, layers, atoms)
        return told_db(self.sensing, self.root, phases_rad)


class _Setting(eqx.Module):
    """The same stack and slots for whatever is known of a channel, in units of the noise."""

    sensing: Sensing
    slots: int = eqx.field(static=True)

    def __call__(self, root: Complex[Array, "atoms atoms"]) -> _Informed:
        return _Informed(self.sensing, root, self.slots)


def told_db(
    sensing: Sensing,
    root: Complex[Array, "atoms atoms"],
    phases_rad: Float[Array, "slots layers atoms"],
) -> Float[Array, ""]:
    """By how much patterns lower the expected error of LMMSE, dB; `root` for unit noise, in JAX."""
    known = jnp.sum(root.real**2 + root.imag**2)
    return 10 * jnp.log10(known / error_left(sensing(phases_rad), root))


def _better(
    sensing: Sensing,
    roots: Complex[np.ndarray, "levels atoms atoms"],
    phases_rad: Float[np.ndarray, "levels slots layers atoms"],
    start_rad: Float[np.ndarray, "slots layers atoms"],
) -> Float[np.ndarray, "levels slots layers atoms"]:
    """The start where rounding has spoilt what was found."""
    told = jax.jit(lambda root, phases: told_db(sensing, root, phases))
    kept = [
        phases if told(root, phases) >= told(root, start_rad) else start_rad
        for root, phases in zip(jnp.asarray(roots), jnp.asarray(phases_rad), strict=True)
    ]
    return np.stack([np.asarray(each) for each in kept])
