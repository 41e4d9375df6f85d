"""How near estimates come in simulated runs, and which of two is nearer.

Errors are over the mean power of the channel, so that bounds are in the same unit. Two estimators
judged on the same draws are compared draw by draw.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Complex, Float, Key

from ...errors import require
from .user_pilots import UserPilots

_95_PERCENT = 1.959964


@dataclass(frozen=True)
class Ratio:
    """One mean over another in dB, and the 95 % interval."""

    db: float
    low_db: float
    high_db: float


@dataclass(frozen=True, eq=False)
class Judged:
    """Squared errors of every draw, all users together, over the mean power of their channels."""

    errors: Float[np.ndarray, " draws"]

    @property
    def nmse(self) -> Ratio:
        """The mean error."""
        return _in_db(float(self.errors.mean()), self.errors / self.errors.mean())


def judge(
    estimators: Mapping[str, Complex[np.ndarray, "atoms readings"]],
    sensing: Complex[np.ndarray, "readings atoms"],
    channels: Complex[np.ndarray, "draws users atoms"],
    *,
    pilots: UserPilots,
    noise_variance: float,
    power: float,
    key: Key[Array, ""],
) -> dict[str, Judged]:
    """All estimators on the same readings of the same channels, in one batch.

    `sensing`: of the stack that is built. `power`: mean of ‖h‖² of one user. The same key gives
    the same noise but for its scale, whatever the noise variance.

    Raises:
        InputError: fewer than two draws.
    """
    draws, users, _ = channels.shape
    require(draws >= 2, f"There must be at least two draws for an interval, but there are {draws}.")
    readings = pilots.observe(sensing, channels, noise_variance, key)

    def judged(estimator: Complex[np.ndarray, "atoms readings"]) -> Judged:
        missed = readings @ estimator.T - channels
        return Judged(np.sum(np.abs(missed) ** 2, axis=(1, 2)) / (users * power))

    return {name: judged(estimator) for name, estimator in estimators.items()}


def compared(one: Judged, other: Judged) -> Ratio:
    """The mean error of one over that of the other; below 0 dB the first is better.

    Both on the same draws: what these have in common does not widen the interval.

    Raises:
        InputError: other numbers of draws.
    """
    of_one, of_other = one.errors, other.errors
    require(
        len(of_one) == len(of_other),
        f"Only the same draws can be compared, but there are {len(of_one)} and {len(of_other)}.",
    )
    means = of_one.mean(), of_other.mean()
    return _in_db(float(means[0] / means[1]), of_one / means[0] - of_other / means[1])


def _in_db(value: float, relative: Float[np.ndarray, " draws"]) -> Ratio:
    """A value whose logarithm deviates as the mean of `relative` does (delta method)."""
    db, reach = 10 * np.log10(value), relative.std(ddof=1) / np.sqrt(len(relative))
    reach_db = float(10 / np.log(10) * _95_PERCENT * reach)
    return Ratio(float(db), float(db) - reach_db, float(db) + reach_db)
