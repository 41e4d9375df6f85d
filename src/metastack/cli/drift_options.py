"""Options that say how a stack drifts, and by what it is watched."""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Drifting:
    """How a stack moves."""

    drift: Annotated[
        list[DriftName] | None,
        typer.Option(
            "--drift", help="How the stack moves; again for several at once.  [walk, jumps]"
        ),
    ] = None
    walk_step: Annotated[
        float, typer.Option("--walk-step", help="Step of the walk a block, in tolerances.")
    ] = 0.03
    jump_rate: Annotated[float, typer.Option("--jump-rate", help="Jumps a block.")] = 1 / 150
    jump_size: Annotated[
        float, typer.Option("--jump-size", help="Largest jump, in tolerances.")
    ] = 1.0
    thermal_amplitude: Annotated[
        float, typer.Option("--thermal-amplitude", help="Swing of heat either way, in tolerances.")
    ] = 0.5
    thermal_period: Annotated[
        float, typer.Option("--thermal-period", help="Blocks of a swing of heat.")
    ] = 500.0
    thermal_trend: Annotated[
        float, typer.Option("--thermal-trend", help="Trend of heat a block, in tolerances.")
    ] = 5e-4
    vibration_amplitude: Annotated[
        float, typer.Option("--vibration-amplitude", help="Vibration either way, in tolerances.")
    ] = 0.1
    vibration_period: Annotated[
        float, typer.Option("--vibration-period", help="Blocks of a vibration.")
    ] = 7.3


GainStep: TypeAlias = Annotated[
    float,
    typer.Option(
        "--gain-step",
        help="Step of the set-up's complex gain a block, relative (radians of phase); from 1 on "
        "every block has one of its own, as without a locked oscillator.",
    ),
]


@dataclass(frozen=True)
class Watching:
    """What is watched, and when it raises an alarm."""

    monitor: Annotated[
        MonitorName, typer.Option("--monitor", help="What is watched: subspace sees jumps first.")
    ] = MonitorName.SUBSPACE
    false_alarms: Annotated[
        float, typer.Option("--false-alarms", help="False alarms a block that set the threshold.")
    ] = 1e-3


WALK_AND_JUMPS, SUBSPACE = Drifting(), Watching()

SnrDb: TypeAlias = Annotated[
    float, typer.Option(help="SNR of an antenna in a slot, mean over random phases.")
]


def check_step(option: str, step: float) -> None:
    """Refuse a step that cannot be, in the unit in which it was given.

    Raises:
        InputError: it is negative or not finite.
    """
    from ..errors import require

    require(0 <= step < float("inf"), f"`{option}` must be finite and not negative: {step}.")


def drift_of(drifting: Drifting) -> "Drift":
    """The drift that options describe.

    Raises:
        InputError: a step, rate, size or period that cannot be.
    """
    from ..calibration.schedule import Drift, Jumps, RandomWalk, Thermal, Together, Vibration

    given = drifting
    kinds: dict[DriftName, Drift] = {
        DriftName.WALK: RandomWalk(given.walk_step),
        DriftName.THERMAL: Thermal(
            given.thermal_amplitude, given.thermal_period, given.thermal_trend
        ),
        DriftName.JUMPS: Jumps(given.jump_rate, given.jump_size),
        DriftName.VIBRATION: Vibration(given.vibration_amplitude, given.vibration_period),
    }
    chosen = dict.fromkeys(drifting.drift or [DriftName.WALK, DriftName.JUMPS])
    return Together(tuple(kinds[name] for name in chosen))


def alarms_of(watching: Watching) -> "Alarms":
    """The watch that options describe."""
    from ..calibration.schedule import Alarms, Cusum, Monitor, ResidualEnergy, SubspaceDetector

    kinds: dict[MonitorName, type[Monitor]] = {
        MonitorName.SUBSPACE: SubspaceDetector,
        MonitorName.CUSUM: Cusum,
        MonitorName.ENERGY: ResidualEnergy,
    }
    return Alarms(kinds[watching.monitor](), watching.false_alarms)
