"""`metastack simulate drift`: a stream of blocks of pilots from a stack that moves."""

from pathlib import Path
from typing import Annotated

import typer

from .drift_options import (
    JUMP_RATE,
    JUMP_SIZE,
    WALK_STEP,
    Drifts,
    JumpRate,
    JumpSize,
    SnrDb,
    WalkStep,
    drift_of,
)
from .illumination import Far, Near, PastInput, illumination_of
from .options import AsJson, Seed, StackPath, require_writable
from .output import emit
from .tolerances import (
    DY_WAVELENGTHS,
    DZ_WAVELENGTHS,
    RZ_DEG,
    DxWavelengths,
    DyWavelengths,
    DzWavelengths,
    Gaussian,
    RxDeg,
    RyDeg,
    RzDeg,
    imperfections_of,
)


def drift(
    stack: StackPath,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Blocks to write (.jsonl), one a line.")
    ],
    drift: Drifts = None,
    walk_step: WalkStep = WALK_STEP,
    jump_rate: JumpRate = JUMP_RATE,
    jump_size: JumpSize = JUMP_SIZE,
    blocks: Annotated[int, typer.Option(min=1, help="Blocks.")] = 100,
    first_slots: Annotated[int, typer.Option(min=1, help="Slots of the first block.")] = 100,
    slots: Annotated[int, typer.Option(min=1, help="Slots of every other block.")] = 4,
    snr_db: SnrDb = 20.0,
    dz_wavelengths: DzWavelengths = DZ_WAVELENGTHS,
    dy_wavelengths: DyWavelengths = DY_WAVELENGTHS,
    rz_deg: RzDeg = RZ_DEG,
    dx_wavelengths: DxWavelengths = 0.0,
    rx_deg: RxDeg = 0.0,
    ry_deg: RyDeg = 0.0,
    gaussian: Gaussian = False,
    near: Near = None,
    far: Far = None,
    past_input: PastInput = False,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Send a few pilots a block through a stack that moves within its tolerances.

    `metastack monitor` reads what is written. The first block has pilots enough to calibrate.
    """
    import jax
    import numpy as np

    from ..calibration import Expected, FromInputPorts, Unknowns
    from ..calibration.schedule import drift_path, pilots_on_path
    from ..files import read_stack
    from ..files.atomic import replacing
    from ..files.pilot_stream import pilot_block_line

    require_writable(output, ".jsonl")
    nominal = read_stack(stack).stack
    imperfections = imperfections_of(
        float(nominal.wavelength_m),
        (dx_wavelengths, dy_wavelengths, dz_wavelengths),
        (rx_deg, ry_deg, rz_deg),
        gaussian=gaussian,
    )
    lit = illumination_of(near, far, past_input) or FromInputPorts()
    unknowns = Unknowns.of(nominal, lit, Expected.within(imperfections))
    moving = drift_of(drift, walk_step, jump_rate, jump_size)
    path = drift_path(moving, jax.random.key(seed), blocks, unknowns.size)
    truth = path.values / imperfections.law.deviation
    many = [first_slots, *[slots] * (blocks - 1)]
    made = pilots_on_path(unknowns, truth, many, snr_db=snr_db, seed=seed)
    with replacing(output) as temporary, temporary.open("w", encoding="utf-8") as file:
        for block, pilots in enumerate(made):
            file.write(pilot_block_line(block, pilots) + "\n")
    jumped = np.flatnonzero(path.jumps).tolist()
    answer = {"blocks": blocks, "jumps_in_blocks": jumped, "seed": seed}
    emit({**answer, "output": str(output)}, as_json=json)
