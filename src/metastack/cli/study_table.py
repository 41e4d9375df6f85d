"""The table of a study of accuracy: what is found is written at once, and found once."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..doa import NoiseLevel
    from ..study import Contender, MsePoint


@dataclass
class StudyTable:
    """The points of a study in a CSV file, whose first line says how they were found."""

    path: Path
    settings: str
    points: "dict[tuple[str, str, float], MsePoint]"

    @classmethod
    def open(cls, path: Path, settings: Mapping[str, Any]) -> "StudyTable":
        """The table of these settings, with what is in the file already.

        Raises:
            InputError: the file holds a study with other settings, or no study.
        """
        from ..errors import InputError, require
        from ..study import MsePoint

        line = f"# {json.dumps(settings, sort_keys=True)}"
        if not path.exists():
            return cls(path, line, {})
        first, *rest = path.read_text(encoding="utf-8").splitlines() or [""]
        require(
            first == line,
            f"`{path}` must hold the same study, but was made with other devices or options; "
            "give another `--output` folder.",
        )
        kinds = {field.name: field.type for field in fields(MsePoint)}
        convert: dict[Any, Any] = {str: str, float: float, int: int}
        try:
            points = [
                MsePoint(**{name: convert[kinds[name]](value) for name, value in row.items()})
                for row in csv.DictReader(rest)
            ]
        except (KeyError, TypeError, ValueError) as error:
            message = f"`{path}` must be a table of a study, but is damaged; remove it."
            raise InputError(message) from error
        return cls(path, line, {_key_of(point): point for point in points})

    def has(self, contender: "Contender", level: "NoiseLevel") -> bool:
        """Whether a point is there."""
        return _key(contender, level) in self.points

    def count(self, contenders: "list[Contender]", levels: "list[NoiseLevel]") -> int:
        """How many of these points are there."""
        return len(self.of(contenders, levels))

    def of(self, contenders: "list[Contender]", levels: "list[NoiseLevel]") -> "list[MsePoint]":
        """Those of these points that are there, in order."""
        keys = [_key(contender, level) for contender in contenders for level in levels]
        return [self.points[key] for key in keys if key in self.points]

    def add(self, point: "MsePoint") -> None:
        """Take in a point, and write the file anew."""
        from ..files import replacing

        self.points[_key_of(point)] = point
        text = io.StringIO()
        rows = [asdict(each) for each in self.points.values()]
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        with replacing(self.path) as temporary:
            temporary.write_text(f"{self.settings}\n{text.getvalue()}", encoding="utf-8")


def _key(contender: "Contender", level: "NoiseLevel") -> tuple[str, str, float]:
    return contender.device.name, contender.reading, float(getattr(level, "db", 0.0))


def _key_of(point: "MsePoint") -> tuple[str, str, float]:
    return point.device, point.reading, point.snr_db
