"""What a sweep has to compute: every point is checked before the first one is computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, require
from .command_points import CommandLine, several

if TYPE_CHECKING:
    from ..files import StackDescription
    from ..study.sweeps import DesignSettings
    from ..study.sweeps.sweep_file import SweepDescription
    from ..study.units import Unit

_MOST_POINTS = 100_000

# What `metastack design` may be asked besides, for its points to run in batches.
_BATCHED = {
    "stack",
    "output",
    "json",
    "method",
    "insertion_loss_db",
    "bits",
    "starts",
    "seed",
    "goal_db",
    "iterations",
    "decay",
    "random_start",
}


@dataclass(frozen=True)
class Plan:
    """Units, and which of the points each of them computes."""

    units: "list[Unit]"
    places: list[list[int]]

    @property
    def fingerprint(self) -> str:
        """A digest of everything that is computed and where it goes."""
        text = " ".join(
            f"{unit.key}{place}" for unit, place in zip(self.units, self.places, strict=True)
        )
        return sha256(text.encode()).hexdigest()[:16]


def check_sweep(description: "SweepDescription") -> CommandLine:
    """The command of a sweep, which has every parameter that is set.

    Raises:
        InputError: it has not, or there is no such command; more points than anyone computes.
    """
    command = CommandLine(description.command)
    axes, search = description.points.axes, description.search
    names = [name for axis in axes for name in axis.parameters]
    names += [name for draw in (search.draws if search else ()) for name in draw.parameters]
    command.check_names([*description.fixed, *names])
    require(
        len(description.points) <= _MOST_POINTS,
        f"A sweep must have at most {_MOST_POINTS:,} points, but has {len(description.points):,}.",
    )
    return command


def planned(
    command: CommandLine, description: "SweepDescription", points: Sequence[Mapping[str, Any]]
) -> Plan:
    """Units for these points.

    Raises:
        InputError: a point that the command does not take, or whose stack cannot be built.
    """
    stacks = _Stacks(description.folder)
    asked = [{**description.fixed, **point} for point in points]
    checked = [_checked(command, stacks, each, description.folder) for each in asked]
    if command.words == ("design",) and all(_is_batched(command, each) for each in checked):
        return _designs(checked)
    units = [_command_unit(command, each) for each in checked]
    return Plan(units, [[k] for k in range(len(units))])


@dataclass(frozen=True)
class _Checked:
    """A point: what was asked, what the command makes of it, and its stack, if it has one."""

    asked: Mapping[str, Any]
    parsed: Mapping[str, Any]
    stack: "StackDescription | None"


class _Stacks:
    """Stack files with other values in them, each read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, StackDescription] = {}

    def __call__(self, file: str, changes: Mapping[str, Any]) -> "StackDescription":
        from ..files import read_changed_stack

        key = dumps([file, changes], sort_keys=True)
        if key not in self._known:
            try:
                self._known[key] = read_changed_stack(self._folder / file, changes)
            except InputError as error:
                told = ", ".join(f"{name} = {value}" for name, value in changes.items())
                raise InputError(f"{error} (at {told})" if told else str(error)) from error
        return self._known[key]


def _checked(
    command: CommandLine, stacks: _Stacks, asked: Mapping[str, Any], folder: Path
) -> _Checked:
    own = {name.replace("-", "_"): value for name, value in asked.items() if "." not in name}
    changes = {name.partition(".")[2]: value for name, value in asked.items() if "." in name}
    located = {name: _located(value, folder) for name, value in own.items()}
    parsed = command.parsed(located)
    stack = stacks(str(own["stack"]), changes) if "stack" in own else None
    require(stack is not None or not changes, "`stack` must be fixed for its values to be swept.")
    return _Checked(located, parsed, stack)


def _located(value: Any, folder: Path) -> Any:
    """The name of a file beside the sweep file as one that holds anywhere."""
    if isinstance(value, list):
        return [_located(each, folder) for each in value]
    is_file = isinstance(value, str) and _is_file(folder / value)
    return str((folder / value).resolve()) if is_file else value


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _is_batched(command: CommandLine, point: _Checked) -> bool:
    others = {name: value for name, value in point.parsed.items() if name not in _BATCHED}
    return all(value == command.default(name) for name, value in others.items())


def _designs(points: Sequence[_Checked]) -> Plan:
    """Points of one stack and one recipe, which differ in their seeds, share units."""
    from ..study.sweeps import design_units

    groups: dict[Any, list[int]] = {}
    for number, point in enumerate(points):
        groups.setdefault(_recipe(point), []).append(number)
    units, places = list["Unit"](), list[list[int]]()
    for members in groups.values():
        first = points[members[0]]
        seeds = [int(points[k].parsed["seed"]) for k in members]
        made = design_units(_with_bits(first), _settings(first), seeds)
        units += made
        places += _dealt(members, [unit.points for unit in made])
    return Plan(units, places)


def _recipe(point: _Checked) -> tuple[Any, ...]:
    parsed = sorted((k, v) for k, v in point.parsed.items() if k in _BATCHED - {"seed", "stack"})
    return (id(point.stack), *parsed)


def _dealt(members: Sequence[int], sizes: Sequence[int]) -> list[list[int]]:
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    return [list(members[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def _with_bits(point: _Checked) -> "StackDescription":
    from .design import with_bits

    assert point.stack is not None
    bits = point.parsed["bits"]
    return point.stack if bits is None else with_bits(point.stack, bits)


def _settings(point: _Checked) -> "DesignSettings":
    from ..design import DEFAULT_GOAL_DB
    from ..study.sweeps import DesignSettings
    from .design import MethodName, check_method

    p = point.parsed
    method = MethodName(p["method"])
    check_method(method, p["iterations"], p["decay"])
    descends = method is MethodName.GRADIENT_DESCENT
    return DesignSettings(
        method=None if method is MethodName.DEFAULT else method.value,
        iterations=p["iterations"],
        decay=p["decay"],
        insertion_loss_db=p["insertion_loss_db"],
        starts=p["starts"],
        goal_db=DEFAULT_GOAL_DB if p["goal_db"] is None else p["goal_db"],
        random_start=p["random_start"] or descends,
    )


def _command_unit(command: CommandLine, point: _Checked) -> "Unit":
    from ..files import description_text
    from ..study.units import Unit

    text = None if point.stack is None else description_text(point.stack)
    values = [each for value in point.asked.values() for each in several(value)]
    files = [each for each in values if isinstance(each, str) and _is_file(Path(each))]
    digests = {path: _digest(Path(path)) for path in files}
    return Unit(
        run_point,
        {
            "command": list(command.words),
            "parameters": dict(point.asked),
            "stack": text,
            "digests": digests,
        },
    )


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()[:16]


def run_point(
    *,
    command: Sequence[str],
    parameters: Mapping[str, Any],
    stack: str | None,
    digests: Mapping[str, str],
) -> dict[str, Any]:
    """Run one point of a command; every result has a first axis of one.

    `stack`: the text of its stack file. `digests` make a unit another one when its files change.
    """
    from tempfile import TemporaryDirectory

    del digests
    with TemporaryDirectory() as folder:
        given = dict(parameters)
        if stack is not None:
            given["stack"] = str(Path(folder) / "stack.toml")
            Path(given["stack"]).write_text(stack, encoding="utf-8")
        answer = CommandLine(command).answer(given)
    return {name: value[None] for name, value in answer.items()}
