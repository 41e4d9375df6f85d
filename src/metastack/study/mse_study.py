"""Mean squared error against SNR, for any devices and ways of reading, beside the bounds.

Source: DOA paper, Figs. 8 and 9, with confidence intervals and the insertion loss counted.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from ..doa import (
    UNIFORM_DEVIATION_OVER_PI,
    Directions,
    Experiment,
    GaussianSource,
    KnownNoise,
    NoiseLevel,
    Source,
    cramer_rao,
    energy_information,
    field_information,
    monte_carlo,
    peak_bound,
)
from ..precision import float64
from .readings import READERS, StudiedDevice, amplitude_of, power_of

# Readings that answer with the nearest bin: no unbiased estimates, which bounds are for.
_QUANTISED = ("peak", "strongest bin")
# Directions over which bounds are averaged.
_BOUND_DIRECTIONS = 1000

OnTrials: TypeAlias = Callable[[int], None]


@dataclass(frozen=True)
class Contender:
    """A device and the name of the way in which it is read, a key of `READERS`."""

    device: StudiedDevice
    reading: str


@dataclass(frozen=True)
class MsePoint:
    """One point of a curve; errors are of ψ/π, squared and averaged over ψ_x and ψ_y.

    `low`, `high`: the confidence interval of `mse`. `lower_bound`: mean Cramér-Rao bound of what
    the reading may use, for unbiased ones: NaN for the strongest bin, and for a source that fades,
    and where it is above the 1/3 of an angle that is uniform on the circle.
    `upper_bound`: of the peak, else NaN.
    """

    device: str
    reading: str
    snr_db: float
    mse: float
    low: float
    high: float
    trials: int
    worst: float
    lower_bound: float
    upper_bound: float


def mse_points(
    contenders: Sequence[Contender],
    levels: Sequence[NoiseLevel],
    *,
    source: Source,
    directions: Directions,
    trials: int,
    seed: int,
    dtype: DTypeLike = jnp.complex128,
    confidence: float = 0.99,
    is_done: Callable[[Contender, NoiseLevel], bool] = lambda contender, level: False,
    on_trials: OnTrials | None = None,
) -> Iterator[MsePoint]:
    """Points one by one, as they are found; those that `is_done` are left out.

    Every point draws from the same seed: contenders with as many measurements meet the same
    directions and noises.
    """
    for contender in contenders:
        for level in levels:
            if is_done(contender, level):
                continue
            experiment = contender.device.experiment(level, source, directions)
            with float64():
                reader = READERS[contender.reading](contender.device, experiment)
            result = monte_carlo(
                experiment,
                reader,
                trials=trials,
                seed=seed,
                dtype=dtype,
                confidence=confidence,
                on_trials=on_trials,
            )
            if result.trials < trials:
                raise KeyboardInterrupt
            yield MsePoint(
                contender.device.name,
                contender.reading,
                float(getattr(level, "db", np.inf)),
                result.both_rad2 / np.pi**2,
                result.both_low_rad2 / np.pi**2,
                result.both_high_rad2 / np.pi**2,
                result.trials,
                float(result.worst_rad.max()) / np.pi,
                _lower_bound(contender, experiment) / np.pi**2,
                _upper_bound(contender, experiment) / np.pi**2,
            )


def _lower_bound(contender: Contender, experiment: Experiment) -> float:
    """Mean bound of one angle, rad², over the directions of the experiment."""
    if contender.reading in _QUANTISED or isinstance(experiment.source, GaussianSource):
        return float("nan")
    psi_rad = _directions(experiment)
    variance, source = experiment.noise_variance, experiment.source
    if contender.reading == "matched":
        information = field_information(
            experiment.model, psi_rad, noise_variance=variance, power=amplitude_of(source)
        )
    else:
        information = energy_information(
            experiment.model, psi_rad, noise=KnownNoise(variance), power=power_of(source)
        )
    bound_rad2 = float(np.trace(cramer_rao(information), axis1=1, axis2=2).mean() / 2)
    # The error of an angle on a circle cannot be as large: there the bound says nothing.
    return bound_rad2 if bound_rad2 < (np.pi * UNIFORM_DEVIATION_OVER_PI) ** 2 else float("nan")


def _upper_bound(contender: Contender, experiment: Experiment) -> float:
    """Mean bound of the peak's error, rad², errors wrapped."""
    protocol = contender.device.protocol
    if contender.reading != "peak" or protocol is None:
        return float("nan")
    if isinstance(experiment.source, GaussianSource):
        return float("nan")
    response = experiment.model.weights[0] * np.exp(-1j * protocol.input_phases_rad[0])
    psi_x, psi_y = np.asarray(_directions(experiment)).T
    bound = peak_bound(
        response,
        protocol,
        psi_x_rad=psi_x,
        psi_y_rad=psi_y,
        noise_variance=experiment.noise_variance,
    )
    return float((bound.psi_x_rad2.mean() + bound.psi_y_rad2.mean()) / 2)


def _directions(experiment: Experiment) -> jax.Array:
    with float64():
        key = jax.random.key(0)
        return experiment.directions.draw(key, _BOUND_DIRECTIONS, jnp.dtype(float))
