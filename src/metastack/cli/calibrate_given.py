"""What commands that calibrate are given: what is expected, which gains are unknown."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..calibration import Expected, Gains
    from ..imperfections import Imperfections


class GainName(StrEnum):
    """Which complex gains are unknown."""

    ONE = "one"
    PER_PORT = "per-port"
    PER_SLOT = "per-slot"
    KNOWN = "known"


@dataclass(frozen=True)
class Prior:
    """What else is known beforehand, or not."""

    no_prior: Annotated[
        bool,
        typer.Option("--no-prior", help="Tolerances only say what may be off, not by how much."),
    ] = False
    user_deviation: Annotated[
        float,
        typer.Option(help="Users are off too: metres (--near) or direction cosines (--far)."),
    ] = 0.0


@dataclass(frozen=True)
class Search:
    """How long a fit looks."""

    starts: Annotated[
        int | None,
        typer.Option(min=1, help="Starts; else one, or up to 24 where tolerances are wide."),
    ] = None
    iterations: Annotated[int, typer.Option(min=1, help="Most iterations of a start.")] = 50


AS_TOLD, AS_LONG_AS_NEEDED = Prior(), Search()


def expected_of(imperfections: "Imperfections", prior: Prior) -> "Expected":
    """What is known beforehand: what fabrication within tolerances leads to, or nothing at all."""
    import jax
    import numpy as np

    from ..calibration import Expected
    from ..errors import require
    from ..geometry import Pose

    users = prior.user_deviation
    require(users >= 0, f"`--user-deviation` must not be negative, but is {users}.")
    expected = Expected.within(imperfections, users=users)
    if not prior.no_prior:
        return expected
    free: Pose = jax.tree.map(
        lambda deviation: np.where(np.asarray(deviation) > 0, np.inf, 0.0), expected.deviation
    )
    return Expected(free, np.inf if users else 0.0)


def say_start(done: int, most: int) -> None:
    """Tell which start is done, where there may be several."""
    if most > 1:
        typer.echo(f"calibrate: start {done} of at most {most}", err=True)


def gains_named(name: GainName) -> "Gains":
    """The gains that a name on the command line stands for."""
    from ..calibration import GainPerPort, GainPerSlot, KnownGain, OneGain

    kinds: dict[GainName, type[Gains]] = {
        GainName.ONE: OneGain,
        GainName.PER_PORT: GainPerPort,
        GainName.PER_SLOT: GainPerSlot,
        GainName.KNOWN: KnownGain,
    }
    return kinds[name]()
