"""`metastack calibrate stages`: pilots in stages against the same pilots at once."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .calibrate_entries import EntryMethodName, method_named
from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath
from .output import emit, warn
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float

    from ..study import StagedScore


@option_groups
def stages(
    stack: StackPath,
    count: Annotated[int, typer.Option("--stages", min=1, help="Stages.")] = 10,
    slots: Annotated[int, typer.Option(min=1, help="Slots of all stages together.")] = 1000,
    snr_db: Annotated[float, typer.Option(help="SNR of one antenna in one slot.")] = 30.0,
    method: Annotated[
        EntryMethodName, typer.Option(help="Of free coefficients; the paper's is gradient-descent.")
    ] = EntryMethodName.GRADIENT_DESCENT,
    stacks: Annotated[int, typer.Option(min=1, help="Stacks to build and calibrate.")] = 3,
    tolerances: Tolerances = PUBLISHED,
    lighting: Lighting = NOT_TOLD,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Calibrate simulated stacks in stages and at once, from the same pilots, and compare.

    Of coefficients that are free, and of poses. Stage 0 is the stack as designed. Ctrl-C ends with
    the stacks done so far.
    """
    from ..calibration import Expected, FromInputPorts, random_plan
    from ..files import read_stack
    from ..study import compare_staging, staged_ways
    from .progress import CountProgress
    from .simulate import check_db

    check_db("snr-db", snr_db)
    device = read_stack(stack).stack
    imperfections = imperfections_of(device, tolerances)
    plan = random_plan(device, slots, illumination_of(lighting) or FromInputPorts(), seed=seed)
    ways = staged_ways(method_named(method), Expected.within(imperfections), count)
    compared = compare_staging(
        device, plan, ways, imperfections, snr_db=snr_db, stacks=stacks, seed=seed
    )
    found: tuple[StagedScore, ...] = ()
    is_stopped = False
    try:
        with CountProgress("stacks", stacks) as progress:
            for done in compared:
                found = done
                progress.advance(1)
    except KeyboardInterrupt:
        is_stopped = True
    if not found:
        raise KeyboardInterrupt
    many = len(found[0].raw)
    facts = {"stacks": many, "slots": slots, "snr_db": snr_db, "seed": seed}
    rows = [row for score in found for row in _rows(score, slots)]
    emit({**facts, "stages": rows}, as_json=json)
    if is_stopped:
        warn(f"{many} of {stacks} stacks are done.")
        raise KeyboardInterrupt


def _rows(score: "StagedScore", slots: int) -> list[dict[str, Any]]:
    stages = score.raw.shape[1] - 1
    return [
        {
            "way": score.name,
            "stage": stage,
            "pilots": slots * stage // stages,
            "matrices_db": _mean_db(score.raw[:, stage]),
            "best_gauge_db": _mean_db(score.aligned[:, stage]),
            "held_out_db": _mean_db(score.held_out[:, stage]),
        }
        for stage in range(stages + 1)
    ]


def _mean_db(linear: "Float[np.ndarray, ' stacks']") -> float:
    from math import log10

    return 10 * log10(float(linear.mean()))
