"""Training an unrolled network: beforehand on simulated stacks, and on the device's own pilots.

Beforehand the truth is known, and what is made small is the error of the matrices between layers.
On the device it is not: what is made small is what pilots and prior leave of the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Complex, Float, Int, Key

from ...errors import require
from ...imperfections import ErrorLaw, UniformErrors
from ...precision import in_float64
from ...stack import Stack
from ..bounds import link_grams
from ..gains import OneGain
from ..least_squares import Ending
from ..pilot_model import PoseModel
from ..pilots import PilotPlan, Pilots, check_pilots
from ..unknowns import Expected
from .linear_map import LinearMap, predicted_batch
from .preparation import drawn
from .strategy import known_noise
from .unrolled import UnrolledNetwork, unrolled

_UNIFORM = UniformErrors()
_GROUPS = 4
_RATE, _TUNING_RATE = 0.1, 0.02
_MOST_LOG = 20.0
# So often are stacks judged that are not trained on.
_MOST_TIMES = 20


@dataclass(frozen=True, eq=False)
class Training:
    """A trained network, and how it came about.

    `loss`: before every step of the training, of its own batch. `held_out`: the same of stacks that
    are not trained on, after so many steps as `held_out_steps` says; none if there are none.
    """

    network: UnrolledNetwork
    loss: Float[np.ndarray, " steps"]
    ending: Ending
    held_out_steps: Int[np.ndarray, " times"]
    held_out: Float[np.ndarray, " times"]


class _Sample(NamedTuple):
    """Noisy pilots of a batch of stacks, the variance of their noise, and the truth if known."""

    received: Complex[Array, "batch slots antennas users"]
    variance: Float[Array, " batch"]
    truth: Float[Array, "batch unknowns"]


_Loss: TypeAlias = Callable[[UnrolledNetwork, _Sample], Float[Array, ""]]


@in_float64
def train_unrolled(
    stack: Stack,
    plan: PilotPlan,
    expected: Expected,
    *,
    key: Key[Array, ""],
    law: ErrorLaw = _UNIFORM,
    snr_range_db: tuple[float, float] = (5.0, 35.0),
    unrolled_steps: int = 2,
    stacks: int = 2048,
    batch: int = 32,
    steps: int = 150,
    held_out: int = 0,
    on_step: Callable[[int, int, float], None] | None = None,
) -> Training:
    """Train on simulated stacks, at signal-to-noise ratios over a range.

    The ratio is that of pilots through the nominal stack to noise. `stacks`: so many are simulated,
    for the linear map too. `held_out`: so many more, which change nothing of what is learned, tell
    the loss of stacks that are not trained on, now and then, with the same noise each time.
    `on_step` is told steps done, steps in all and the loss. Ctrl-C ends training and keeps what was
    learned.

    Raises:
        InputError: a plan of another stack; unknowns without tolerance; too few stacks; a range
            that is none.
    """
    low, high = snr_range_db
    require(
        bool(np.isfinite(low) and np.isfinite(high) and low <= high),
        f"`snr_range_db` must be two finite numbers in order, but is {snr_range_db}.",
    )
    require(
        batch >= _GROUPS and steps >= 0,
        f"`batch` must be at least {_GROUPS} and `steps` not negative, but are {batch}, {steps}.",
    )
    require(
        held_out == 0 or held_out >= _GROUPS,
        f"`held_out` must be 0 or at least {_GROUPS}, but is {held_out}.",
    )
    for_linear, for_stacks, for_batches = jax.random.split(key, 3)
    linear = LinearMap.of(stack, plan, expected, key=for_linear, law=law, stacks=stacks)
    unknowns = linear.preparation.unknowns(stack, plan)
    model = PoseModel.of(unknowns, plan)
    truth = drawn(unknowns, law, for_stacks, stacks)
    clean = predicted_batch(model, truth)
    grams = jnp.mean(link_grams(unknowns, jnp.zeros(unknowns.size))[1:-1], axis=0)
    network = UnrolledNetwork.untrained(
        linear, steps=unrolled_steps, reach=float(jnp.abs(truth).max())
    )

    power = linear.preparation.power

    def samples(number: int) -> _Sample:
        of_step = jax.random.fold_in(for_batches, number)
        return _samples(of_step, truth, clean, batch, power, snr_range_db)

    def loss(network: UnrolledNetwork, sample: _Sample) -> Float[Array, ""]:
        return _error(network, model, grams, sample)

    unseen = None
    if held_out:
        for_fresh, for_noise = jax.random.split(jax.random.fold_in(key, 1))
        fresh = drawn(unknowns, law, for_fresh, held_out)
        of_fresh = predicted_batch(model, fresh)
        unseen = _samples(for_noise, fresh, of_fresh, held_out, power, snr_range_db)
    return _descended(network, loss, samples, steps, _RATE, on_step, unseen)


@in_float64
def fine_tuned(
    network: UnrolledNetwork,
    stack: Stack,
    pilots: list[Pilots],
    *,
    steps: int = 30,
    on_step: Callable[[int, int, float], None] | None = None,
) -> Training:
    """Go on learning from pilots that were measured, whose truth nobody knows.

    Made small is what pilots and prior leave of the answers, over the number of responses.

    Raises:
        InputError: no pilots, of another stack or plan, or of unknown noise.
    """
    require(bool(pilots), "There must be pilots to learn from, but there are none.")
    for each in pilots:
        check_pilots(each, stack)
        network.linear.preparation.unknowns(stack, each.plan)
    unknowns = network.linear.preparation.unknowns(stack, pilots[0].plan)
    model = PoseModel.of(unknowns, pilots[0].plan)
    sample = _Sample(
        jnp.asarray(np.stack([each.received for each in pilots])),
        jnp.asarray([known_noise(each, network.name) for each in pilots]),
        jnp.full((len(pilots), unknowns.size), jnp.nan),
    )

    def loss(network: UnrolledNetwork, sample: _Sample) -> Float[Array, ""]:
        return _left(network, model, sample)

    return _descended(network, loss, lambda _: sample, steps, _TUNING_RATE, on_step)


def _descended(
    network: UnrolledNetwork,
    loss: _Loss,
    samples: Callable[[int], _Sample],
    steps: int,
    rate: float,
    on_step: Callable[[int, int, float], None] | None,
    unseen: _Sample | None = None,
) -> Training:
    """Adam on what is learned, the linear map being left alone."""
    optimiser = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(rate, steps or 1))
    )
    learned, fixed = eqx.partition(network, _is_learned(network))
    state = optimiser.init(learned)

    @eqx.filter_jit
    def step(learned: UnrolledNetwork, state: optax.OptState, sample: _Sample):  # noqa: ANN202
        value, gradient = eqx.filter_value_and_grad(
            lambda part: loss(eqx.combine(part, fixed), sample)
        )(learned)
        update, state = optimiser.update(gradient, state)
        moved = eqx.apply_updates(learned, update)
        return jax.tree.map(lambda x: jnp.clip(x, -_MOST_LOG, _MOST_LOG), moved), state, value

    judge = _Judge(loss, unseen, steps)
    history, ending = list[float](), Ending.BUDGET_SPENT
    try:
        judge.judge(0, network)
        for number in range(steps):
            learned, state, value = step(learned, state, samples(number))
            history.append(float(value))
            judge.judge(number + 1, eqx.combine(learned, fixed))
            if on_step is not None:
                on_step(number + 1, steps, history[-1])
    except KeyboardInterrupt:
        ending = Ending.INTERRUPTED
    found = jax.tree.map(
        lambda leaf: np.asarray(leaf) if eqx.is_array(leaf) else leaf, eqx.combine(learned, fixed)
    )
    judged = np.array(judge.steps, int), np.array(judge.losses, float)
    return Training(found, np.array(history), ending, *judged)


class _Judge:
    """The loss of stacks that are not trained on, now and then; of none, if there are none."""

    def __init__(self, loss: _Loss, unseen: _Sample | None, steps: int) -> None:
        often = np.linspace(0, steps, min(steps, _MOST_TIMES) + 1).round().astype(int)
        self._times = set(often.tolist())
        self._loss, self._unseen = eqx.filter_jit(loss), unseen
        self.steps, self.losses = list[int](), list[float]()

    def judge(self, steps: int, network: UnrolledNetwork) -> None:
        """Judge a network after so many steps, if its time has come."""
        if self._unseen is not None and steps in self._times:
            self.steps.append(steps)
            self.losses.append(float(self._loss(network, self._unseen)))


def _is_learned(network: UnrolledNetwork) -> UnrolledNetwork:
    nothing = jax.tree.map(lambda _: False, network)
    return eqx.tree_at(
        lambda each: (each.log_damping, each.log_prior, each.log_curvature),
        nothing,
        (True, True, True),
    )


def _samples(
    key: Key[Array, ""],
    truth: Float[Array, "stacks unknowns"],
    clean: Complex[Array, "stacks slots antennas users"],
    batch: int,
    power: float,
    snr_range_db: tuple[float, float],
) -> _Sample:
    """A batch of stacks.

    Ratios are spread evenly over the range, group by group.
    """
    which, of_ratio, of_noise = jax.random.split(key, 3)
    index = jax.random.choice(which, len(truth), (batch,), replace=False)
    even = (jnp.arange(batch) + jax.random.uniform(of_ratio, (batch,))) / batch
    low, high = snr_range_db
    variance = power * 10 ** (-(low + (high - low) * even) / 10)
    noise = jax.random.normal(of_noise, (2, batch, *clean.shape[1:]))
    scale = jnp.sqrt(variance / 2).reshape(-1, 1, 1, 1)
    received = clean[index] + scale * (noise[0] + 1j * noise[1])
    return _Sample(received, variance, truth[index])


def _error(
    network: UnrolledNetwork,
    model: PoseModel,
    grams: Float[Array, "unknowns unknowns"],
    sample: _Sample,
) -> Float[Array, ""]:
    """Logarithm of the mean NMSE after every step and of each group of like noise, on average.

    So no group outweighs others, and each step comes as near as it can.
    """
    found = jax.vmap(lambda y, s: unrolled(network, model, y, s))(sample.received, sample.variance)
    left = found - sample.truth[:, None]
    error = jnp.einsum("bkp,pq,bkq->bk", left, grams, left)
    groups = error[: len(error) // _GROUPS * _GROUPS].reshape(_GROUPS, -1, error.shape[1])
    return jnp.mean(jnp.log(jnp.mean(groups, axis=1)))


def _left(
    network: UnrolledNetwork,
    model: PoseModel,
    sample: _Sample,
) -> Float[Array, ""]:
    """What pilots and prior leave of the answers, over the number of responses."""

    def one(y: Array, noise: Array) -> Array:
        values = unrolled(network, model, y, noise)[-1]
        f = model.predict(values)
        residual = y - OneGain().fitted(f, y) * f
        return 2 / noise * jnp.sum(jnp.abs(residual) ** 2) + values @ values

    return jnp.mean(jax.vmap(one)(sample.received, sample.variance)) / sample.received[0].size
