"""A sweep under way: its points or its search, computed in the folder of a run."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import InputError, require
from .command_points import CommandLine
from .options import command_line
from .sweep_plan import Plan, check_sweep, planned

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ..study.runs import Outcome, Refused, RunFolder, RunInputs
    from ..study.sweeps import SearchPlan
    from ..study.sweeps.sweep_file import SweepDescription

_TEXT, _PLACE = "sweep.toml", "folder.txt"

# Computes the units of a plan for so many points.
Compute: TypeAlias = "Callable[[Plan, int], list[Outcome]]"


@dataclass(frozen=True)
class Sweep(ABC):
    """A sweep file with its command, every parameter of which is known."""

    description: "SweepDescription"
    command: CommandLine

    @property
    @abstractmethod
    def points(self) -> int:
        """How many points are computed."""

    @property
    @abstractmethod
    def units(self) -> int:
        """How many units they are computed in."""

    @property
    @abstractmethod
    def seed(self) -> int:
        """What random choices of points begin with."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """A digest of everything that is computed."""

    @abstractmethod
    def answered(self, compute: Compute) -> "tuple[xr.Dataset, list[str]]":
        """The labelled results, and a reason for every point that was refused."""

    @abstractmethod
    def figure(self, data: "xr.Dataset") -> "Figure":
        """What was found, as a picture."""

    @property
    def inputs(self) -> "RunInputs":
        """What a run of this sweep is asked."""
        from ..study.runs import RunInputs

        name, command = self.description.name, command_line()
        return RunInputs(
            "sweep", name, self.fingerprint, self.seed, self.units, self.points, command
        )

    def begin(self, path: Path) -> "RunFolder":
        """The folder of this run, which may have been begun before.

        Raises:
            InputError: it holds something else.
        """
        from ..study.runs import RunFolder

        files = {_TEXT: self.description.text, _PLACE: str(self.description.folder.resolve())}
        return RunFolder.begin(path, self.inputs, {**self._named_texts(), **files})

    def _named_texts(self) -> dict[str, str]:
        """The text files that stay the same, such as the stack file."""
        from ..files.wording import read_text

        named = [value for value in self.description.fixed.values() if isinstance(value, str)]
        paths = [self.description.folder / name for name in named if name.endswith(".toml")]
        return {path.name: read_text(path) for path in paths if path.is_file()}


@dataclass(frozen=True)
class GridSweep(Sweep):
    """A sweep whose points are known beforehand."""

    plan: Plan

    @property
    def points(self) -> int:
        """How many points are computed."""
        return len(self.description.points)

    @property
    def units(self) -> int:
        """How many units they are computed in."""
        return len(self.plan.units)

    @property
    def seed(self) -> int:
        """Seeds are an axis or fixed."""
        return 0

    @property
    def fingerprint(self) -> str:
        """A digest of everything that is computed."""
        return self.plan.fingerprint

    def answered(self, compute: Compute) -> "tuple[xr.Dataset, list[str]]":
        """The labelled results, and a reason for every point that was refused."""
        from ..study.sweeps import labelled

        outcomes, places = compute(self.plan, self.points), self.plan.places
        return labelled(self.description.points, places, outcomes), _reasons(places, outcomes)

    def figure(self, data: "xr.Dataset") -> "Figure":
        """Each result over each axis."""
        from ..report import sweep_figure

        return sweep_figure(data)


@dataclass(frozen=True)
class SearchSweep(Sweep):
    """A sweep that decides where to look by what it found."""

    search: "SearchPlan"

    @property
    def points(self) -> int:
        """How many points are computed."""
        return self.search.trials

    @property
    def units(self) -> int:
        """How many units they are computed in, at most."""
        return self.search.trials

    @property
    def seed(self) -> int:
        """Of the search."""
        return self.search.seed

    @property
    def fingerprint(self) -> str:
        """A digest of everything that is computed: what is tried follows from the files."""
        text = f"{self.description.text} {self.first.fingerprint}"
        return sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def first(self) -> Plan:
        """One point, planned before anything is computed: the others are of its kind.

        Raises:
            InputError: the command does not take it.
        """
        import numpy as np

        generator = np.random.default_rng(0)
        drawn = [(draw.parameters, draw.drawn(generator)) for draw in self.search.draws]
        point = {name: value for names, value in drawn for name in names}
        return planned(self.command, self.description, [point])

    def answered(self, compute: Compute) -> "tuple[xr.Dataset, list[str]]":
        """The labelled results, and a reason for every point that was refused."""
        from ..study.runs import Refused
        from ..study.sweeps import labelled, search

        places, outcomes = list[list[int]](), list["Outcome"]()

        def evaluate(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, float] | None]:
            before, told = sum(map(len, places)), list[Mapping[str, float] | None]()
            plans = [self._planned(point) for point in points]
            made = [plan for plan in plans if isinstance(plan, Plan)]
            units = [unit for plan in made for unit in plan.units]
            computed = iter(compute(Plan(units, [[k] for k in range(len(units))]), len(points)))
            for number, plan in enumerate(plans):
                found = plan if isinstance(plan, Refused) else next(computed)
                outcomes.append(found)
                places.append([before + number])
                told.append(_numbers(found))
            return told

        points = search(self.search, evaluate)
        return labelled(points, places, outcomes), _reasons(places, outcomes)

    def _planned(self, point: Mapping[str, Any]) -> "Plan | Refused":
        """Its one unit, or why it is none: what is drawn may be impossible together."""
        from ..study.runs import Refused

        try:
            return planned(self.command, self.description, [point])
        except InputError as error:
            return Refused(str(error))

    def figure(self, data: "xr.Dataset") -> "Figure":
        """Every trial by the objectives."""
        from ..report import search_figure

        return search_figure(data, self.search.objectives)


def sweep_of(description: "SweepDescription") -> Sweep:
    """The sweep that a file describes, checked as far as can be before it runs.

    Raises:
        InputError: an unknown command or parameter, a point that the command does not take.
    """
    command, sought = check_sweep(description), description.search
    if sought is None:
        plan = planned(command, description, list(description.points))
        return GridSweep(description, command, plan)
    search = SearchSweep(description, command, sought)
    require(search.first.units, "A search must have a point to compute, but has none.")
    return search


def description_in(folder: "RunFolder") -> "SweepDescription":
    """The sweep that a run was begun with.

    Raises:
        InputError: the run is no sweep, or its files are gone.
    """
    from ..files.wording import read_text
    from ..study.sweeps.sweep_file import parse_sweep

    require(
        folder.inputs.kind == "sweep",
        f"`{folder.path}` must be the run of a sweep, but is one of {folder.inputs.kind}.",
    )
    text = read_text(folder.path / "inputs" / _TEXT)
    place = Path(read_text(folder.path / "inputs" / _PLACE))
    return parse_sweep(text, place, folder.inputs.name)


def _reasons(places: Sequence[Sequence[int]], outcomes: "Sequence[Outcome]") -> list[str]:
    from ..study.runs import Refused

    return [
        outcome.reason
        for place, outcome in zip(places, outcomes, strict=True)
        if isinstance(outcome, Refused)
        for _ in place
    ]


def _numbers(outcome: "Outcome") -> Mapping[str, float] | None:
    """The numbers of a point, without arrays; nothing, if it was refused."""
    from ..study.runs import Refused

    if isinstance(outcome, Refused):
        return None
    return {name: float(value[0]) for name, value in outcome.items() if value.ndim == 1}
