"""Sweep files: TOML that says which command to run at which points.

`examples/sweep_ablation.toml` is one to start from; docs/sweeps.md explains every key.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field, FiniteFloat
from pydantic_core import PydanticCustomError

from ...errors import require
from ...files.sections import Section
from ...files.toml_sections import sections_of
from ...files.wording import naming, read_text, shown
from .axes import Axis, Points, Scalar
from .space import Draw, Objective, SearchPlan

_Count: TypeAlias = Annotated[int, Field(ge=1, le=10_000_000)]
_Seed: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]


def _checked_scalar(value: Any) -> Any:
    fits = abs(value) < 2**63 if isinstance(value, int) else True
    if fits and (isinstance(value, str | int) or _is_finite(value)):
        return value
    rule = f"must be a finite number, a text, true or false, but is {shown(value)}"
    raise PydanticCustomError("section", "", {"rule": rule})


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _checked_fixed(value: Any) -> Any:
    """A scalar, or a list of them for what takes several."""
    several: Any = value if isinstance(value, list) else [value]
    for each in several:
        _checked_scalar(each)
    return value


_Scalar: TypeAlias = Annotated[Any, BeforeValidator(_checked_scalar)]


class GridSection(Section):
    """An axis: `values`, or `count` numbers from `first` to `last`; `set`: all that take them."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("values", "first"),)
    needs: ClassVar[dict[str, tuple[str, ...]]] = {"first": ("last", "count")}

    set: list[str] | None = None
    values: list[_Scalar] | None = None
    first: int | FiniteFloat | None = None
    last: int | FiniteFloat | None = None
    count: _Count | None = None
    log: bool = False


