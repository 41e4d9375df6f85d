"""Training the phases of a stack to classify images, and going on where another stack left off.

Source: X. Lin et al., All-optical machine learning using diffractive deep neural networks, Science
361 (2018); C. Liu et al., A programmable diffractive deep neural network based on a digital-coding
metasurface array, Nature Electronics 5 (2022), for a microwave stack of programmable layers.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ...design import GivenPhases, NearUniform, Outcome, StartPhases
from ...errors import require
from ...stack import Stack
from .course import Course, Lesson, OnEpoch, Schedule
from .detectors import BrightestRegion, Detectors
from .device import in_precision
from .distortions import Distortion, SmallMotions
from .encoding import AmplitudeEncoding, Encoding
from .exposure import Exposure, GivenStack
from .fitting import check_fit
from .images import LabelledImages

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
        lesson = Lesson(
            in_precision(images.pixels, dtype),
            jnp.asarray(images.labels),
            *in_precision((encoding, detectors, distortion or SmallMotions()), dtype),
        )
        course = Course(lesson, schedule, (exposure or GivenStack()).devices(stack, dtype))
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
