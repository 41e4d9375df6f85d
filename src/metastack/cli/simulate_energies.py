"""`metastack simulate energies`: what receivers without phase would tell of a built stack."""

from pathlib import Path
from typing import Annotated

import typer

from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath
from .output import emit
from .simulate_pilots import gain_of, plan_of, require_pilots_writable


@option_groups
def energies(
    stack: StackPath,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Energies to write (.nc, .npz, .mat), or a folder of .csv files."
        ),
    ],
    snr_db: Annotated[
        float, typer.Option(help="SNR of an antenna in a slot, mean over random phases.")
    ],
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Phases to show; random ones if not told.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option(min=1, help="Slots of random phases.  [default: 100]")
    ] = None,
    bits: Annotated[
        int | None, typer.Option(min=1, max=16, help="Random phases of so many bits.")
    ] = None,
    lighting: Lighting = NOT_TOLD,
    gain_db: Annotated[float, typer.Option(help="Gain of cables and amplifiers.")] = 0.0,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Send pilots through a stack and keep the energy |y|^2 of what every antenna receives.

    The energies are those of `simulate pilots` with the same seed. Without users, every input port
    is fed by itself.
    """
    import jax

    from ..calibration import simulate_energy_pilots
    from ..files import read_stack, write_energy_pilots

    require_pilots_writable(output)
    given = illumination_of(lighting)
    nominal = read_stack(stack).stack
    simulated = simulate_energy_pilots(
        nominal,
        plan_of(nominal, plan, slots, bits, given, seed),
        snr_db=snr_db,
        key=jax.random.key(seed),
        gain=gain_of(gain_db, 0.0),
    )
    write_energy_pilots(
        simulated,
        output,
        frequency_hz=float(nominal.frequency_hz),
        wave_speed_m_per_s=float(nominal.wave_speed_m_per_s),
    )
    made, antennas, users = simulated.energies.shape
    answer = {"slots": made, "antennas": antennas, "users": users, "seed": seed}
    emit(
        {**answer, "noise_variance": simulated.noise_variance, "output": str(output)}, as_json=json
    )
