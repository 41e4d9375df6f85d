"""How well a stack classifies images: right ones, mix-ups, and what share of the power arrives."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.stats import binomtest

from ..._types import AnyArray
from ...stack import Stack
from .detectors import BrightestRegion, Detectors
from .device import Device, energies, in_precision
from .encoding import AmplitudeEncoding, Encoding
from .fitting import check_fit
from .images import LabelledImages


@dataclass(frozen=True, eq=False)
class Verdict:
    """What became of a set of images.

    `confusion[i, j]`: images of class i that were read as class j. `delivered`: share of the power
    of all images, as they leave the input layer, that reaches a receiver.
    """

    confusion: Int[np.ndarray, "truth read"]
    delivered: float

    @property
    def images(self) -> int:
        """How many were judged."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of images whose class was read rightly."""
        return float(np.trace(self.confusion)) / self.images

    @property
    def insertion_loss_db(self) -> float:
        """Power that does not reach the receivers."""
        return float(-10 * np.log10(self.delivered))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Where the accuracy on all such images is, from these (E. Wilson, JASA 22, 1927)."""
        test = binomtest(int(np.trace(self.confusion)), self.images)
        low, high = test.proportion_ci(confidence, method="wilson")
        return float(low), float(high)


def judge(
    stack: Stack,
    phases_rad: Float[AnyArray, "layers atoms"],
    images: LabelledImages,
    *,
    detectors: Detectors | None = None,
    encoding: Encoding | None = None,
    dtype: type[np.floating] = np.float64,
) -> Verdict:
    """Send every image through a stack, read its class and count.

    Without more, by the brightest of equal regions of receivers, pixels as amplitudes. Stacks of
    one shape share a compiled program, whatever their poses, gaps and phases.

    Raises:
        InputError: images, phases or detectors that do not fit the stack.
    """
    detectors = detectors or BrightestRegion.on(stack.receiver_array, images.classes)
    read, delivered = read_classes(
        stack, phases_rad, images, detectors, encoding or AmplitudeEncoding(), dtype=dtype
    )
    confusion = np.zeros((detectors.classes, detectors.classes), int)
    np.add.at(confusion, (images.labels, read), 1)
    return Verdict(confusion, delivered)


def read_classes(
    stack: Stack,
    phases_rad: Float[AnyArray, "layers atoms"],
    images: LabelledImages,
    detectors: Detectors,
    encoding: Encoding,
    *,
    dtype: type[np.floating] = np.float64,
) -> tuple[Int[np.ndarray, " images"], float]:
    """The class that is read from each image, and the share of all power that arrives.

    Raises:
        InputError: images, phases or detectors that do not fit the stack.
    """
    check_fit(stack, images, detectors, phases_rad)
    with jax.enable_x64(dtype is np.float64):
        device, fixed = Device.of(stack, dtype), in_precision(detectors, dtype)
        phases, pixels = in_precision((np.asarray(phases_rad), images.pixels), dtype)
        read, delivered = _read(device, phases, pixels, encoding, fixed)
        return np.asarray(read), float(delivered)


@eqx.filter_jit
def _read(
    device: Device,
    phases_rad: Float[Array, "layers atoms"],
    pixels: Float[Array, "images rows columns"],
    encoding: Encoding,
    detectors: Detectors,
) -> tuple[Int[Array, " images"], Float[Array, ""]]:
    fields = encoding(pixels.reshape(len(pixels), -1))
    arrived = energies(device.response(phases_rad), fields)
    sent = jnp.sum(fields.real**2 + fields.imag**2)
    return jnp.argmax(detectors.scores(arrived), axis=-1), jnp.sum(arrived) / sent
