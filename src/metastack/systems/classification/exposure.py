"""Which stacks the images of training pass through: the one given, or a fresh one every batch.

Phases that are trained on stacks with the errors of fabrication ('vaccinated') lose less on the
one that is built, at the cost of some accuracy on the perfect one. Where the built stack can be
calibrated, training for that one stack is better still.

Source: D. Mengu et al., Misalignment resilient diffractive optical networks, Nanophotonics 9
(2020).
"""

from collections.abc import Callable
from typing import Any, Protocol

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Int, Key

from ...imperfections import Imperfections, built
from ...precision import in_float64
from ...stack import Stack
from .device import Device, in_precision


class Devices(Protocol):
    """The devices of one epoch, as JAX sees them."""

    def __getitem__(self, batch: Int[Array, ""]) -> Device:
        """The device that a batch passes through."""
        ...


class Exposure(Protocol):
    """What the images of training meet."""

    def devices(
        self, stack: Stack, dtype: type[np.floating]
    ) -> Callable[[Key[Array, ""], int], Devices]:
        """How to draw the devices of an epoch of so many batches."""
        ...


class OneDevice(eqx.Module):
    """The same device for every batch."""

    device: Device

    def __getitem__(self, batch: Int[Array, ""]) -> Device:
        """The device that a batch passes through."""
        return self.device


class ManyStacks(eqx.Module):
    """A stack for every batch, in one tree with a leading axis."""

    stacks: Stack

    def __getitem__(self, batch: Int[Array, ""]) -> Device:
        """The device that a batch passes through."""
        return Device.traced(jax.tree.map(lambda leaf: leaf[batch], self.stacks))


class GivenStack(eqx.Module):
    """The stack as it is given: as designed, as built, or as calibrated."""

    def devices(
        self, stack: Stack, dtype: type[np.floating]
    ) -> Callable[[Key[Array, ""], int], Devices]:
        """How to draw the devices of an epoch of so many batches."""
        one = OneDevice(Device.of(stack, dtype))
        return lambda key, batches: one


class Vaccination(eqx.Module):
    """Every batch meets another stack, built from the given one within tolerances."""

    imperfections: Imperfections

    def devices(
        self, stack: Stack, dtype: type[np.floating]
    ) -> Callable[[Key[Array, ""], int], Devices]:
        """How to draw the devices of an epoch of so many batches."""

        @in_float64
        def draw(key: Key[Array, ""], batches: int) -> Any:
            keys = jax.random.split(key, batches)
            stacks = jax.vmap(lambda one: _only_arrays(built(stack, self.imperfections, one)))(keys)
            return ManyStacks(in_precision(stacks, dtype))

        return draw


def _only_arrays(stack: Stack) -> Stack:
    return jax.tree.map(jax.numpy.asarray, stack)
