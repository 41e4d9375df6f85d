"""Labelled images from a file of arrays: `pixels`, images x rows x columns, and `labels`."""

from pathlib import Path

from ..errors import require
from ..systems.classification import LabelledImages
from .matrix_file import read_arrays
from .wording import naming, one_line


def read_images(path: Path | str) -> LabelledImages:
    """The images of an .npz or .mat file.

    Raises:
        InputError: the file cannot be read, an array is missing, or they are no labelled images.
    """
    arrays = read_arrays(path)
    with naming(path):
        for name in ("pixels", "labels"):
            held = ", ".join(arrays) or "nothing"
            require(name in arrays, f"The file must hold `{name}`, but holds {one_line(held)}.")
        labels = arrays["labels"]
        return LabelledImages.of(
            arrays["pixels"], labels.squeeze() if labels.ndim > 1 else labels, Path(path).stem
        )