class DrawSection(Section):
    """What a parameter is drawn from: uniform from `low` to `high`, or one of `choices`."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("choices", "low"),)
    needs: ClassVar[dict[str, tuple[str, ...]]] = {"low": ("high",)}

    set: list[str] | None = None
    low: int | FiniteFloat | None = None
    high: int | FiniteFloat | None = None
    log: bool = False
    choices: list[_Scalar] | None = None


class RandomSection(Section):
    """So many points, at which all parameters are drawn together."""

    count: _Count
    seed: _Seed = 0
    parameters: Annotated[dict[str, DrawSection], Field(min_length=1)]


class SearchSection(Section):
    """Points that are chosen one after the other by what the others gave."""

    trials: _Count
    together: Annotated[int, Field(ge=1, le=1024)] = 8
    seed: _Seed = 0
    objectives: Annotated[dict[str, Literal["minimise", "maximise"]], Field(min_length=1)]
    parameters: Annotated[dict[str, DrawSection], Field(min_length=1)]


def _as_table(value: Any) -> Any:
    return {"values": value} if isinstance(value, list) else value


class SweepSection(Section):
    """A sweep file."""

    command: str
    name: Annotated[str, Field(pattern=r"^\w[\w .-]{0,79}$")] | None = None
    fixed: dict[str, Annotated[Any, BeforeValidator(_checked_fixed)]] = Field(default_factory=dict)
    grid: dict[str, Annotated[GridSection, BeforeValidator(_as_table)]] = Field(
        default_factory=dict
    )
    lists: dict[str, dict[str, list[_Scalar]]] = Field(default_factory=dict)
    random: RandomSection | None = None
    seeds: Annotated[int, Field(ge=1, le=1_000_000)] | list[_Seed] | None = None
    search: SearchSection | None = None


@dataclass(frozen=True)
class SweepDescription:
    """What a sweep file says: the command, what stays the same, and the points or how to search.

    `folder`: where files that it names are looked up. `text` is the file itself.
    """

    name: str
    command: tuple[str, ...]
    fixed: Mapping[str, Scalar | Sequence[Scalar]]
    points: Points
    search: SearchPlan | None
    folder: Path
    text: str


def read_sweep(path: Path | str) -> SweepDescription:
    """Read a sweep file.

    Raises:
        InputError: the file cannot be read, or does not describe a sweep.
    """
    path = Path(path)
    text = read_text(path)
    with naming(path):
        return parse_sweep(text, path.parent, path.stem)


def parse_sweep(text: str, folder: Path, name: str) -> SweepDescription:
    """The sweep of a text, with files looked up in `folder`.

    Raises:
        InputError: the text does not describe a sweep.
    """
    section = _with_plain_names(sections_of(text, SweepSection))
    points = Points(tuple(_axes(section)))
    search = None if section.search is None else _search(section.search)
    require(
        (search is None) == bool(points.axes),
        "A sweep must have either a `[search]`, or at least one of `[grid]`, `[lists]`, `[random]` "
        f"and `seeds`, but has {'both' if search else 'neither'}.",
    )
    _refuse_fixed_twice(section, points, search)
    command = tuple(section.command.split())
    return SweepDescription(
        section.name or name, command, section.fixed, points, search, folder, text
    )


def _with_plain_names(section: SweepSection) -> SweepSection:
    """`--goal-db`, `goal-db` and `goal_db` are one parameter."""
    fixed = {_plain(name): value for name, value in section.fixed.items()}
    return section.model_copy(update={"fixed": fixed})


def _plain(name: str) -> str:
    return name.removeprefix("--").replace("-", "_")


def _axes(section: SweepSection) -> list[Axis]:
    axes = [_grid_axis(name, each) for name, each in section.grid.items()]
    axes += [_list_axis(name, each) for name, each in section.lists.items()]
    if section.random is not None:
        axes.append(_random_axis(section.random))
    if section.seeds is not None:
        seeds = range(section.seeds) if isinstance(section.seeds, int) else section.seeds
        axes.append(Axis("seed", ("seed",), tuple((seed,) for seed in seeds)))
    return axes


def _grid_axis(name: str, section: GridSection) -> Axis:
    parameters = tuple(map(_plain, [name] if section.set is None else section.set))
    require(parameters, f"`grid.{name}.set` must name at least one parameter, but is empty.")
    values = _range(name, section) if section.values is None else section.values
    require(values, f"`grid.{name}` must have at least one value, but is empty.")
    label = name if section.set else _plain(name)
    return Axis(label, parameters, tuple((value,) * len(parameters) for value in values))


def _range(name: str, section: GridSection) -> Sequence[float]:
    first, last, count = section.first or 0, section.last or 0, section.count or 1
    require(
        not section.log or (first > 0 and last > 0),
        f"`grid.{name}` must be from and to positive numbers with `log`, but is from {first:g} to "
        f"{last:g}.",
    )
    spaced = np.geomspace if section.log else np.linspace
    # Twelve digits are more than anyone writes, and .3 stays .3.
    values = [float(f"{value:.12g}") for value in spaced(first, last, count)]
    is_whole = isinstance(first, int) and isinstance(last, int)
    return [int(v) for v in values] if is_whole and all(v == int(v) for v in values) else values


def _list_axis(name: str, columns: Mapping[str, list[Scalar]]) -> Axis:
    require(columns, f"`lists.{name}` must set at least one parameter, but is empty.")
    lengths = {len(column) for column in columns.values()}
    require(
        len(lengths) == 1 and 0 not in lengths,
        f"`lists.{name}` must give every parameter as many values, at least one, but gives "
        f"{', '.join(f'`{key}` {len(column)}' for key, column in columns.items())}.",
    )
    return Axis(
        name,
        tuple(map(_plain, columns)),
        tuple(zip(*columns.values(), strict=True)),
        is_numbered=True,
    )


def _random_axis(section: RandomSection) -> Axis:
    draws = _draws("random", section.parameters)
    generator = np.random.default_rng(section.seed)
    points = [[draw.drawn(generator) for draw in draws] for _ in range(section.count)]
    names = tuple(name for draw in draws for name in draw.parameters)
    values = tuple(
        tuple(v for draw, v in zip(draws, point, strict=True) for _ in draw.parameters)
        for point in points
    )
    return Axis("draw", names, values, is_numbered=True)


def _search(section: SearchSection) -> SearchPlan:
    objectives = tuple(
        Objective(name, aim == "maximise") for name, aim in section.objectives.items()
    )
    draws = tuple(_draws("search", section.parameters))
    return SearchPlan(draws, objectives, section.trials, section.together, section.seed)


def _draws(where: str, parameters: Mapping[str, DrawSection]) -> list[Draw]:
    return [_draw(f"{where}.parameters.{name}", name, each) for name, each in parameters.items()]


def _draw(where: str, name: str, section: DrawSection) -> Draw:
    set_by = tuple(map(_plain, [name] if section.set is None else section.set))
    if section.choices is not None:
        require(section.choices, f"`{where}.choices` must have at least one value, but is empty.")
        return Draw(name, set_by, choices=tuple(section.choices))
    low, high = section.low or 0, section.high or 0
    require(
        low < high and (not section.log or low > 0),
        f"`{where}` must be from `low` to a greater `high`, positive with `log`, but is from "
        f"{low:g} to {high:g}.",
    )
    return Draw(name, set_by, low=low, high=high, log=section.log)


def _refuse_fixed_twice(section: SweepSection, points: Points, search: SearchPlan | None) -> None:
    swept = {name for axis in points.axes for name in axis.parameters}
    swept |= {name for draw in (search.draws if search else ()) for name in draw.parameters}
    both = sorted(swept & section.fixed.keys())
    require(
        not both,
        f"A parameter must be either fixed or swept, but `{'`, `'.join(both)}` is both.",
    )
