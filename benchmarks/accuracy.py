"""How often the default design succeeds, how exactly, and at what insertion loss."""

from collections.abc import Iterator

import numpy as np

import metastack

from .baselines.optimisers import gradient_descent, random_phases
from .baselines.panels import nmse_and_gradient
from .published import DFT_2X2, DFT_4X4, Published
from .rows import Row, count_row

STARTS, DESCENTS, PRESCRIBED_STARTS = 20, 20, 10


def rows_2x2() -> Iterator[Row]:
    yield from _rows(DFT_2X2, "2x2", descent_iterations=100, loss_db=10.0)


def rows_4x4() -> Iterator[Row]:
    yield from _rows(DFT_4X4, "4x4", descent_iterations=100, loss_db=26.0)


def _rows(one: Published, name: str, *, descent_iterations: int, loss_db: float) -> Iterator[Row]:
    designs = metastack.design_phases(one.stack, one.target, starts=STARTS)
    yield count_row(f"{name}, default design: starts that reach -100 dB", _reached(designs), STARTS)
    yield Row(f"{name}, default design: worst NMSE", f"{max(d.nmse_db for d in designs):.0f} dB")
    descents = [_descent_loss_db(one, seed, descent_iterations) for seed in range(DESCENTS)]
    yield Row(
        f"{name}: median insertion loss, descent as baseline",
        f"{np.median([d.insertion_loss_db for d in designs]):.1f} dB",
        f"{np.median(descents):.1f} dB",
    )
    prescribed = metastack.design_phases(
        one.stack, one.target, insertion_loss_db=loss_db, starts=PRESCRIBED_STARTS
    )
    what = f"{name} at {loss_db:g} dB insertion loss: starts that reach -100 dB"
    yield count_row(what, _reached(prescribed), PRESCRIBED_STARTS)


def _reached(designs: list[metastack.Design]) -> int:
    return sum(one.outcome is metastack.Outcome.GOAL_REACHED for one in designs)


def _descent_loss_db(one: Published, seed: int, iterations: int) -> float:
    run = gradient_descent(
        one.panels,
        random_phases(one.panels, seed),
        loss_and_gradient=nmse_and_gradient,
        decay=one.decay,
        goal=0.0,
        iterations=iterations,
    )
    return float(metastack.insertion_loss_db(metastack.response(one.stack, run.phases_rad)))
