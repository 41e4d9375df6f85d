"""Units of work: what studies and sweeps are cut into, computed and kept one by one.

A unit is a function of a module and what it is called with, nothing else, so that any process that
has metastack can compute it, and so that equal units give equal numbers wherever they are computed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, TypeAlias

import numpy as np

# Arrays by name: numbers and truth values, so that they can be kept without pickling.
Results: TypeAlias = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Unit:
    """One call: `task` is a function at the top of a module, `arguments` are what JSON can hold.

    `points`: how many points of the study it computes together, for the progress that is shown.
    """

    task: Callable[..., Mapping[str, Any]]
    arguments: Mapping[str, Any]
    points: int = 1

    @property
    def name(self) -> str:
        """Where the task is: module and function."""
        return f"{self.task.__module__}:{self.task.__qualname__}"

    @cached_property
    def key(self) -> str:
        """A digest of the task and its arguments: equal units have equal keys."""
        text = json.dumps([self.name, self.arguments], sort_keys=True, allow_nan=False)
        return sha256(text.encode()).hexdigest()[:20]

    def compute(self) -> dict[str, np.ndarray]:
        """Make the call.

        Raises:
            TypeError: the task gives something else than numbers and truth values.
        """
        found = {name: np.asarray(value) for name, value in self.task(**self.arguments).items()}
        for name, array in found.items():
            if array.dtype.kind not in "biufc":
                raise TypeError(f"`{name}` of {self.name} must be numbers, but is {array.dtype}")
        return found
