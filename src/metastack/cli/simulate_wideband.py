"""`metastack simulate wideband`: what the antennas of a built stack would receive over a band."""

from pathlib import Path
from typing import Annotated

import typer

from .dispersion import DispersionTable, ResonatorQ, dispersion_of
from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, require_writable
from .output import emit
from .simulate_pilots import gain_of, plan_of


@option_groups
def wideband(
    stack: StackPath,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Pilots to write (.nc, .npz, .mat).")
    ],
    bandwidth_percent: Annotated[
        float, typer.Option(help="Band about the stack's frequency, from end to end.")
    ] = 10.0,
    frequencies: Annotated[int, typer.Option(min=1, help="Frequencies, equally spaced.")] = 11,
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
    resonator_q: ResonatorQ = None,
    dispersion: DispersionTable = None,
    snr_db: Annotated[
        float | None,
        typer.Option(help="SNR of an antenna in a slot at the centre, mean over random phases."),
    ] = None,
    gain_db: Annotated[float, typer.Option(help="Gain of cables and amplifiers.")] = 0.0,
    gain_phase_deg: Annotated[float, typer.Option(help="Phase of that gain.")] = 0.0,
    delay_ns: Annotated[
        float, typer.Option(help="Delay of cables, which turns the gain over the band.")
    ] = 0.0,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Send pilots through a stack at several frequencies, phases standing still meanwhile.

    Phases are those that atoms show at the stack's own frequency. Without users, every input port
    is fed by itself. Without an SNR the pilots are free of noise.
    """
    from math import isfinite

    import jax
    import numpy as np

    from ..calibration import band, simulate_wideband_pilots
    from ..errors import require
    from ..files import read_stack, write_wideband_pilots

    require_writable(output, ".nc", ".npz", ".mat")
    nominal = read_stack(stack).stack
    centre_hz = float(nominal.frequency_hz)
    require(isfinite(delay_ns), f"`--delay-ns` must be finite, but is {delay_ns}.")
    places_hz = band(centre_hz, bandwidth_percent / 100, frequencies)
    given = illumination_of(lighting)
    chosen = plan_of(nominal, plan, slots, bits, given, seed)
    # In time e^{-jωt} a delay adds phase.
    turns = delay_ns * 1e-9 * (places_hz - centre_hz)
    gain = gain_of(gain_db, gain_phase_deg) * np.exp(2j * np.pi * turns)
    simulated = simulate_wideband_pilots(
        nominal,
        chosen,
        places_hz,
        snr_db=np.inf if snr_db is None else snr_db,
        key=jax.random.key(seed),
        dispersion=dispersion_of(nominal, resonator_q, dispersion),
        gain=gain.reshape(1, 1, 1, -1),
    )
    write_wideband_pilots(
        simulated,
        output,
        frequency_hz=centre_hz,
        wave_speed_m_per_s=float(nominal.wave_speed_m_per_s),
    )
    made, antennas, users, many = simulated.received.shape
    answer = {"slots": made, "antennas": antennas, "users": users, "frequencies": many}
    ends = {"least_hz": float(places_hz[0]), "most_hz": float(places_hz[-1]), "seed": seed}
    noise = {"noise_variance": simulated.noise_variance}
    emit({**answer, **ends, **noise, "output": str(output)}, as_json=json)
