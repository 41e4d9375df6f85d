"""Stacks that nothing was prepared from, and how near estimates of them come to the truth."""

from dataclasses import dataclass
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from .._types import AnyArray
from ..calibration import (
    Links,
    PilotPlan,
    Unknowns,
    between_layers,
    bounds_from,
    delta_nmse,
)
from ..calibration.bounds import information_of
from ..calibration.pilot_model import PoseModel
from ..calibration.strategies import Preparation
from ..calibration.strategies.linear_map import predicted_batch
from ..calibration.strategies.preparation import drawn
from ..imperfections import ErrorLaw
from ..precision import in_float64
from ..stack import Stack

_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class FreshStacks:
    """Stacks drawn within tolerances: their unknowns, and pilots of unit gain through them.

    `noise`: complex, of variance one; the same draw serves at every signal-to-noise ratio, so that
    differences between ratios are not of chance. Ratios are to the power of nominal pilots.
    """

    preparation: Preparation
    unknowns: Unknowns
    model: PoseModel
    truth: Float[np.ndarray, "stacks unknowns"]
    clean: Complex[np.ndarray, "stacks slots antennas users"]
    noise: Complex[np.ndarray, "stacks slots antennas users"]

    @classmethod
    @in_float64
    def drawn(
        cls,
        preparation: Preparation,
        stack: Stack,
        plan: PilotPlan,
        law: ErrorLaw,
        *,
        stacks: int,
        key: Key[Array, ""],
    ) -> Self:
        """So many stacks, for a strategy prepared for this stack, plan and law.

        Raises:
            InputError: another stack or plan than those prepared for.
        """
        unknowns = preparation.unknowns(stack, plan)
        model = PoseModel.of(unknowns, plan)
        of_truth, of_noise = jax.random.split(key)
        truth = drawn(unknowns, law, of_truth, stacks)
        clean = np.asarray(predicted_batch(model, truth))
        parts = np.asarray(jax.random.normal(of_noise, (2, *clean.shape))) / np.sqrt(2)
        noise = parts[0] + 1j * parts[1]
        return cls(preparation, unknowns, model, np.asarray(truth), clean, noise)

    def variance(self, snr_db: float) -> float:
        """Of the noise at a signal-to-noise ratio."""
        return self.preparation.power * 10 ** (-snr_db / 10)

    def received(self, snr_db: float) -> Complex[np.ndarray, "stacks slots antennas users"]:
        """Noisy pilots."""
        return self.clean + np.sqrt(self.variance(snr_db)) * self.noise

    @in_float64
    def missed(self, found: Float[np.ndarray, "stacks unknowns"]) -> Float[np.ndarray, " stacks"]:
        """Mean NMSE of the matrices between layers, linear, of one estimate of every stack."""
        return np.asarray(_missed(self.unknowns, jnp.asarray(found), jnp.asarray(self.truth)))

    @in_float64
    def bound(self, snr_db: float) -> float:
        """What the best estimate leaves on average, for small errors: the Bayesian bound."""
        variance = self.variance(snr_db)
        information = information_of(self.model, self.unknowns, noise_variance=variance)
        bounds = bounds_from(self.unknowns, information, self.unknowns.precision)
        return float(between_layers(bounds.link_nmse).mean())

    @in_float64
    def expected(self, spread: Float[np.ndarray, "unknowns unknowns"]) -> float:
        """Mean NMSE of estimates whose errors have this covariance, in units of the unknowns."""
        nmse = delta_nmse(self.unknowns, np.zeros(self.unknowns.size), spread)
        return float(between_layers(nmse).mean())


@eqx.filter_jit
def _missed(
    unknowns: Unknowns,
    found: Float[Array, "stacks unknowns"],
    truth: Float[Array, "stacks unknowns"],
) -> Float[Array, " stacks"]:
    def one(pair: tuple[Array, Array]) -> Float[Array, ""]:
        ours, theirs = (Links.of_stack(*unknowns.applied(values)) for values in pair)
        nmse = [_power(a - b) / _power(b) for a, b in zip(ours, theirs, strict=True)]
        return jnp.mean(jnp.stack(nmse[1:-1] or nmse))

    return jax.lax.map(one, (found, truth), batch_size=_AT_ONCE)


def _power(matrix: Complex[AnyArray, "to from"]) -> Float[Array, ""]:
    return jnp.sum(jnp.abs(jnp.asarray(matrix)) ** 2)
