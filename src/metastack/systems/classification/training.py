"""Training the phases of a stack to classify images.

Minibatches of distorted images, Adam with a rate that falls along a cosine, cross entropy of the
softmax of the detectors' scores. Energies are normalised in the scores, so that the light's power
and the insertion loss do not matter to the loss.

Source: X. Lin et al., All-optical machine learning using diffractive deep neural networks, Science
361 (2018); C. Liu et al., A programmable diffractive deep neural network based on a digital-coding
metasurface array, Nature Electronics 5 (2022), for phases of few bits in a microwave stack.
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

from ...design import GivenPhases, NearUniform, Outcome, StartPhases
from ...errors import require
from ...stack import Stack
from .detectors import BrightestRegion, Detectors
from .device import Device, energies, in_precision
from .distortions import Distortion, SmallMotions
from .encoding import AmplitudeEncoding, Encoding
from .exposure import Devices, Exposure, GivenStack
from .fitting import check_fit
from .images import LabelledImages

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


# A few epochs at a low rate: the phases are nearly right already.
RETRAINING = Schedule(epochs=10, learning_rate_rad=0.05)


@dataclass(frozen=True, eq=False)
class Classifier:
    """A stack with phases that classify, how images enter it and how it is read.

    `losses`: mean cross entropy of every epoch, in nats; `shares_right`: of the images trained on,
    distorted as they were, on the way. The phases, from 0 to 2 pi, are those after the epoch of
    the smallest loss.
    """

    stack: Stack
    phases_rad: Float[np.ndarray, "layers atoms"]
    detectors: Detectors
    encoding: Encoding
    losses: Float[np.ndarray, " epochs"]
    shares_right: Float[np.ndarray, " epochs"]
    outcome: Outcome
    seconds: float
    seed: int


class _State(eqx.Module):
    """Phases on their way, and what the optimiser remembers."""

    phases_rad: Float[Array, "layers atoms"]
    memory: Any


class _Lesson(eqx.Module):
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


def train(
    stack: Stack,
    images: LabelledImages,
    *,
    detectors: Detectors | None = None,
    encoding: Encoding | None = None,
    schedule: Schedule | None = None,
    distortion: Distortion | None = None,
    exposure: Exposure | None = None,
    start: StartPhases | None = None,
    seed: int = 0,
    dtype: type[np.floating] = np.float32,
    on_epoch: OnEpoch | None = None,
) -> Classifier:
    """Phases with which a stack classifies images.

    Without arguments: the brightest of equal regions of receivers, pixels as amplitudes, small
    motions of the images, the stack as given, near-uniform phases to start from. Atoms that round
    are trained as they round. Ctrl-C ends the training and returns the best phases until then;
    before the first epoch has ended it goes on.

    Raises:
        InputError: images, detectors or start that do not fit the stack; fewer images than a batch.
    """
    detectors = detectors or BrightestRegion.on(stack.receiver_array, images.classes)
    schedule = schedule or Schedule()
    check_fit(stack, images, detectors)
    require(
        schedule.batch <= len(images),
        f"`batch` must be at most the number of images, {len(images)}, but is {schedule.batch}.",
    )
    first = (start or NearUniform())(np.random.default_rng(seed), stack.phases_shape)
    encoding = encoding or AmplitudeEncoding()
    with jax.enable_x64(dtype is np.float64):
        lesson = _Lesson(
            in_precision(images.pixels, dtype),
            jnp.asarray(images.labels),
            *in_precision((encoding, detectors, distortion or SmallMotions()), dtype),
        )
        course = _Course(lesson, schedule, (exposure or GivenStack()).devices(stack, dtype))
        course.run(in_precision(first, dtype), seed, on_epoch)
    return Classifier(
        stack,
        np.mod(np.asarray(course.best_phases_rad, float), 2 * np.pi),
        detectors,
        encoding,
        np.array(course.losses),
        np.array(course.shares_right),
        course.outcome,
        course.seconds,
        seed,
    )


def retrain(
    stack: Stack,
    images: LabelledImages,
    phases_rad: Float[np.ndarray, "layers atoms"],
    *,
    schedule: Schedule | None = None,
    **settings: Any,
) -> Classifier:
    """Go on from phases that were trained on another stack: a built one, once it is calibrated.

    A few epochs at a low rate; `settings` are those of `train`.

    Raises:
        InputError: as `train`; phases of another shape.
    """
    start = GivenPhases(phases_rad)
    return train(stack, images, schedule=schedule or RETRAINING, start=start, **settings)


@dataclass
class _Course:
    """A training under way."""

    lesson: _Lesson
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
    lesson: _Lesson,
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
        return _State(state.phases_rad + updates, memory), (loss, right)

    each = jnp.arange(batches), order.reshape(batches, schedule.batch)
    state, (losses, right) = jax.lax.scan(step, state, each)
    return state, jnp.mean(losses), jnp.mean(right)
