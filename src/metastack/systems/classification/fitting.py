"""Refusing images, detectors and phases that do not belong to a stack, before anything is run."""

import numpy as np
from jaxtyping import Float

from ..._types import AnyArray
from ...errors import require
from ...stack import Stack
from .detectors import Detectors
from .images import LabelledImages


def check_fit(
    stack: Stack,
    images: LabelledImages,
    detectors: Detectors,
    phases_rad: Float[AnyArray, "..."] | None = None,
) -> None:
    """Refuse what does not fit the stack.

    Raises:
        InputError: images that are not one pixel an element of the input layer, more classes than
            the detectors tell apart, detectors on other receivers, phases of another stack.
    """
    _check_images(images, stack)
    require(
        images.classes <= detectors.classes,
        f"The detectors must tell apart the {images.classes} classes of {images.name}, but tell "
        f"apart {detectors.classes}.",
    )
    receivers = np.shape(detectors.regions)[1]
    require(
        receivers == stack.receiver_array.size,
        f"`regions` of the detectors must have one column a receiver, {stack.receiver_array.size}, "
        f"but have {receivers}.",
    )
    if phases_rad is not None:
        require(
            np.shape(phases_rad) == stack.phases_shape and np.isfinite(phases_rad).all(),
            f"The phases must be finite and layers x atoms, {stack.phases_shape}, but have shape "
            f"{np.shape(phases_rad)}.",
        )


def _check_images(images: LabelledImages, stack: Stack) -> None:
    rows, columns = images.shape
    layer = stack.input_array
    require(
        (rows, columns) == layer.shape,
        f"The images must have one pixel an element of the input layer, {layer.rows} rows x "
        f"{layer.columns} columns, but {images.name} have {rows} x {columns}; set `[input] rows` "
        "and `columns` in the stack file, or shrink or pad the images.",
    )
