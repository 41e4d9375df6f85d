"""A course of training: epochs of minibatches, until all are done or the user has seen enough.

Distorted images, Adam with a rate that falls along a cosine, cross entropy of the softmax of the
detectors' scores. Energies are normalised in the scores, so that the light's power and the
insertion loss do not matter to the loss.

Source: D. Kingma and J. Ba, arXiv:1412.6980 (2014), for Adam.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from ...design import Outcome
from ...errors import require
from .detectors import Detectors
from .device import Device, energies
from .distortions import Distortion
from .encoding import Encoding
from .exposure import Devices

# Called after every epoch with its number, from 1, its mean loss and its share of right images.
OnEpoch: TypeAlias = Callable[[int, float, float], None]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: passes through all images, images a step, first rate of Adam."""

    epochs: int = 60
    batch: int = 100
    learning_rate_rad: float = 0.2

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name in ("epochs", "batch", "learning_rate_rad"):
            value = getattr(self, name)
            require(np.isfinite(value) and value > 0, f"`{name}` must be positive, but is {value}.")


class _State(eqx.Module):
    """Phases on their way, and what the optimiser remembers."""

    phases_rad: Float[Array, "layers atoms"]
    memory: Any


class Lesson(eqx.Module):
    """What is the same in every epoch."""

    pixels: Float[Array, "images rows columns"]
    labels: Int[Array, " images"]
    encoding: Encoding
    detectors: Detectors
    distortion: Distortion

    def loss(
        self,
        phases_rad: Float[Array, "layers atoms"],
        device: Device,
        pixels: Float[Array, "batch rows columns"],
        labels: Int[Array, " batch"],
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Mean cross entropy of a batch, and the share that is read rightly."""
        fields = self.encoding(pixels.reshape(len(pixels), -1))
        scores = self.detectors.scores(energies(device.response(phases_rad), fields))
        logits = self.detectors.sharpness * scores
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.mean(losses), jnp.mean(jnp.argmax(scores, axis=-1) == labels)


@dataclass
class Course:
    """A training under way: `devices` draws those of an epoch of so many batches."""

    lesson: Lesson
    schedule: Schedule
    devices: Callable[[Key[Array, ""], int], Devices]
    losses: list[float] = field(default_factory=list[float])
    shares_right: list[float] = field(default_factory=list[float])
    best_phases_rad: Any = None
    outcome: Outcome = Outcome.FINISHED
    seconds: float = 0.0

    def run(self, first: Any, seed: int, on_epoch: OnEpoch | None) -> None:
        """All epochs, or those until Ctrl-C."""
        began = time.perf_counter()
        batches = len(self.lesson.labels) // self.schedule.batch
        optimiser = _optimiser(self.schedule, batches)
        state = _State(jnp.asarray(first), optimiser.init(jnp.asarray(first)))
        try:
            for epoch, key in enumerate(
                jax.random.split(jax.random.key(seed), self.schedule.epochs)
            ):
                for_devices, for_images = jax.random.split(key)
                devices = self.devices(for_devices, batches)
                state, loss, right = _epoch(
                    self.lesson, devices, state, for_images, self.schedule, batches
                )
                self._take_in(state, float(loss), float(right))
                if on_epoch:
                    on_epoch(epoch + 1, float(loss), float(right))
        except KeyboardInterrupt:
            if not self.losses:
                raise
            self.outcome = Outcome.INTERRUPTED
        self.seconds = time.perf_counter() - began

    def _take_in(self, state: _State, loss: float, right: float) -> None:
        require(
            np.isfinite(loss),
            "The loss must be finite, but is not: no power reaches the receivers; check gaps and "
            "atoms.",
        )
        if loss < min(self.losses, default=np.inf):
            self.best_phases_rad = np.asarray(state.phases_rad)
        self.losses.append(loss)
        self.shares_right.append(right)


def _optimiser(schedule: Schedule, batches: int) -> optax.GradientTransformation:
    rate = optax.cosine_decay_schedule(schedule.learning_rate_rad, schedule.epochs * batches)
    return optax.adam(rate)


@eqx.filter_jit
def _epoch(
    lesson: Lesson,
    devices: Devices,
    state: _State,
    key: Key[Array, ""],
    schedule: Schedule,
    batches: int,
) -> tuple[_State, Float[Array, ""], Float[Array, ""]]:
    """Every image once, in a new order; mean loss and share of right ones on the way."""
    optimiser = _optimiser(schedule, batches)
    for_order, for_distortion = jax.random.split(key)
    order = jax.random.permutation(for_order, len(lesson.labels))[: batches * schedule.batch]
    pixels = lesson.distortion(lesson.pixels, for_distortion)

    def step(state: _State, each: tuple[Array, Array]) -> tuple[_State, tuple[Array, Array]]:
        batch, chosen = each
        (loss, right), gradient = jax.value_and_grad(lesson.loss, has_aux=True)(
            state.phases_rad, devices[batch], pixels[chosen], lesson.labels[chosen]
        )
        updates, memory = optimiser.update(gradient, state.memory)
        phases_rad: Any = optax.apply_updates(state.phases_rad, updates)
        return _State(phases_rad, memory), (loss, right)

    each = jnp.arange(batches), order.reshape(batches, schedule.batch)
    state, (losses, right) = jax.lax.scan(step, state, each)
    return state, jnp.mean(losses), jnp.mean(right)
