"""Options that say how a stack drifts, and by what it is watched."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from ..calibration.schedule import Alarms, Drift


class DriftName(StrEnum):
    """Drifts on the command line."""

    WALK = "walk"
    THERMAL = "thermal"
    JUMPS = "jumps"
    VIBRATION = "vibration"


class MonitorName(StrEnum):
    """Monitors on the command line."""

    SUBSPACE = "subspace"
    CUSUM = "cusum"
    ENERGY = "energy"


Drifts: TypeAlias = Annotated[
    list[DriftName] | None,
    typer.Option("--drift", help="How the stack moves; again for several at once.  [walk, jumps]"),
]
WalkStep: TypeAlias = Annotated[
    float, typer.Option("--walk-step", help="Step of the walk a block, in tolerances.")
]
JumpRate: TypeAlias = Annotated[float, typer.Option("--jump-rate", help="Jumps a block.")]
JumpSize: TypeAlias = Annotated[
    float, typer.Option("--jump-size", help="Largest jump, in tolerances.")
]
SnrDb: TypeAlias = Annotated[
    float, typer.Option(help="SNR of an antenna in a slot, mean over random phases.")
]
FalseAlarms: TypeAlias = Annotated[
    float, typer.Option("--false-alarms", help="False alarms a block that set the threshold.")
]
Monitored: TypeAlias = Annotated[
    MonitorName, typer.Option("--monitor", help="What is watched: subspace sees jumps first.")
]
WALK_STEP, JUMP_RATE, JUMP_SIZE, FALSE_ALARMS = 0.03, 1 / 150, 1.0, 1e-3


def drift_of(
    names: list[DriftName] | None, walk_step: float, jump_rate: float, jump_size: float
) -> "Drift":
    """The drift that options describe.

    Raises:
        InputError: a step, rate or size that cannot be.
    """
    from ..calibration.schedule import Drift, Jumps, RandomWalk, Thermal, Together, Vibration

    kinds: dict[DriftName, Drift] = {
        DriftName.WALK: RandomWalk(walk_step),
        DriftName.THERMAL: Thermal(),
        DriftName.JUMPS: Jumps(jump_rate, jump_size),
        DriftName.VIBRATION: Vibration(),
    }
    chosen = dict.fromkeys(names or [DriftName.WALK, DriftName.JUMPS])
    return Together(tuple(kinds[name] for name in chosen))


def alarms_of(monitor: MonitorName, false_alarms: float) -> "Alarms":
    """The watch that options describe."""
    from ..calibration.schedule import Alarms, Cusum, Monitor, ResidualEnergy, SubspaceDetector

    kinds: dict[MonitorName, type[Monitor]] = {
        MonitorName.SUBSPACE: SubspaceDetector,
        MonitorName.CUSUM: Cusum,
        MonitorName.ENERGY: ResidualEnergy,
    }
    return Alarms(kinds[monitor](), false_alarms)
