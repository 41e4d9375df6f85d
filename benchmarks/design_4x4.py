"""Time to -30 and -100 dB on the published 4x4 stack, everything compiled and warm."""

from collections.abc import Iterator

from .baselines import panels
from .baselines.optimisers import Run, gradient_descent, lbfgs, random_phases
from .published import DFT_4X4
from .rows import Row, speed_row
from .timing import alternate, clocked

STARTS = 12


def descend(seed: int) -> Run:
    return gradient_descent(
        DFT_4X4.panels,
        random_phases(DFT_4X4.panels, seed),
        loss_and_gradient=panels.nmse_and_gradient,
        decay=DFT_4X4.decay,
        goal=1e-3,
        iterations=200,
    )


def quasi_newton(seed: int) -> Run:
    return lbfgs(
        DFT_4X4.panels,
        random_phases(DFT_4X4.panels, seed),
        loss_and_gradient=panels.nmse_and_gradient,
        goal=1e-10,
        evaluations=5000,
    )


def rows() -> Iterator[Row]:
    arriving = [seed for seed in range(STARTS) if descend(seed).reached]
    label = f"4x4 to -30 dB: descent, NumPy panels ({len(arriving)}/{STARTS} starts arrive)"
    if arriving:
        yield speed_row(
            label,
            alternate(
                clocked(lambda seed: DFT_4X4.design(seed, -30.0)),
                clocked(lambda run: descend(arriving[run % len(arriving)])),
                rounds=5,
            ),
            5,
        )
    else:
        yield Row(label, "", reach="≥ 5")
    yield speed_row(
        "4x4 to -100 dB: L-BFGS-B, NumPy panels",
        alternate(
            clocked(lambda seed: DFT_4X4.design(seed, -100.0)), clocked(quasi_newton), rounds=5
        ),
        3,
    )
