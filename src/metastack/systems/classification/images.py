"""Labelled images: what a classifier is trained and judged on.

Pixels are from 0 to 1, row by row from the top as they are printed; labels are 0, 1, ….
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Float, Int, Shaped

from ...errors import require


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images of one size and the class of each; `of` makes one and checks."""

    pixels: Float[np.ndarray, "images rows columns"]
    labels: Int[np.ndarray, " images"]
    name: str = "images"

    @classmethod
    def of(
        cls,
        pixels: Shaped[np.ndarray, "..."],
        labels: Shaped[np.ndarray, "..."],
        name: str = "images",
    ) -> Self:
        """Images whose pixels are brought to 0 … 1 by their largest.

        Raises:
            InputError: another shape than images x rows x columns, pixels that are negative, not
                finite or all zero, not one label an image, labels that are not 0, 1, ….
        """
        pixels, labels = np.asarray(pixels), np.asarray(labels)
        require(
            pixels.ndim == 3 and pixels.size > 0 and pixels.dtype.kind in "biuf",
            f"`pixels` of {name} must be numbers, images x rows x columns, but have shape "
            f"{pixels.shape} and type {pixels.dtype}.",
        )
        require(
            labels.shape == pixels.shape[:1] and labels.dtype.kind in "iu",
            f"`labels` of {name} must be whole numbers, one an image ({len(pixels)}), but have "
            f"shape {labels.shape} and type {labels.dtype}.",
        )
        require(
            bool(np.isfinite(pixels).all()) and pixels.min() >= 0 < pixels.max(),
            f"`pixels` of {name} must be finite, not negative and not all zero, but go from "
            f"{pixels.min()} to {pixels.max()}.",
        )
        require(
            labels.min() >= 0 and 2 <= len(np.unique(labels)) == labels.max() + 1,
            f"`labels` of {name} must be 0, 1, … without a gap, at least two classes, but are "
            f"{np.unique(labels)[:20].tolist()}.",
        )
        return cls(pixels / float(pixels.max()), labels.astype(int), name)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of every image."""
        return self.pixels.shape[1], self.pixels.shape[2]

    def __getitem__(self, chosen: "slice | Int[np.ndarray, ' chosen']") -> Self:
        """Some of the images."""
        return replace(self, pixels=self.pixels[chosen], labels=self.labels[chosen])

    def split(self, held_out: int, *, seed: int) -> "tuple[LabelledImages, LabelledImages]":
        """Images to train on and `held_out` others to judge by, with the classes in proportion.

        The same seed gives the same split.

        Raises:
            InputError: none, or all, would be held out; too few for one of each class.
        """
        require(
            self.classes <= held_out <= len(self) - self.classes,
            f"`held_out` must leave an image of every class on both sides, from {self.classes} to "
            f"{len(self) - self.classes}, but is {held_out}.",
        )
        shuffled = np.random.default_rng(seed).permutation(len(self))
        labels = self.labels[shuffled]
        # How far through its own class each image is: the first of every class go together.
        rank = np.empty(len(self))
        for label in range(self.classes):
            mine = np.flatnonzero(labels == label)
            rank[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
        order = shuffled[np.argsort(rank, kind="stable")]
        return self[np.sort(order[held_out:])], self[np.sort(order[:held_out])]

    def shrunk(self, factor: int) -> Self:
        """Smaller images: the mean of every `factor` x `factor` pixels.

        Raises:
            InputError: the factor does not divide rows and columns.
        """
        rows, columns = self.shape
        require(
            factor >= 1 and rows % factor == columns % factor == 0,
            f"`factor` must divide rows and columns of the images, {rows} x {columns}, but is "
            f"{factor}.",
        )
        tiles = self.pixels.reshape(len(self), rows // factor, factor, columns // factor, factor)
        return replace(self, pixels=tiles.mean(axis=(2, 4)))
