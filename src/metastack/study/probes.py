"""What probes between layers buy: bounds over how well they see, beside simulated calibrations.

Source: calibration paper, section V-C, asks for probes; the study is ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, Key

from ..calibration import (
    Bounds,
    Expected,
    Links,
    PilotPlan,
    PowerProbes,
    ProbedCalibration,
    bayesian_cramer_rao,
    between_layers,
    calibrate,
    calibrate_with_probes,
    matrix_nmse,
    probed_bayesian_cramer_rao,
    reference_power,
    simulate_pilots,
    simulate_probes,
)
from ..calibration.probes import noise_of, with_noise_variance
from ..imperfections import GaussianErrors, Imperfections
from ..precision import float64
from ..stack import Stack
from .strategy_comparison import built_stacks

_BOUND_DB, _MEASURED_DB = np.arange(-30.0, 31.0, 5.0), np.array([-20.0, 0.0, 20.0])


@dataclass(frozen=True, eq=False)
class ProbesStudy:
    """Mean NMSE of the matrices between layers, linear, of a plan with probes and without.

    `snr_db`: of the probes that were used, mean over all readings. `bound_snr_db` and `bound`: with
    probes that see better or worse; `measured_snr_db` and `measured`: of every simulated stack.
    """

    prior: float
    snr_db: float
    without_bound: float
    bound_snr_db: Float[np.ndarray, " snrs"]
    bound: Float[np.ndarray, " snrs"]
    measured_snr_db: Float[np.ndarray, " points"]
    without: Float[np.ndarray, " stacks"]
    measured: Float[np.ndarray, "stacks points"]


def study_probes(
    found: ProbedCalibration, expected: Expected, *, stacks: int, seed: int = 0
) -> Iterator[ProbesStudy]:
    """Calibrate simulated stacks as one was, with probes that see as well, better and worse.

    After each stack all that is known so far. Stacks are drawn from Gaussian errors of the
    deviations that are expected, which is what bounds are about.
    """
    case = _Case.of(found, expected)
    bounds = [_inner(case.bound(case.seeing(more_db))) for more_db in _BOUND_DB]
    alone = case.bound_alone()
    rows = list[list[float]]()
    drawn = Imperfections(expected.deviation, GaussianErrors())
    for number, made in enumerate(built_stacks(case.stack, drawn, stacks, seed)):
        key = jax.random.fold_in(jax.random.key(seed + 1), number)
        rows.append(case.measured(made, key))
        table = np.array(rows)
        yield ProbesStudy(
            float(between_layers(alone.prior_nmse).mean()),
            case.snr_db,
            _inner(alone),
            case.snr_db + _BOUND_DB,
            np.array(bounds),
            case.snr_db + _MEASURED_DB,
            table[:, 0],
            table[:, 1:],
        )


class _Case(eqx.Module):
    """What was measured with, in units of the wave at unit gain."""

    stack: Stack
    plan: PilotPlan
    probes: list[PowerProbes]
    noise_variance: float
    snr_db: float
    expected: Expected

    @classmethod
    def of(cls, found: ProbedCalibration, expected: Expected) -> "_Case":
        noise = noise_of(found.probes)
        variance = found.pilots.noise_variance
        assert variance is not None  # or it would not have been calibrated
        return cls(
            found.nominal,
            found.pilots.plan,
            with_noise_variance(found.probes, noise / found.scale),
            variance / found.pilot_gain**2,
            float(10 * np.log10(np.mean(found.readings.mean(axis=(0, 2)) / noise))),
            expected,
        )

    def seeing(self, more_db: float) -> list[PowerProbes]:
        """The probes with so much less noise."""
        return with_noise_variance(self.probes, noise_of(self.probes) * 10 ** (-more_db / 10))

    def bound(self, probes: list[PowerProbes]) -> Bounds:
        return probed_bayesian_cramer_rao(
            self.stack, self.plan, probes, self.expected, noise_variance=self.noise_variance
        )

    def bound_alone(self) -> Bounds:
        return bayesian_cramer_rao(
            self.stack, self.plan, self.expected, noise_variance=self.noise_variance
        )

    def measured(self, made: Stack, key: Key[jax.Array, ""]) -> list[float]:
        """NMSE of the matrices of one stack: without probes, then with some that see so well."""
        power = reference_power(made, self.plan.illumination)
        snr_db = float(10 * np.log10(power / self.noise_variance))
        pilots = simulate_pilots(made, self.plan, snr_db=snr_db, key=key)
        alone = calibrate(self.stack, pilots, expected=self.expected, starts=1)
        row = [self._missed(alone.links, made)]
        for more_db in _MEASURED_DB:
            probes = self.seeing(float(more_db))
            readings = simulate_probes(made, self.plan, probes, key=jax.random.fold_in(key, 1))
            found = calibrate_with_probes(
                self.stack, pilots, probes, readings, expected=self.expected, starts=1
            )
            row.append(self._missed(found.links, made))
        return row

    def _missed(self, found: Links, made: Stack) -> float:
        with float64():
            truth = Links.of_stack(made, self.plan.illumination)
            nmse = matrix_nmse(list(found), list(truth))
        return float(between_layers(nmse).mean())


def _inner(bound: Bounds) -> float:
    return float(between_layers(bound.link_nmse).mean())
