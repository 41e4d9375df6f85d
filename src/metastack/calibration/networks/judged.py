"""A calibration of a device by its network, judged by configurations that it has not seen.

Inside, a network is known up to a gauge only, so that what it predicts is all there is to judge.

Source: ours; DESIGN.md, Calibration.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Bool, Complex, Float

from ...errors import require
from ...multiport import Device, MatchedAtoms
from ..pilots import Pilots
from .fit import NetworkCalibration, calibrate_network
from .noise import noise_of_repeats, noise_that_predicts, same_configurations
from .pilots import check_network_pilots
from .prediction import NetworkPosterior, Prediction
from .prior import MovingNetwork

_FEWEST_HELD_OUT, _SHARE_HELD_OUT, _FEWEST_SHOWN = 5, 0.1, 2
# Where noise is unknown: the share of the pilots' power to begin with, how many calibrations its
# choice is worth, and factors that make no difference.
_FIRST_SHARE, _ROUNDS, _NEAR = 1e-4, 3, 2.0


class NoiseSource(Enum):
    """How the noise is known; the value says it."""

    TOLD = "as told"
    REPEATED = "from configurations that were shown again"
    PREDICTED = "with it some pilots make the others most probable"


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Responses that a calibration has not seen, and what the networks say of them."""

    measured: Complex[np.ndarray, "slots receivers feeds"]
    designed: Complex[np.ndarray, "slots receivers feeds"]
    predicted: Prediction
    noise_variance: float

    @property
    def error(self) -> Complex[np.ndarray, "slots receivers feeds"]:
        """Measured less predicted."""
        return self.measured - self.predicted.response

    @property
    def expected_deviation(self) -> Float[np.ndarray, "slots receivers feeds"]:
        """Of the error: the prediction's and the noise's."""
        return np.sqrt(self.predicted.deviation**2 + self.noise_variance)

    @property
    def expected_nmse(self) -> float:
        """What the posterior and the noise lead to expect as NMSE."""
        energy = float(np.sum(np.abs(self.measured) ** 2))
        return float(np.sum(self.expected_deviation**2)) / energy

    @property
    def normalised(self) -> float:
        """Mean square of errors over their deviations: 1 if predictions know how sure they are."""
        return float(np.mean(np.abs(self.error / self.expected_deviation) ** 2))

    def nmse(self, of: Complex[np.ndarray, "slots receivers feeds"]) -> float:
        """‖of - measured‖² / ‖measured‖²."""
        return float(np.sum(np.abs(of - self.measured) ** 2) / np.sum(np.abs(self.measured) ** 2))

    def nmse_after_gain(self, of: Complex[np.ndarray, "slots receivers feeds"]) -> float:
        """The same after the best of a single complex gain, as cables make it."""
        energy = max(float(np.sum(np.abs(of) ** 2)), np.finfo(float).tiny)
        return self.nmse(of * (np.vdot(of, self.measured) / energy))


@dataclass(frozen=True, eq=False)
class JudgedNetwork:
    """A calibration, how its noise is known, and its judgement; `is_whole` unless interrupted.

    `values_deviation`: of what moves, in units of what was expected, as the pilots leave it.
    """

    found: NetworkCalibration
    noise_source: NoiseSource
    held_out: HeldOut
    shown: int
    values_deviation: Float[np.ndarray, " values"]
    is_whole: bool = True


def calibrate_and_judge(
    designed: Device,
    pilots: Pilots,
    *,
    seed: int,
    hold_out: int | None = None,
    moving: MovingNetwork | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> JudgedNetwork:
    """Calibrate `designed` by its pilots but for some, chosen at random, and predict those.

    `hold_out`: how many configurations, else a tenth and at least five. Noise that the pilots do
    not tell is estimated from configurations that were shown again, or else chosen so that some
    pilots make the others most probable, which takes two to three calibrations; an interruption
    from the second on leaves the one before. `moving`, `on_step`: as `calibrate_network`.

    Raises:
        InputError: pilots of another device; too few of them to hold out so many.
        KeyboardInterrupt: before the first calibration was done.
    """
    check_network_pilots(pilots, designed)
    is_held_out = _held_out(pilots, hold_out, seed)
    layers, others = (
        MatchedAtoms.of_phases(pilots.plan.phases_rad[part]) for part in (~is_held_out, is_held_out)
    )
    shown = pilots.received[~is_held_out]

    def calibrated(noise_variance: float) -> NetworkCalibration:
        return calibrate_network(
            designed, layers, shown, noise_variance, moving=moving, on_step=on_step
        )

    def better_noise(found: NetworkCalibration) -> float:
        return noise_that_predicts(found, layers, shown, seed=seed)

    variance, source = _known_noise(pilots)
    if variance is None:
        first = _FIRST_SHARE * float(np.mean(np.abs(shown) ** 2))
        found, is_whole = _of_unknown_noise(first, calibrated, better_noise)
    else:
        found = calibrated(variance)
        is_whole = found.is_whole
    posterior = NetworkPosterior.of(found, layers)
    held_out = HeldOut(
        pilots.received[is_held_out],
        np.asarray(designed.response(others)),
        posterior.predicted(others),
        found.strengths.noise_variance,
    )
    deviation = np.linalg.norm(posterior.values_root, axis=1)
    return JudgedNetwork(found, source, held_out, len(shown), deviation, is_whole)


def _known_noise(pilots: Pilots) -> tuple[float | None, NoiseSource]:
    if pilots.noise_variance is not None:
        return pilots.noise_variance, NoiseSource.TOLD
    repeated = noise_of_repeats(pilots.plan.phases_rad, pilots.received)
    return repeated, NoiseSource.PREDICTED if repeated is None else NoiseSource.REPEATED


def _of_unknown_noise(
    variance: float,
    calibrated: Callable[[float], NetworkCalibration],
    better_noise: Callable[[NetworkCalibration], float],
) -> tuple[NetworkCalibration, bool]:
    """The last calibration, each with the noise that the one before chose; whether it is whole."""
    found = calibrated(variance)
    try:
        for _ in range(_ROUNDS - 1):
            if not found.is_whole:
                return found, False
            better = better_noise(found)
            if max(better / variance, variance / better) < _NEAR:
                break
            variance, found = better, calibrated(better)
    except KeyboardInterrupt:
        return found, False
    return found, True


def _held_out(pilots: Pilots, many: int | None, seed: int) -> Bool[np.ndarray, " slots"]:
    """Slots of so many configurations, wherever they are shown again."""
    which = same_configurations(pilots.plan.phases_rad)
    kinds = int(which.max()) + 1
    wanted = max(_FEWEST_HELD_OUT, round(_SHARE_HELD_OUT * kinds)) if many is None else many
    require(
        1 <= wanted <= kinds - _FEWEST_SHOWN,
        f"Of the pilots' configurations, {kinds} different ones, from 1 to all but "
        f"{_FEWEST_SHOWN} must be held out, but {wanted} are to be.",
    )
    return np.isin(which, np.random.default_rng(seed).permutation(kinds)[:wanted])
