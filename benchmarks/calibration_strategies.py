"""An unrolled network against the geometric fit, where errors are large.

The published case with 4 antennas and 32 fixed pilots, errors of 2 %λ, 10 %λ and 2°: time of one
stack in a batch of 256, and NMSE over that of the fit run to its end, at 10, 20 and 30 dB.
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

import metastack as ms
from metastack import calibration as cal
from metastack.calibration import strategies

from .calibration_batch import published_case
from .calibration_per_entry import WAVELENGTH_M
from .rows import Row, limit_row, rate_row
from .timing import alternate, clocked

SLOTS, BATCH, SINGLES = 32, 256, 40
LARGE = ms.Imperfections(
    ms.Pose(dz_m=0.02 * WAVELENGTH_M, dy_m=0.1 * WAVELENGTH_M, rz_rad=np.radians(2))
)


def rows() -> Iterator[Row]:
    nominal, lit = published_case(6)
    expected = cal.Expected.within(LARGE)
    plan = cal.random_plan(nominal, SLOTS, lit, seed=0)
    network = strategies.train_unrolled(nominal, plan, expected, key=jax.random.key(0)).network
    truth, clean = _built(nominal, plan, expected)
    power = network.linear.preparation.power
    unknowns = network.linear.preparation.unknowns(nominal, plan)
    for snr_db in (10, 20, 30):
        variance = power * 10 ** (-snr_db / 10)
        parts = np.random.default_rng(snr_db).normal(size=(2, *clean.shape))
        received = clean + np.sqrt(variance / 2) * (parts[0] + 1j * parts[1])

        def together(run: int, received: np.ndarray = received, noise: float = variance) -> object:
            return network.estimated(nominal, plan, received, np.full(BATCH, noise))

        def one(run: int, received: np.ndarray = received, noise: float = variance) -> np.ndarray:
            pilots = cal.Pilots(plan, received[run], noise)
            return cal.calibrate(nominal, pilots, expected=expected).values

        clock = clocked(together)
        each = alternate(lambda run, clock=clock: clock(run) / BATCH, clocked(one), rounds=9)
        yield rate_row(f"unrolled network, 256 at once, {snr_db} dB", each, "geometric", 10)
        found = np.asarray(together(0))[:SINGLES]
        fits = np.array([one(run) for run in range(SINGLES)])
        ours, best = (_nmse(unknowns, values - truth[:SINGLES]) for values in (found, fits))
        yield limit_row(
            "  NMSE over that of the geometric fit", 10 * np.log10(ours / best), 1, "dB"
        )
        linear = network.linear.estimated(received[:SINGLES], 10 ** (-snr_db / 10))
        worse_db = 10 * np.log10(_nmse(unknowns, linear - truth[:SINGLES]) / best)
        yield Row("  the same of the linear map", f"{worse_db:.3g} dB")


def _built(
    nominal: ms.Stack, plan: cal.PilotPlan, expected: cal.Expected
) -> tuple[np.ndarray, np.ndarray]:
    """Unknowns of a batch of built stacks, and their pilots without noise."""
    unknowns = cal.Unknowns.of(nominal, plan.illumination, expected)
    truth = np.random.default_rng(0).uniform(-1, 1, (BATCH, unknowns.size)) * np.sqrt(3)
    shown = np.exp(1j * plan.phases_rad)

    def pilots(values: jax.Array) -> jax.Array:
        return cal.through_layers(list(cal.Links.of_stack(*unknowns.applied(values))), shown)

    with ms.float64():
        return truth, np.asarray(jax.lax.map(pilots, jnp.asarray(truth)))


def _nmse(unknowns: cal.Unknowns, error: np.ndarray) -> float:
    """Of the matrices between layers, to first order in what is left."""
    spread = error.T @ error / len(error)
    return float(cal.delta_nmse(unknowns, np.zeros(unknowns.size), spread)[1:-1].mean())
