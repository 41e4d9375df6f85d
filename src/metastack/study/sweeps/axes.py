"""The points of a sweep: axes, every combination of them, and one labelled dataset of what came.

Whatever a sweep file calls it, a grid, a list or random draws, is an axis: so many positions, and
at each of them a value for every parameter that the axis sets.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import xarray as xr

from ...errors import require
from ..runs import Outcome, Refused

Scalar: TypeAlias = bool | int | float | str
Parameters: TypeAlias = Mapping[str, Scalar]

# As the ends of names say it.
_UNITS = {
    "_db": "dB",
    "_deg": "degree",
    "_rad": "rad",
    "_rad2": "rad^2",
    "_wavelengths": "wavelength",
    "_hz": "Hz",
    "_m": "m",
}


@dataclass(frozen=True)
class Axis:
    """A dimension of a sweep: `values[k]` holds a value for every one of `parameters`.

    `is_numbered`: positions have a number each and no order but that, as draws and trials.
    """

    name: str
    parameters: tuple[str, ...]
    values: tuple[tuple[Scalar, ...], ...]
    is_numbered: bool = False

    @property
    def is_labelled_by_value(self) -> bool:
        """Whether all parameters have the same value everywhere, so that it is the label."""
        return not self.is_numbered and all(len(set(values)) == 1 for values in self.values)


@dataclass(frozen=True)
class Points:
    """Every combination of axes, the last axis fastest."""

    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        """Refuse what is no grid.

        Raises:
            InputError: an axis without a value; two that share a name or a parameter.
        """
        for axis in self.axes:
            require(axis.values, f"`{axis.name}` must have at least one value, but has none.")
        names = [_dimensions(axis) for axis in self.axes]
        parameters = [axis.parameters for axis in self.axes]
        for kind, given in (("names", names), ("parameters", parameters)):
            _refuse_repeated(kind, [each for several in given for each in several])

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(len(axis.values) for axis in self.axes)

    def __len__(self) -> int:
        """How many points there are."""
        return math.prod(self.shape)

    def __iter__(self) -> Iterator[dict[str, Scalar]]:
        """The parameters of every point in order."""
        names = [name for axis in self.axes for name in axis.parameters]
        for combination in product(*(axis.values for axis in self.axes)):
            values = [value for position in combination for value in position]
            yield dict(zip(names, values, strict=True))


def _dimensions(axis: Axis) -> tuple[str, ...]:
    """The names that an axis has in a dataset."""
    if axis.is_labelled_by_value:
        return (axis.name,)
    return tuple(dict.fromkeys((axis.name, *axis.parameters)))


def _refuse_repeated(kind: str, names: Sequence[str]) -> None:
    twice = sorted({each for each in names if names.count(each) > 1})
    require(
        not twice,
        f"The {kind} of a sweep's axes must differ, but `{'`, `'.join(twice)}` stands there twice.",
    )
    bad = [name for name in names if not name or "/" in name]
    require(
        not bad,
        f"The {kind} of a sweep's axes must not be empty or have a `/`, but one is "
        f"`{''.join(bad[:1])}`.",
    )


def labelled(
    points: Points, places: Sequence[Sequence[int]], outcomes: Sequence[Outcome]
) -> xr.Dataset:
    """One dataset over the axes of what the units found.

    `places[k]`: which points unit k computed, in the order of the first axis of its results. NaN
    stands where a unit was refused. Results that not every point has, or not in one shape, or whose
    name an axis took, are left out and named in the attribute `left_out`.
    """
    found = [each for each in outcomes if not isinstance(each, Refused)]
    require(found, f"No point can be computed: {_first_reason(outcomes)}")
    coordinates = _coordinates(points.axes)
    everything = list(dict.fromkeys(name for each in found for name in each))
    names = [name for name in everything if name not in coordinates and _is_everywhere(name, found)]
    require(names, "The command must answer with a number at every point, but answers with none.")
    variables = {name: _variable(name, points, places, outcomes) for name in names}
    swept = {name for axis in points.axes for name in axis.parameters}
    left_out = [name for name in everything if name not in names and name not in swept]
    about = {"left_out": ", ".join(left_out)} if left_out else {}
    return xr.Dataset(variables, coords=coordinates, attrs=about)


def _is_everywhere(name: str, found: Sequence[Mapping[str, np.ndarray]]) -> bool:
    shapes = {each[name].shape[1:] if name in each else None for each in found}
    return len(shapes) == 1


def _first_reason(outcomes: Sequence[Outcome]) -> str:
    return next((each.reason for each in outcomes if isinstance(each, Refused)), "there is none.")


def _variable(
    name: str, points: Points, places: Sequence[Sequence[int]], outcomes: Sequence[Outcome]
) -> xr.DataArray:
    known = [
        (place, each[name])
        for place, each in zip(places, outcomes, strict=True)
        if not isinstance(each, Refused)
    ]
    first = known[0][1]
    complete = sum(len(place) for place, _ in known) == len(points)
    kinds = {value.dtype for _, value in known} | (set() if complete else {np.dtype(float)})
    empty = 0 if complete else np.nan
    values: Any = np.full((len(points), *first.shape[1:]), empty, np.result_type(*kinds))
    for place, value in known:
        values[list(place)] = value
    inner = [f"{name}_{axis}" for axis in range(first.ndim - 1)]
    array = values.reshape(*points.shape, *first.shape[1:])
    return xr.DataArray(
        array, dims=[*(axis.name for axis in points.axes), *inner], attrs=_units(name)
    )


def _coordinates(axes: Sequence[Axis]) -> dict[str, Any]:
    coordinates: dict[str, Any] = {}
    for axis in axes:
        if axis.is_labelled_by_value:
            label = _column([values[0] for values in axis.values])
            coordinates[axis.name] = (axis.name, label, _units(axis.parameters[0]))
            continue
        coordinates[axis.name] = np.arange(len(axis.values))
        for index, name in enumerate(axis.parameters):
            column = _column([values[index] for values in axis.values])
            coordinates[name] = (axis.name, column, _units(name))
    return coordinates


def _column(values: Sequence[Scalar]) -> np.ndarray:
    """Numbers, or texts where one of them is none."""
    is_text = any(isinstance(value, str) for value in values)
    return np.array([str(value) for value in values] if is_text else values)


def _units(name: str) -> dict[str, str]:
    ending = next((ending for ending in _UNITS if name.endswith(ending)), None)
    return {} if ending is None else {"units": _UNITS[ending]}
