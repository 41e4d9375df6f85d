"""`metastack simulate pilots`: what the antennas of a built stack would receive."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, require_writable
from .output import emit, warn

if TYPE_CHECKING:
    from ..calibration.illumination import Illumination
    from ..calibration.pilots import PilotPlan
    from ..stack import Stack

_SLOTS = 100


@option_groups
def pilots(
    stack: StackPath,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Pilots to write (.nc, .npz, .mat), or a folder of .csv files."
        ),
    ],
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Phases to show; random ones if not told.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option(min=1, help=f"Slots of random phases.  [default: {_SLOTS}]")
    ] = None,
    bits: Annotated[
        int | None, typer.Option(min=1, max=16, help="Random phases of so many bits.")
    ] = None,
    lighting: Lighting = NOT_TOLD,
    snr_db: Annotated[
        float | None, typer.Option(help="SNR of an antenna in a slot, mean over random phases.")
    ] = None,
    gain_db: Annotated[float, typer.Option(help="Gain of cables and amplifiers.")] = 0.0,
    gain_phase_deg: Annotated[float, typer.Option(help="Phase of that gain.")] = 0.0,
    port_gain_deviation: Annotated[
        float,
        typer.Option(min=0, help="Standard deviation of the ports' complex gains, relative."),
    ] = 0.0,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Send pilots through a stack: phases slot after slot, and what every antenna receives.

    Without users, every input port is fed by itself. Without an SNR the pilots are free of noise.
    """
    import jax
    import numpy as np

    from ..calibration.pilots import simulate_pilots
    from ..files import read_stack, write_pilots

    require_pilots_writable(output)
    given = illumination_of(lighting)
    gain = gain_of(gain_db, gain_phase_deg)
    nominal = read_stack(stack).stack
    chosen = plan_of(nominal, plan, slots, bits, given, seed)
    ports = nominal.receiver_array.size, chosen.illumination.users(nominal)
    parts = np.random.default_rng([seed, 2]).normal(scale=0.5**0.5, size=(2, 1, *ports))
    each = 1 + port_gain_deviation * (parts[0] + 1j * parts[1])
    simulated = simulate_pilots(
        nominal,
        chosen,
        snr_db=np.inf if snr_db is None else snr_db,
        key=jax.random.key(seed),
        gain=gain * each,
    )
    write_pilots(
        simulated,
        output,
        frequency_hz=float(nominal.frequency_hz),
        wave_speed_m_per_s=float(nominal.wave_speed_m_per_s),
    )
    made, antennas, users = simulated.received.shape
    answer = {"slots": made, "antennas": antennas, "users": users, "seed": seed}
    noise = {"noise_variance": simulated.noise_variance}
    emit({**answer, **noise, "output": str(output)}, as_json=json)


def plan_of(
    stack: "Stack",
    path: Path | None,
    slots: int | None,
    bits: int | None,
    illumination: "Illumination | None",
    seed: int,
) -> "PilotPlan":
    """The plan of a file, or a random one.

    Raises:
        InputError: both are asked for; the file holds no plan for this stack's frequency.
    """
    from ..calibration.illumination import FromInputPorts
    from ..calibration.pilots import random_plan
    from ..errors import require
    from ..files import check_frequency, read_plan

    if path is None:
        lit = illumination or FromInputPorts()
        return random_plan(stack, slots or _SLOTS, lit, seed=seed, bits=bits)
    require(
        slots is None and bits is None,
        "Give either `--plan`, or `--slots` and `--bits` of random phases, not both.",
    )
    stored = read_plan(path, illumination=illumination)
    check_frequency(stored, stack)
    for warning in stored.warnings:
        warn(warning)
    return stored.plan


def gain_of(gain_db: float, gain_phase_deg: float) -> complex:
    """Complex gain of decibels and degrees.

    Raises:
        InputError: numbers that are not finite, or decibels beyond all measure.
    """
    from cmath import rect
    from math import isfinite, radians

    from ..errors import require
    from .simulate import check_db

    check_db("gain-db", gain_db)
    require(
        isfinite(gain_phase_deg), f"`--gain-phase-deg` must be finite, but is {gain_phase_deg}."
    )
    return rect(10 ** (gain_db / 20), radians(gain_phase_deg))


def require_pilots_writable(output: Path) -> None:
    """As `require_writable`, but for a folder too."""
    from ..files.pilot_folder import check_folder
    from ..files.pilots_csv import FILES

    is_folder = output.is_dir() or not output.suffix
    if not is_folder:
        return require_writable(output, ".nc", ".npz", ".mat")
    check_folder(output, FILES)
    # Any file in its place tells whether the folder around can be written to.
    return require_writable(output.resolve().with_suffix(".nc"), ".nc")
