"""Options that say what atoms do at other frequencies than the stack's."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from ..dispersion import Dispersion
    from ..stack import Stack

ResonatorQ: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Atoms are resonators of this quality factor, tuned by their phase."),
]
DispersionTable: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--dispersion",
        help="Or a measured table (.csv): setting_deg, frequency_hz, amplitude, phase_deg.",
    ),
]


def dispersion_of(stack: "Stack", resonator_q: float | None, table: Path | None) -> "Dispersion":
    """What the options say; without them atoms transmit the same at every frequency.

    Raises:
        InputError: both options, a quality factor that is not positive, or a table that cannot be
            used.
    """
    from math import isfinite

    from ..dispersion import NoDispersion, ResonatorDispersion
    from ..errors import require
    from ..files import read_dispersion

    require(
        resonator_q is None or table is None,
        "Give either `--resonator-q` or `--dispersion`, not both.",
    )
    if table is not None:
        return read_dispersion(table, centre_hz=float(stack.frequency_hz))
    if resonator_q is None:
        return NoDispersion()
    require(
        isfinite(resonator_q) and resonator_q > 0,
        f"`--resonator-q` must be positive, but is {resonator_q}.",
    )
    return ResonatorDispersion(resonator_q)
