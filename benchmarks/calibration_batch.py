"""A thousand calibrations at once, and one of a large stack.

The published case with 4 antennas and 32 fixed pilots at 20 dB: `BatchCalibrator` against
`calibrate` one by one, as time of one stack, and how much accuracy that costs. Then 32x32 atoms,
four layers, 100 slots, in a process of its own: seconds with compilation, and peak memory.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

import metastack as ms
from metastack import calibration as cal

from .calibration_per_entry import IMPERFECTIONS, WAVELENGTH_M
from .rows import Row, limit_row, rate_row
from .timing import alternate, clocked

SLOTS, SNR_DB, STACKS, SINGLES = 32, 20.0, 1000, 20


def published_case(atoms_per_side: int) -> tuple[ms.Stack, cal.Illumination]:
    half_m = WAVELENGTH_M / 2
    antennas = ms.PlanarArray(2, 2, half_m, half_m)
    stack = ms.make_stack(
        input_array=antennas,
        layer_array=ms.PlanarArray(atoms_per_side, atoms_per_side, half_m, half_m),
        receiver_array=antennas,
        gaps_m=[0.01 / 3] * 5,
        frequency_hz=28e9,
    )
    user = cal.SphericalWaves.from_directions(*np.radians([[30.0], [20.0]]), np.array([30.0]))
    return stack, cal.OntoFirstLayer(user)


def rows() -> Iterator[Row]:
    nominal, lit = published_case(6)
    expected = cal.Expected.within(IMPERFECTIONS)
    plan = cal.random_plan(nominal, SLOTS, lit, seed=0)
    truth, received, variance = _measured(nominal, plan, expected)
    share = variance / float(np.mean(np.abs(received) ** 2))
    batch = cal.BatchCalibrator.of(nominal, plan, expected, noise_to_signal=share)

    def one(run: int) -> np.ndarray:
        pilots = cal.Pilots(plan, received[run], variance)
        return cal.calibrate(nominal, pilots, expected=expected).values

    together = clocked(lambda run: batch(received))
    each = alternate(lambda run: together(run) / STACKS, clocked(one), rounds=SINGLES)
    yield rate_row("calibrations of 1000 stacks at once: one by one", each, "one by one", 100)
    singles, batched = np.array([one(run) for run in range(SINGLES)]), batch(received)
    ratio = _error(nominal, lit, expected, batched[:SINGLES], truth[:SINGLES]) / _error(
        nominal, lit, expected, singles, truth[:SINGLES]
    )
    yield limit_row("  NMSE over that of one by one", abs(10 * np.log10(ratio)), 0.3, "dB")
    large = subprocess.run(
        [sys.executable, "-m", "benchmarks.calibration_batch"],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, peak_gb = json.loads(large.stdout)
    yield limit_row("calibration of 4 x 32x32 atoms, 100 slots, compilation too", seconds, 60, "s")
    yield limit_row("  peak memory", peak_gb, 4, "GB")


def _measured(
    nominal: ms.Stack, plan: cal.PilotPlan, expected: cal.Expected
) -> tuple[np.ndarray, np.ndarray, float]:
    """Unknowns of many built stacks, their pilots with noise, and its variance."""
    unknowns = cal.Unknowns.of(nominal, plan.illumination, expected)
    variance = cal.reference_power(nominal, plan.illumination) * 10 ** (-SNR_DB / 10)
    generator = np.random.default_rng(0)
    truth = generator.uniform(-1, 1, (STACKS, unknowns.size)) * np.sqrt(3)
    shown = np.exp(1j * plan.phases_rad)

    def pilots(values: jax.Array) -> jax.Array:
        links = cal.Links.of_stack(*unknowns.applied(values))
        return cal.through_layers(list(links), shown)

    with ms.float64():
        clean = np.asarray(jax.lax.map(pilots, jnp.asarray(truth)))
    parts = generator.normal(scale=np.sqrt(variance / 2), size=(2, *clean.shape))
    return truth, clean + parts[0] + 1j * parts[1], variance


def _error(
    nominal: ms.Stack,
    lit: cal.Illumination,
    expected: cal.Expected,
    found: np.ndarray,
    truth: np.ndarray,
) -> float:
    """Mean NMSE of the matrices between layers, to first order in what is left."""
    unknowns, left = cal.Unknowns.of(nominal, lit, expected), found - truth
    spread = left.T @ left / len(left)
    return float(cal.delta_nmse(unknowns, np.zeros(unknowns.size), spread)[1:-1].mean())


def large_stack() -> tuple[float, float]:
    """Seconds and gigabytes of one calibration."""
    from .memory import peak_gb

    nominal, lit = published_case(32)
    plan = cal.random_plan(nominal, 100, lit, seed=0)
    built = ms.built(nominal, IMPERFECTIONS, jax.random.key(0))
    pilots = cal.simulate_pilots(built, plan, snr_db=SNR_DB, key=jax.random.key(1))
    began = time.perf_counter()
    cal.calibrate(nominal, pilots, expected=cal.Expected.within(IMPERFECTIONS))
    return time.perf_counter() - began, peak_gb()


if __name__ == "__main__":
    print(json.dumps(large_stack()))
