"""Calibration of the published case: poses against every coefficient, from the same pilots.

6 x 6 atoms, four layers, 4 antennas, 1000 slots, 30 dB SNR. The baseline is the paper's gradient
descent on every coefficient, until 100 iterations lower the NMSE of the pilots by less than 1 %. By
then it has fitted noise; a second row stops it where pilots are explained to within the noise.
Below, how far both have come: means over the stacks, of the matrices between layers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import jax
import numpy as np

import metastack as ms
from metastack.calibration import (
    CumulativeStages,
    GradientDescent,
    ThreeFigures,
    calibrate_entries,
)
from metastack.calibration.geometric import calibrate
from metastack.calibration.illumination import OntoFirstLayer, SphericalWaves
from metastack.calibration.links import Links
from metastack.calibration.pilots import Pilots, random_plan, simulate_pilots
from metastack.calibration.unknowns import Expected

from .rows import Row, speed_row
from .timing import alternate, clocked

FREQUENCY_HZ = 28e9
WAVELENGTH_M = 299792458 / FREQUENCY_HZ
SLOTS, SNR_DB, ROUNDS, TIMES_FASTER = 1000, 30.0, 3, 50
IMPERFECTIONS = ms.published_imperfections(WAVELENGTH_M)


def rows() -> Iterator[Row]:
    ours = _Kept(_poses)
    for until, goal, at_least in (("its end", 0.0, TIMES_FASTER), ("the noise", None, None)):
        baseline = _Kept(lambda case, goal=goal: _coefficients(case, goal))
        compared = alternate(clocked(ours), clocked(baseline), rounds=ROUNDS)
        yield speed_row(
            f"calibration by poses: every coefficient by gradient descent, to {until}",
            compared,
            at_least,
        )
        yield from _figures(ours.links, baseline.links)


@dataclass(frozen=True)
class Case:
    """A built stack and its pilots."""

    nominal: ms.Stack
    truth: Links
    pilots: Pilots


class _Kept:
    """Calibrates the stack of the run's number, and keeps the links."""

    def __init__(self, calibration: Callable[[Case], Links]) -> None:
        self.calibration, self.links = calibration, dict[int, Links]()

    def __call__(self, run: int) -> None:
        self.links[run] = self.calibration(case(run))


@cache
def case(seed: int) -> Case:
    nominal = _nominal()
    user = SphericalWaves.from_directions(*np.radians([[30.0], [20.0]]), np.array([30.0]))
    plan = random_plan(nominal, SLOTS, OntoFirstLayer(user), seed=seed)
    built = ms.built(nominal, IMPERFECTIONS, jax.random.key(seed))
    pilots = simulate_pilots(built, plan, snr_db=SNR_DB, key=jax.random.key(100 + seed), gain=0.5j)
    return Case(nominal, Links.of_stack(built, plan.illumination), pilots)


@cache
def _nominal() -> ms.Stack:
    half_m = WAVELENGTH_M / 2
    antennas = ms.PlanarArray(2, 2, half_m, half_m)
    return ms.make_stack(
        input_array=antennas,
        layer_array=ms.PlanarArray(6, 6, half_m, half_m),
        receiver_array=antennas,
        gaps_m=[0.01 / 3] * 5,
        frequency_hz=FREQUENCY_HZ,
    )


def _poses(case: Case) -> Links:
    expected = Expected.within(IMPERFECTIONS)
    return calibrate(case.nominal, case.pilots, expected=expected).links


def _coefficients(case: Case, goal: float | None) -> Links:
    return calibrate_entries(
        case.nominal,
        case.pilots,
        method=GradientDescent(iterations=100_000),
        stages=CumulativeStages(1),
        goal=goal,
    ).links


def _figures(ours: dict[int, Links], baseline: dict[int, Links]) -> Iterator[Row]:
    """Decibels by which the links came nearer to the true ones."""
    ways = [{run: _errors(links, run) for run, links in way.items()} for way in (ours, baseline)]
    nominal = {run: _errors(Links.of_stack(*_start(run)), run) for run in ours}
    for index, figure in enumerate(("raw", "in the best gauge", "held-out pilots")):
        before, *after = (
            np.mean([errors[index] for errors in way.values()]) for way in (nominal, *ways)
        )
        gains = (f"{10 * np.log10(before / each):.1f} dB" for each in after)
        yield Row(f"  nearer than nominal, {figure}", *gains)


def _start(run: int) -> tuple[ms.Stack, OntoFirstLayer]:
    return case(run).nominal, case(run).pilots.plan.illumination


def _errors(links: Links, run: int) -> tuple[float, float, float]:
    figures = ThreeFigures.of(links, case(run).truth)
    return figures.raw[1:-1].mean(), figures.aligned[1:-1].mean(), figures.held_out
