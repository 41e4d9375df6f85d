"""The linear minimum-mean-square-error map: pilots to poses by one matrix.

Of all linear functions of the pilots it has the least mean square error over the stacks that the
tolerances allow: x̂ = C_xz (C_zz + σ²/2 I)^{-1} (z - z̄), where z is what the pilots differ by from
the nominal ones. Moments come from stacks drawn from the tolerances, in pairs of opposite signs
and made exactly white, so that where errors are small the map is exact however few are drawn. All
but the few hundred directions in which pilots of such stacks differ hold noise only, and are left
out.

Source: S. Kay, Fundamentals of Statistical Signal Processing I, section 12.3.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from ..._types import AnyArray
from ...errors import require
from ...imperfections import ErrorLaw, UniformErrors
from ...precision import in_float64
from ...stack import Stack
from ..least_squares import Ending
from ..pilot_model import PoseModel
from ..pilots import PilotPlan, Pilots, check_pilots
from ..unknowns import Expected
from .preparation import Preparation, drawn
from .strategy import Estimate, calibration_within, known_noise

_UNIFORM = UniformErrors()
_AT_ONCE = 64
# Directions with less of the pilots' variance than this share of the largest are rounding.
_ROUNDING = 1e-20
_LEAST_PAIRS_PER_UNKNOWN = 2


class LinearMap(eqx.Module):
    """Moments of pilots over the stacks that tolerances allow.

    `basis`: directions z of the pilots, real and imaginary parts, along which they vary;
    `variance` of the pilots along each, without noise, and `correlation` with the unknowns.
    """

    preparation: Preparation
    mean: Float[AnyArray, " directions"]
    basis: Float[AnyArray, "numbers directions"]
    variance: Float[AnyArray, " directions"]
    correlation: Float[AnyArray, "unknowns directions"]

    @classmethod
    @in_float64
    def of(
        cls,
        stack: Stack,
        plan: PilotPlan,
        expected: Expected,
        *,
        key: Key[Array, ""],
        law: ErrorLaw = _UNIFORM,
        stacks: int = 2048,
    ) -> Self:
        """Learn the moments from simulated stacks.

        Raises:
            InputError: a plan of another stack; unknowns without tolerance; too few stacks.
        """
        preparation = Preparation.of(stack, plan, expected)
        least = 2 * _LEAST_PAIRS_PER_UNKNOWN * preparation.size
        require(stacks >= least, f"`stacks` must be at least {least}, but is {stacks}.")
        unknowns = preparation.unknowns(stack, plan)
        half = drawn(unknowns, law, key, stacks // 2)
        values = _white(np.concatenate([half, -half]))
        model = PoseModel.of(unknowns, plan)
        received = np.asarray(predicted_batch(model, jnp.asarray(values)))
        is_good = np.isfinite(received).all(axis=(1, 2, 3))
        values, z = values[is_good], _differences(received[is_good], preparation.response)
        mean, z = z.mean(axis=0), z - z.mean(axis=0)
        variance, basis = _directions(z)
        correlation = values.T @ (z @ basis) / len(values)
        return cls(preparation, mean @ basis, basis, variance, correlation)

    @property
    def name(self) -> str:
        """What tables and figures call it."""
        return "linear map"

    def matrix(
        self, noise_to_signal: float
    ) -> tuple[Float[np.ndarray, "unknowns numbers"], Float[np.ndarray, "unknowns unknowns"]]:
        """The map at some noise, relative to the nominal power, and the covariance of its error."""
        weight = self.correlation / (
            self.variance + noise_to_signal * self.preparation.power / 2 + np.finfo(float).tiny
        )
        covariance = np.eye(self.preparation.size) - weight @ self.correlation.T
        return np.asarray(weight @ self.basis.T), np.asarray(covariance)

    def estimated(
        self, received: Complex[AnyArray, "stacks slots antennas users"], noise_to_signal: float
    ) -> Float[np.ndarray, "stacks unknowns"]:
        """The unknowns of many stacks, in their units: one product of matrices.

        `noise_to_signal`: the noise's variance over the mean power of pilots of the nominal stack
        with the same gain.
        """
        z = _differences(np.asarray(received), self.preparation.response)
        matrix, _ = self.matrix(noise_to_signal)
        return (z - self.basis @ self.mean) @ matrix.T

    @in_float64
    def calibrate(self, stack: Stack, pilots: Pilots) -> Estimate:
        """The stack that the map says.

        Raises:
            InputError: another stack or plan than those prepared for; noise that is not known.
        """
        check_pilots(pilots, stack)
        unknowns = self.preparation.unknowns(stack, pilots.plan)
        noise_to_signal = noise_to_nominal(pilots, self.preparation, self.name)
        (values,) = self.estimated(pilots.received[None], noise_to_signal)
        _, covariance = self.matrix(noise_to_signal)
        found = calibration_within(values, unknowns, pilots, Ending.MAPPED, covariance)
        return Estimate(found, found.links)


@eqx.filter_jit
def predicted_batch(
    model: PoseModel, values: Float[Array, "stacks unknowns"]
) -> Complex[Array, "stacks slots antennas users"]:
    """Noiseless pilots of many stacks at unit gain."""
    return jax.lax.map(model.predict, values, batch_size=_AT_ONCE)


def noise_to_nominal(pilots: Pilots, preparation: Preparation, who: str) -> float:
    """The noise's variance over the power of pilots of the nominal stack with the same gain.

    Raises:
        InputError: noise that is not known; pilots that have nothing in common with the nominal.
    """
    gain = _gains(pilots.received[None], preparation.response).item()
    require(gain, "Pilots must resemble those of the nominal stack, but their best gain is 0.")
    return known_noise(pilots, who) / (abs(gain) ** 2 * preparation.power)


def _gains(
    received: Complex[np.ndarray, "stacks slots antennas users"],
    nominal: Complex[AnyArray, "slots antennas users"],
) -> Complex[np.ndarray, "stacks 1 1 1"]:
    overlap = np.einsum("btmu,tmu->b", received, np.conj(nominal))
    return (overlap / np.sum(np.abs(nominal) ** 2))[:, None, None, None]


def _differences(
    received: Complex[np.ndarray, "stacks slots antennas users"],
    nominal: Complex[AnyArray, "slots antennas users"],
) -> Float[np.ndarray, "stacks numbers"]:
    """What pilots differ by from the nominal ones, once their gain is taken out."""
    flat = (received / _gains(received, nominal) - nominal).reshape(len(received), -1)
    return np.concatenate([flat.real, flat.imag], axis=1)


def _white(values: Float[np.ndarray, "n unknowns"]) -> Float[np.ndarray, "n unknowns"]:
    """Draws with a covariance of exactly one."""
    return values @ np.linalg.inv(np.linalg.cholesky(values.T @ values / len(values))).T


def _directions(
    z: Float[np.ndarray, "n numbers"],
) -> tuple[Float[np.ndarray, " directions"], Float[np.ndarray, "numbers directions"]]:
    """Principal directions and the variance along each, by the smaller of the two Gram matrices."""
    n, numbers = z.shape
    if numbers <= n:
        variance, basis = np.linalg.eigh(z.T @ z / n)
        kept = variance > _ROUNDING * variance[-1]
        return variance[kept], basis[:, kept]
    variance, left = np.linalg.eigh(z @ z.T / n)
    kept = variance > _ROUNDING**0.5 * variance[-1]
    return variance[kept], z.T @ left[:, kept] / np.sqrt(n * variance[kept])
