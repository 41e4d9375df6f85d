"""What `--strategy` names: a strategy that searches anew, or a file of one that was prepared."""

from pathlib import Path
from typing import TYPE_CHECKING

from .calibrate_given import GainName

if TYPE_CHECKING:
    from ..calibration import Expected
    from ..calibration.strategies import Strategy


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
