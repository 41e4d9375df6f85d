"""Phases of few bits that classify nearly as well as any phases.

Rounding what was trained freely breaks it, and training rounded phases from the start is slow: a
phase must drift half a step before anything changes. So the free phases come first, and then a
course on the atoms as they round, with the gradient of those that do not.

Source: C. Liu et al., Nature Electronics 5 (2022), for few bits in a microwave stack; Y. Bengio et
al., arXiv:1308.3432 (2013), for the gradient.
"""

from dataclasses import replace
from typing import Any

import equinox as eqx
import numpy as np

from ...atoms import smooth
from ...design import GivenPhases, Outcome
from ...stack import Stack
from .course import OnEpoch, Schedule
from .images import LabelledImages
from .training import Classifier, train


def rounding_course(schedule: Schedule) -> Schedule:
    """What follows a course of free phases: as long, at half the rate."""
    return replace(schedule, learning_rate_rad=schedule.learning_rate_rad / 2)


def train_rounding(
    stack: Stack,
    images: LabelledImages,
    *,
    schedule: Schedule | None = None,
    on_epoch: OnEpoch | None = None,
    **settings: Any,
) -> Classifier:
    """The course of `schedule` with atoms of any phase, then one with the atoms that there are.

    `rounding_course` is the second. The history is that of both; `settings` are the others of
    `train`. Ctrl-C in the first course returns its phases, which the atoms then round.

    Raises:
        InputError: as `train`.
    """
    schedule = schedule or Schedule()
    free = eqx.tree_at(lambda stack: stack.atoms, stack, smooth(stack.atoms))
    before = train(free, images, schedule=schedule, on_epoch=on_epoch, **settings)
    if before.outcome is Outcome.INTERRUPTED:
        return replace(before, stack=stack)
    from_free: dict[str, Any] = {**settings, "start": GivenPhases(before.phases_rad)}

    def tell(epoch: int, loss: float, right: float) -> None:
        if on_epoch is not None:
            on_epoch(schedule.epochs + epoch, loss, right)

    second = rounding_course(schedule)
    after = train(stack, images, schedule=second, on_epoch=tell, **from_free)
    return replace(
        after,
        losses=np.append(before.losses, after.losses),
        shares_right=np.append(before.shares_right, after.shares_right),
        seconds=before.seconds + after.seconds,
    )
