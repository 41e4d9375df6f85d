"""What commands that calibrate are given: what is expected, which gains are unknown."""

from enum import StrEnum
from typing import TYPE_CHECKING

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


def expected_of(
    imperfections: "Imperfections", user_deviation: float, *, has_prior: bool = True
) -> "Expected":
    """What is known beforehand: what fabrication within tolerances leads to, or nothing at all."""
    import jax
    import numpy as np

    from ..calibration import Expected
    from ..errors import require
    from ..geometry import Pose

    require(
        user_deviation >= 0, f"`--user-deviation` must not be negative, but is {user_deviation}."
    )
    expected = Expected.within(imperfections, users=user_deviation)
    if has_prior:
        return expected
    free: Pose = jax.tree.map(
        lambda deviation: np.where(np.asarray(deviation) > 0, np.inf, 0.0), expected.deviation
    )
    return Expected(free, np.inf if user_deviation else 0.0)


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
