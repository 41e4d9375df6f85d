"""Directions from few antennas and many random patterns, beside the Cramér-Rao bound.

Source: J. An et al. (calibration paper, Table I, [4]).
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ..doa import matched_steering, wrapped_rad
from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from ..systems.channel_estimation import direction_bound_rad2, pattern_model, random_patterns
from ..systems.fronts import Receiver
from .cost.won_back import Interval, mean_interval

# The plane wave leaves from anywhere within this of the axis: where arrays still resolve.
_WIDEST_RAD = np.radians(60.0)


@dataclass(frozen=True)
class DirectionPoint:
    """How near directions come: mean squares of both angles ψ/π together, linear."""

    slots: int
    snr_db: float
    error: Interval
    bound: float


@in_float64
def study_pattern_directions(
    stack: Stack, slots: int, snrs_db: list[float], *, trials: int, key: Key[Array, ""], seed: int
) -> list[DirectionPoint]:
    """One point an SNR, that of the wave at an atom against the noise of an antenna.

    All points have the same directions and noise; `key` draws the patterns.

    Raises:
        InputError: fewer than two readings, which tell no direction; fewer than two trials.
    """
    readings = slots * stack.receiver_array.size
    require(
        readings >= 2,
        f"A direction needs at least 2 readings, but {slots} pattern with "
        f"{stack.receiver_array.size} antenna gives {readings}.",
    )
    require(trials >= 2, f"`trials` must be at least 2, but is {trials}.")
    patterns = random_patterns(slots, stack.phases_shape, key)
    model = pattern_model(Receiver.of(stack), stack.layer_array, patterns)
    draw = np.random.default_rng(seed)
    psi_rad = _drawn_directions(draw, trials, stack)
    field = np.asarray(model.field(jnp.asarray(psi_rad)))
    noise = draw.standard_normal((*field.shape, 2)) @ [1, 1j] / np.sqrt(2)
    points: list[DirectionPoint] = []
    for snr_db in snrs_db:
        deviation = 10 ** (-snr_db / 20)
        found = matched_steering(field + deviation * noise, model)
        errors = np.sum(np.asarray(wrapped_rad(found - psi_rad)) ** 2, axis=-1) / np.pi**2
        bound = direction_bound_rad2(model, psi_rad, noise_variance=deviation**2).mean() / np.pi**2
        points.append(DirectionPoint(slots, snr_db, mean_interval(errors), float(bound)))
    return points


def _drawn_directions(
    draw: np.random.Generator, trials: int, stack: Stack
) -> Float[np.ndarray, "trials 2"]:
    """Electrical angles of directions that are uniform over a cap about the axis."""
    cosine = draw.uniform(np.cos(_WIDEST_RAD), 1, trials)
    azimuth = draw.uniform(0, 2 * np.pi, trials)
    sine = np.sqrt(1 - cosine**2)
    array = stack.layer_array
    spacing = np.array([array.spacing_x_m, array.spacing_y_m]) / float(stack.wavelength_m)
    across = np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth)], axis=-1)
    return np.asarray(wrapped_rad(2 * np.pi * spacing * across))
