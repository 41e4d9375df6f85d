"""Thousands of calibrations from the same pilots: everything that can be is computed once.

About the nominal stack, pilots are a quadratic function of the unknowns to a precision that small
errors do not exceed. Its coefficients are found once; then every stack of a batch takes a few
Gauss-Newton steps on the quadratic, all with the nominal information, so that a step is two matrix
products for all stacks together.

Source: ours; it agrees with `calibrate` where errors are small.
"""

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
from .pilot_model import PoseModel
from .pilots import PilotPlan, check_plan
from .unknowns import Expected, Unknowns

_STEPS = 3


class BatchCalibrator(eqx.Module):
    """Calibrates stacks of one design, lit by the same pilots with the same noise.

    One complex gain is unknown for each stack. `response`, `slopes`, `curvature`: of the pilots at
    the nominal stack, the last for every pair of unknowns p ≤ q.
    """

    unknowns: Unknowns
    response: Complex[AnyArray, " responses"]
    slopes: Complex[AnyArray, "responses unknowns"]
    curvature: Complex[AnyArray, "responses pairs"]
    estimator: Float[AnyArray, "unknowns numbers"]
    shrinkage: Float[AnyArray, "unknowns unknowns"]

    @classmethod
    @in_float64
    def of(
        cls, stack: Stack, plan: PilotPlan, expected: Expected, *, noise_to_signal: float
    ) -> Self:
        """Prepare for pilots whose noise variance is this share of their mean power.

        Raises:
            InputError: a plan of another stack; nothing unknown; a share that is not positive.
        """
        check_plan(plan, stack)
        require(
            bool(np.isfinite(noise_to_signal) and noise_to_signal > 0),
            f"`noise_to_signal` must be positive, but is {noise_to_signal}.",
        )
        unknowns = Unknowns.of(stack, plan.illumination, expected)
        antennas, users = stack.receiver_array.size, plan.illumination.users(stack)
        numbers, free = 2 * plan.slots * antennas * users, int((~unknowns.has_prior).sum())
        require(
            numbers > free + 2,
            f"There must be more pilots than unknowns of which nothing is known, {free} and a "
            f"gain, but there are {numbers} real numbers.",
        )
        model, nominal = PoseModel.of(unknowns, plan), jnp.zeros(unknowns.size)
        response, slopes, curvature = _expansion(model, nominal)
        power = jnp.mean(jnp.abs(response) ** 2)
        J = _real(_without_gain(response, slopes).T).T
        weight = noise_to_signal * power / 2
        matrix = J.T @ J + weight * jnp.diag(unknowns.precision)
        inverse = jnp.linalg.inv(matrix)
        shrinkage = inverse * weight * unknowns.precision
        tables = response, slopes, curvature, inverse @ J.T, shrinkage
        return cls(unknowns, *map(np.asarray, tables))

    @in_float64
    def __call__(
        self, received: Complex[AnyArray, "stacks slots antennas users"]
    ) -> Float[np.ndarray, "stacks unknowns"]:
        """The unknowns of every stack, in units of `unknowns.unit`.

        Good where errors are small: a phase that turns by more than a few tenths of a radian is
        beyond the expansion, and `calibrate` the right way.

        Raises:
            InputError: responses of another plan.
        """
        stacks, size = len(received), len(self.response)
        require(
            np.size(received) == stacks * size,
            f"`received` must hold {size} responses of each stack, but is of shape "
            f"{np.shape(received)}.",
        )
        require(
            bool(np.isfinite(received).all() and np.any(received, axis=(1, 2, 3)).all()),
            "`received` must be finite, and of no stack all zero, but is not.",
        )
        return np.asarray(_calibrated(self, jnp.asarray(received).reshape(stacks, size)))


@eqx.filter_jit
def _expansion(
    model: PoseModel, nominal: Float[Array, " unknowns"]
) -> tuple[
    Complex[Array, " responses"],
    Complex[Array, "responses unknowns"],
    Complex[Array, "responses pairs"],
]:
    response, slopes = model.linearise(nominal)
    flat = slopes.reshape(-1, len(nominal))

    def along(direction: Float[Array, " unknowns"]) -> Complex[Array, "responses unknowns"]:
        _, change = jax.jvp(lambda v: model.linearise(v)[1], (nominal,), (direction,))
        return change.reshape(flat.shape)

    hessian = jax.lax.map(along, jnp.eye(len(nominal)))
    first, second = np.triu_indices(len(nominal))
    # Half the second derivative, and both orders of a mixed one.
    share = np.where(first == second, 0.5, 1.0)
    return response.ravel(), flat, hessian[first, :, second].T * share


@eqx.filter_jit
def _calibrated(
    batch: BatchCalibrator, received: Complex[Array, "stacks responses"]
) -> Float[Array, "stacks unknowns"]:
    response, slopes, curvature, estimator, shrinkage = map(
        jnp.asarray,
        (batch.response, batch.slopes, batch.curvature, batch.estimator, batch.shrinkage),
    )
    first, second = np.triu_indices(slopes.shape[1])
    values = jnp.zeros((len(received), slopes.shape[1]))
    for _ in range(_STEPS):
        model = response + values @ slopes.T
        model = model + (values[:, first] * values[:, second]) @ curvature.T
        overlap = jnp.sum(jnp.conj(model) * received, axis=1)
        gain = overlap / jnp.sum(jnp.abs(model) ** 2, axis=1)
        left = _real(received / gain[:, None] - model)
        values = values + left @ estimator.T - values @ shrinkage.T
    return values


def _without_gain(
    response: Complex[Array, " responses"], slopes: Complex[Array, "responses unknowns"]
) -> Complex[Array, "responses unknowns"]:
    along = jnp.conj(response) @ slopes / jnp.sum(jnp.abs(response) ** 2)
    return slopes - response[:, None] * along


def _real(rows: Complex[Array, "rows responses"]) -> Float[Array, "rows numbers"]:
    return jnp.concatenate([rows.real, rows.imag], axis=-1)
