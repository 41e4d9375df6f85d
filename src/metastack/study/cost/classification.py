"""Images read behind a stack: phases that were trained before, and trained on from there."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from ...calibration.illumination import Illumination, OntoInputLayer, PlaneWaves
from ...errors import require
from ...files.classifier_file import ImageSource, read_classifier
from ...files.images_file import read_images
from ...files.wording import opening
from ...stack import Stack
from ...systems.classification import DATASETS, Classifier, LabelledImages, Schedule, judge, retrain
from .directions import USERS_DEG
from .used_system import Merit


@dataclass(frozen=True)
class ClassificationUse:
    """A trained classifier, judged by the images that its training held out.

    `path`: its file, whose content has the digest `sha256`; `split_seed`: that by which
    `metastack system classify` holds images out.
    """

    path: str
    sha256: str
    epochs: int = 10
    learning_rate_rad: float = 0.05
    batch: int = 100
    seed: int = 0
    split_seed: int = 0

    merit: ClassVar[Merit] = Merit("images read rightly", "%", larger_is_better=True)

    @cached_property
    def _read(self) -> tuple[Classifier, ImageSource]:
        require(
            digest_of(self.path) == self.sha256,
            f"`{self.path}` must stay as it was when the run began, but has changed.",
        )
        return read_classifier(self.path)

    @cached_property
    def _images(self) -> tuple[LabelledImages, LabelledImages]:
        """Images to train on, and those to judge by."""
        source = self._read[1]
        found = DATASETS.get(source.images, lambda: read_images(source.images))()
        return found.shrunk(source.shrink).split(source.held_out, seed=self.split_seed)

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """The stack that was trained on."""
        return (self._read[0].stack,)

    @property
    def illumination(self) -> Illumination:
        """Plane waves onto the input layer, which has no ports."""
        return OntoInputLayer(PlaneWaves.from_angles(*np.radians(USERS_DEG)))

    def designed(self) -> Float[np.ndarray, "layers atoms"]:
        """The phases of the file."""
        return self._read[0].phases_rad

    def redesigned(
        self, believed: tuple[Stack, ...], choice: Float[np.ndarray, "layers atoms"]
    ) -> Float[np.ndarray, "layers atoms"]:
        """A few epochs more, on another stack."""
        trained = self._read[0]
        return retrain(
            believed[0],
            self._images[0],
            choice,
            schedule=Schedule(self.epochs, self.batch, self.learning_rate_rad),
            detectors=trained.detectors,
            encoding=trained.encoding,
            seed=self.seed,
        ).phases_rad

    def judged(self, true: tuple[Stack, ...], choice: Float[np.ndarray, "layers atoms"]) -> float:
        """Percent of the images held out whose class is read rightly."""
        trained = self._read[0]
        return (
            100
            * judge(
                true[0],
                choice,
                self._images[1],
                detectors=trained.detectors,
                encoding=trained.encoding,
            ).accuracy
        )


def digest_of(path: Path | str) -> str:
    """SHA-256 of a file's content.

    Raises:
        InputError: it cannot be read.
    """
    with opening(path):
        return sha256(Path(path).read_bytes()).hexdigest()
