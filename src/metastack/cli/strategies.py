"""What `--strategy` names: a strategy that searches anew, or a file of one that was prepared."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .calibrate_given import GainName

if TYPE_CHECKING:
    from ..calibration import Expected, Pilots
    from ..calibration.strategies import Estimate, Strategy
    from ..stack import Stack


def strategy_named(name: str, expected: "Expected") -> "Strategy":
    """The strategy of a name or of a file; a prepared one keeps the tolerances of its file.

    Raises:
        InputError: neither a name nor a file of a prepared strategy.
    """
    from ..calibration.strategies import Codebook, CodebookSearch, FreeEntries, Geometric
    from ..errors import require
    from ..files import read_prepared

    if name == "geometric":
        return Geometric(expected)
    if name == "entries":
        return FreeEntries(expected)
    require(
        Path(name).suffix.lower() == ".npz",
        f"A strategy must be `geometric`, `entries`, or a file of `metastack codebook build` or "
        f"`metastack learn` (.npz), but is `{name}`.",
    )
    prepared = read_prepared(name).prepared
    return CodebookSearch(prepared) if isinstance(prepared, Codebook) else prepared


def strategies_named(names: Sequence[str], expected: "Expected") -> "list[Strategy]":
    """Several strategies to compare, called as the user calls them, files without their folder.

    Raises:
        InputError: a name that is none; the same one twice.
    """
    from ..errors import require

    for name in names:
        require(names.count(name) == 1, f"Strategies must differ, but `{name}` is given twice.")
    files = [Path(name).name for name in names]
    short = [
        file if files.count(file) == 1 else name for file, name in zip(files, names, strict=True)
    ]
    return [
        _Called(name, strategy_named(each, expected))
        for name, each in zip(short, names, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Called:
    """A strategy under a name of the user's: two files of one kind are two strategies."""

    name: str
    strategy: "Strategy"

    def calibrate(self, stack: "Stack", pilots: "Pilots") -> "Estimate":
        """What the strategy says."""
        return self.strategy.calibrate(stack, pilots)


def require_one_gain(gain: GainName) -> None:
    """Refuse gains that prepared strategies do not know.

    Raises:
        InputError: other gains than one overall.
    """
    from ..errors import require

    require(
        gain is GainName.ONE,
        f"`--gain` must be `one` with `--strategy`, but is `{gain.value}`.",
    )
