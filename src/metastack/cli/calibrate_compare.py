"""`metastack calibrate compare`: strategies on the same stacks, pilots and noise."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .illumination import NOT_TOLD, Lighting, illumination_of
from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, require_writable
from .output import emit, warn
from .strategies import strategies_named
from .tolerances import PUBLISHED, Tolerances, imperfections_of

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float

    from ..study import Comparison, StrategyScore


@option_groups
def compare(
    stack: StackPath,
    strategies: Annotated[
        list[str],
        typer.Argument(
            metavar="STRATEGIES...",
            help="`geometric`, `entries`, or files of `codebook build` and `learn`.",
        ),
    ],
    snr_db: Annotated[float, typer.Option(help="SNR of one antenna in one slot.")] = 20.0,
    tolerances: Tolerances = PUBLISHED,
    plan: Annotated[
        Path | None, typer.Option(help="Plan to measure; else random phases.", show_default=False)
    ] = None,
    slots: Annotated[
        int | None, typer.Option(min=1, help="Slots of random phases; else 100.")
    ] = None,
    stacks: Annotated[int, typer.Option(min=2, help="Stacks to build and calibrate.")] = 20,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw the comparison (.png, .svg, .pdf).")
    ] = None,
    lighting: Lighting = NOT_TOLD,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Calibrate simulated stacks with every strategy, and say which to take, if any.

    All are given the same stacks, pilots and noise, and compete with the stack as designed. Memory
    is that of a first calibration in a process of its own, above what Python and libraries take.
    Prepared strategies must be prepared for the plan that is measured (--plan). Ctrl-C ends with
    the stacks done so far.
    """
    from ..calibration import Expected
    from ..files import read_stack
    from ..study import compare_strategies
    from .progress import CountProgress
    from .simulate import check_db
    from .simulate_pilots import plan_of

    require_writable(figure, ".png", ".svg", ".pdf")
    check_db("snr-db", snr_db)
    device = read_stack(stack).stack
    imperfections = imperfections_of(device, tolerances)
    expected = Expected.within(imperfections)
    measured = plan_of(device, plan, slots, None, illumination_of(lighting), seed)
    named = strategies_named(strategies, expected)
    found: Comparison | None = None
    compared = compare_strategies(
        device, measured, named, imperfections, snr_db=snr_db, stacks=stacks, seed=seed
    )
    is_stopped = False
    try:
        with CountProgress("stacks", stacks) as progress:
            for done in compared:
                found = done
                progress.advance(1)
    except KeyboardInterrupt:
        is_stopped = True
    if found is None:
        raise KeyboardInterrupt
    if figure is not None:
        _draw(found, figure)
    many = len(found.nominal.raw)
    facts: dict[str, Any] = {"stacks": many, "slots": measured.slots, **_advice(found)}
    rows = [_row(each) for each in (found.nominal, *found.strategies)]
    emit({**facts, "strategies": rows}, as_json=json)
    if is_stopped:
        warn(f"{many} of {stacks} stacks are done.")
        raise KeyboardInterrupt


def _advice(comparison: "Comparison") -> dict[str, str]:
    """What to take, and why."""
    name = comparison.best.name
    if comparison.best is comparison.nominal:
        why = (
            "No strategy comes nearer to the built stacks than the stack as designed by more than "
            "chance: measure more slots, or with less noise."
        )
        return {"take": name, "because": why}
    why = f"{name} is the cheapest of those that are not farther than the nearest beyond chance."
    return {"take": name, "because": why}


def _draw(comparison: "Comparison", path: Path) -> None:
    from ..report import strategies_figure
    from .doa import save_figure

    save_figure(strategies_figure(comparison), path)


def _row(score: "StrategyScore") -> dict[str, Any]:
    """The three figures in dB, time and memory."""
    peak = score.peak_bytes
    return {
        "strategy": score.name,
        "matrices_db": _mean_db(score.raw),
        "best_gauge_db": _mean_db(score.aligned),
        "held_out_db": _mean_db(score.held_out),
        "seconds": score.seconds,
        "peak_memory_mib": None if peak is None else round(peak / 2**20, 1),
    }


def _mean_db(linear: "Float[np.ndarray, ' stacks']") -> float:
    import numpy as np

    with np.errstate(divide="ignore"):
        return float(10 * np.log10(linear.mean()))
