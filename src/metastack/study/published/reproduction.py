"""A study in the folder of a run: computed there, drawn, judged, and read back."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError, require
from ...files.atomic import replacing
from ..runs import Executor, Refused, RunFolder, RunInputs, run_units
from ..runs.running import A_DAY_S, OnPoints
from ..units import Unit
from .study import Study, Verdict

if TYPE_CHECKING:
    import xarray as xr

_VERDICTS, _PARAMETERS = "verdicts.json", "parameters.json"


@dataclass(frozen=True)
class Reproduction:
    """A study with its parameters, and the units that they make."""

    study: Study[Any]
    parameters: Any
    units: Sequence[Unit]

    @classmethod
    def of(cls, study: Study[Any], parameters: Any) -> "Reproduction":
        """The reproduction of a study with these parameters."""
        return cls(study, parameters, list(study.units(parameters)))

    @property
    def fingerprint(self) -> str:
        """A digest of everything that is computed and shown."""
        about = f"{self.study.name} {self.parameters!r} {[unit.key for unit in self.units]}"
        return sha256(about.encode()).hexdigest()[:16]

    @property
    def points(self) -> int:
        """How many points the units are."""
        return sum(unit.points for unit in self.units)

    def begin(self, root: Path, command: str) -> RunFolder:
        """Its folder among the runs in `root`, which may have been begun before.

        Raises:
            InputError: the folder holds something else.
        """
        seed = getattr(self.parameters, "seed", 0)
        told = json.dumps(asdict(self.parameters), indent=1) + "\n"
        inputs = RunInputs(
            "study",
            self.study.name,
            self.fingerprint,
            seed,
            len(self.units),
            self.points,
            command,
        )
        return RunFolder.begin(root / inputs.folder_name, inputs, {_PARAMETERS: told})

    def run(
        self,
        folder: RunFolder,
        *,
        executor: Executor | None = None,
        on_points: OnPoints | None = None,
        most_seconds: float = A_DAY_S,
    ) -> "tuple[xr.Dataset, list[Verdict]]":
        """Compute what is missing, then draw and judge; everything is kept in the folder.

        Raises:
            InputError: as `run_units`; a unit was refused.
        """
        with folder.alone():
            outcomes = run_units(
                self.units,
                folder,
                executor=executor,
                on_points=on_points,
                most_seconds=most_seconds,
            )
            results = [_needed(outcome) for outcome in outcomes]
            data = self.study.gather(self.parameters, results)
            verdicts = list(self.study.judge(data))
            folder.draw({self.study.name: self.study.draw(data)})
            _write_verdicts(folder.path / _VERDICTS, verdicts)
            folder.finish(data.assign_attrs(study=self.study.name, title=self.study.title))
        return data, verdicts


def _needed(outcome: Any) -> Any:
    if isinstance(outcome, Refused):
        raise InputError(outcome.reason)
    return outcome


def _write_verdicts(path: Path, verdicts: Sequence[Verdict]) -> None:
    rows = [{"judgement": each.judgement.value, "sentence": each.sentence} for each in verdicts]
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")


def changed_parameters(parameters: Any, changes: Sequence[str]) -> Any:
    """Parameters with some of them given anew, each as `name=value`, lists by commas.

    Raises:
        InputError: an unknown name, or a value of another kind than the one that is there.
    """
    from dataclasses import fields, replace

    known = {field.name: getattr(parameters, field.name) for field in fields(parameters)}
    given = dict[str, Any]()
    for change in changes:
        name, equals, text = change.partition("=")
        require(
            bool(equals) and name in known,
            f"`--set` must be NAME=VALUE with a name of {', '.join(known)}, but is `{change}`.",
        )
        given[name] = _like(known[name], text, change)
    return replace(parameters, **given)


def _like(value: Any, text: str, change: str) -> Any:
    if isinstance(value, tuple):
        kinds: Any = value
        return tuple(_like(kinds[0], part, change) for part in text.split(","))
    try:
        return type(value)(text)
    except (TypeError, ValueError):
        kind = type(value).__name__
        raise InputError(f"`--set {change}` must be like {value!r}, of kind {kind}.") from None
