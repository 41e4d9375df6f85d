"""A network that unrolls a few damped Gauss-Newton steps, for errors too large for a linear map.

It begins where the linear map ends, with the Jacobian of that place for all steps. In every step
three things are learned: how far each unknown is to be trusted to move (damping), how firmly the
prior holds it, and how much of what pilots leave is not noise but the curvature that a step cannot
see. Physics stays in prediction and Jacobian, so that a few dozen numbers are learned, and a few
thousand simulated stacks suffice.

Source: K. Gregor and Y. LeCun, ICML 2010, for unrolling; the steps are those of `least_squares`.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..._types import AnyArray
from ...elimination import solved
from ...errors import require
from ...precision import in_float64
from ...stack import Stack
from ..gains import OneGain
from ..least_squares import Ending
from ..pilot_model import PoseModel
from ..pilots import PilotPlan, Pilots, check_pilots
from .linear_map import LinearMap
from .strategy import Estimate, calibration_at, known_noise

_AT_ONCE = 16
_FIRST_DAMPING, _FIRST_CURVATURE = 1e-2, 1e-2


class UnrolledNetwork(eqx.Module):
    """The linear map that it begins with, and what was learned of every step, as logarithms.

    `damping`: in units of the information of each unknown; `prior`: precision, 1 being that of the
    tolerances; `curvature`: power that is taken for noise, over that of the nominal pilots.
    `reach`: beyond which no unknown goes, in its unit.
    """

    linear: LinearMap
    log_damping: Float[AnyArray, "steps unknowns"]
    log_prior: Float[AnyArray, "steps unknowns"]
    log_curvature: Float[AnyArray, " steps"]
    reach: float

    @classmethod
    def untrained(cls, linear: LinearMap, *, steps: int, reach: float) -> Self:
        """Steps that trust themselves more and more.

        Raises:
            InputError: no steps.
        """
        require(1 <= steps <= 20, f"`steps` must be from 1 to 20, but is {steps}.")
        shrinking = np.log(_FIRST_CURVATURE) - 2 * np.arange(steps)
        damping = np.full((steps, linear.preparation.size), np.log(_FIRST_DAMPING))
        return cls(linear, damping, np.zeros_like(damping), shrinking, reach)

    @property
    def name(self) -> str:
        """What tables and figures call it."""
        return "unrolled network"

    @in_float64
    def estimated(
        self,
        stack: Stack,
        plan: PilotPlan,
        received: Complex[AnyArray, "stacks slots antennas users"],
        noise_variance: Float[AnyArray, " stacks"],
    ) -> Float[np.ndarray, "stacks unknowns"]:
        """The unknowns of many stacks of one design, in their units.

        Raises:
            InputError: another stack or plan than those prepared for.
        """
        unknowns = self.linear.preparation.unknowns(stack, plan)
        model = PoseModel.of(unknowns, plan)
        values = _estimated(self, model, jnp.asarray(received), jnp.asarray(noise_variance, float))
        return np.asarray(values)

    @in_float64
    def calibrate(self, stack: Stack, pilots: Pilots) -> Estimate:
        """The stack that the network says, with the uncertainty that is left there.

        Raises:
            InputError: another stack or plan than those prepared for; noise that is not known;
                pilots in which the network gets lost.
        """
        check_pilots(pilots, stack)
        variance = known_noise(pilots, self.name)
        received, noise = pilots.received[None], np.array([variance])
        (values,) = self.estimated(stack, pilots.plan, received, noise)
        require(
            bool(np.isfinite(values).all()),
            "Pilots must be of a stack within the tolerances that the network has learned, but it "
            "finds none: use the geometric strategy.",
        )
        unknowns = self.linear.preparation.unknowns(stack, pilots.plan)
        found = calibration_at(values, unknowns, pilots, Ending.MAPPED)
        return Estimate(found, found.links)


@eqx.filter_jit
def _estimated(
    network: UnrolledNetwork,
    model: PoseModel,
    received: Complex[Array, "stacks slots antennas users"],
    noise_variance: Float[Array, " stacks"],
) -> Float[Array, "stacks unknowns"]:
    def last(one: tuple[Array, Array]) -> Float[Array, " unknowns"]:
        return unrolled(network, model, *one)[-1]

    return jax.lax.map(last, (received, noise_variance), batch_size=_AT_ONCE)


def unrolled(
    network: UnrolledNetwork,
    model: PoseModel,
    received: Complex[Array, "slots antennas users"],
    noise_variance: Float[Array, ""],
) -> Float[Array, "steps unknowns"]:
    """The unknowns of one stack after every step.

    Each step is differentiable by what was learned of it alone, given where the last one ended.
    """
    power = jnp.mean(jnp.abs(jnp.asarray(network.linear.preparation.response)) ** 2)
    start = jnp.clip(_start(network.linear, received, noise_variance), *_within(network))
    _, slopes = model.linearise(start)

    def step(last: Array, learned: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        log_damping, log_prior, log_curvature = learned
        values = jax.lax.stop_gradient(last)
        f = jax.lax.stop_gradient(model.predict(values))
        gain = OneGain().fitted(f, received)
        J = (gain[..., None] * OneGain().projected(f, slopes)).reshape(f.size, -1)
        r = (received - gain * f).reshape(-1)
        missing = jnp.exp(log_curvature) * jnp.sum(jnp.abs(gain) ** 2) * power
        weight = 2 / (noise_variance + missing)
        table = jnp.concatenate([J.real, J.imag])
        information = weight * table.T @ table
        pull = weight * table.T @ jnp.concatenate([r.real, r.imag])
        prior = jnp.exp(log_prior)
        held = prior + jnp.exp(log_damping) * jnp.diagonal(information)
        move = solved(information + jnp.diag(held), pull - prior * values)
        moved = jnp.clip(values + move, *_within(network))
        return moved, moved

    damping, prior, curvature = map(
        jnp.asarray, (network.log_damping, network.log_prior, network.log_curvature)
    )
    return jax.lax.scan(step, start, (damping, prior, curvature))[1]


def _within(network: UnrolledNetwork) -> tuple[float, float]:
    return -network.reach, network.reach


def _start(
    linear: LinearMap,
    received: Complex[Array, "slots antennas users"],
    noise_variance: Float[Array, ""],
) -> Float[Array, " unknowns"]:
    """What the linear map says."""
    nominal = jnp.asarray(linear.preparation.response)
    gain = jnp.sum(jnp.conj(nominal) * received) / jnp.sum(jnp.abs(nominal) ** 2)
    flat = (received / gain - nominal).reshape(-1)
    z = jnp.concatenate([flat.real, flat.imag]) @ linear.basis - linear.mean
    return jnp.asarray(linear.correlation) @ (
        z / (linear.variance + noise_variance / (2 * jnp.abs(gain) ** 2) + np.finfo(float).tiny)
    )
