"""Every study by its name; each file is loaded when it is asked for."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from ...errors import require
from .study import Study

_HOME = {
    "doa-table-1": "doa.table_1",
    "doa-table-2": "doa.table_2",
    "doa-fig-4a": "doa.fig_4a",
    "doa-fig-4b": "doa.fig_4b",
    "doa-fig-5a": "doa.fig_5a",
    "doa-fig-5b": "doa.fig_5b",
    "doa-fig-6": "doa.fig_6",
    "doa-fig-7": "doa.fig_7",
    "doa-fig-8a": "doa.fig_8a",
    "doa-fig-8b": "doa.fig_8b",
    "doa-fig-9a": "doa.fig_9a",
    "doa-fig-9b": "doa.fig_9b",
    "doa-fig-11a": "doa.fig_11a",
    "doa-fig-11b": "doa.fig_11b",
    "doa-fig-12a": "doa.fig_12a",
    "doa-fig-12b": "doa.fig_12b",
    "doa-search": "doa.search",
    "calibration-fig-2": "calibration.fig_2",
    "calibration-fig-4a": "calibration.fig_4a",
    "calibration-fig-4b": "calibration.fig_4b",
    "calibration-fig-5": "calibration.fig_5",
    "calibration-table-1": "calibration.table_1",
}


def study_names() -> Sequence[str]:
    """All names, in the order of the papers."""
    return list(_HOME)


def study_named(name: str) -> Study[Any]:
    """A study.

    Raises:
        InputError: there is none of this name.
    """
    require(
        name in _HOME,
        f"`{name}` must be a published figure or table: {', '.join(_HOME)}, or `all`.",
    )
    return import_module(f".{_HOME[name]}", __package__).STUDY
