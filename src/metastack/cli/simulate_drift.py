"""`metastack simulate drift`: a stream of blocks of pilots from a stack that moves."""

from pathlib import Path
from typing import Annotated

import typer

from .drift_options import WALK_AND_JUMPS, Drifting, GainStep, SnrDb, drift_of
from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, require_writable
from .output import emit
from .tolerances import PUBLISHED, Tolerances, imperfections_of


@option_groups
def drift(
    stack: StackPath,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Blocks to write (.jsonl), one a line.")
    ],
    drifting: Drifting = WALK_AND_JUMPS,
    blocks: Annotated[int, typer.Option(min=1, help="Blocks.")] = 100,
    first_slots: Annotated[int, typer.Option(min=1, help="Slots of the first block.")] = 100,
    slots: Annotated[int, typer.Option(min=1, help="Slots of every other block.")] = 4,
    gain_step: GainStep = 0.0,
    snr_db: SnrDb = 20.0,
    tolerances: Tolerances = PUBLISHED,
    lighting: Lighting = NOT_TOLD,
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
    imperfections = imperfections_of(nominal, tolerances)
    lit = illumination_of(lighting) or FromInputPorts()
    unknowns = Unknowns.of(nominal, lit, Expected.within(imperfections))
    moving = drift_of(drifting)
    path = drift_path(moving, jax.random.key(seed), blocks, unknowns.size)
    truth = path.values / imperfections.law.deviation
    many = [first_slots, *[slots] * (blocks - 1)]
    made = pilots_on_path(unknowns, truth, many, snr_db=snr_db, seed=seed, gain_step=gain_step)
    with replacing(output) as temporary, temporary.open("w", encoding="utf-8") as file:
        for block, pilots in enumerate(made):
            file.write(pilot_block_line(block, pilots) + "\n")
    jumped = np.flatnonzero(path.jumps).tolist()
    answer = {"blocks": blocks, "jumps_in_blocks": jumped, "seed": seed}
    emit({**answer, "output": str(output)}, as_json=json)
