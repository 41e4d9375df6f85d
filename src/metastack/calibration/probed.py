"""Calibration from end-to-end pilots and power probes between layers.

A reading is noncentral chi-square; it is taken to be Gaussian with its mean and variance, which
loses 7 % of what a reading tells at most, and next to nothing where probes see ten times their
noise.

Source: calibration paper, section V-C (intermediate states are asked for); ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .estimate import in_numpy
from .gains import Gains, OneGain
from .geometric import best_fit
from .least_squares import Fit
from .noise_verdict import JudgedByNoise
from .pilots import Pilots, check_pilots
from .probed_model import ProbedGains, ProbedModel
from .probes import PowerProbes, check_probes, noise_of
from .unknowns import Expected, Unknowns


@dataclass(frozen=True, eq=False)
class ProbedCalibration(JudgedByNoise):
    """A stack as pilots and probes between its layers show it to be."""

    advice: ClassVar = (
        "Look at which layer every probe stands behind, where, and at what it reads in the dark; "
        "then calibrate without probes (`metastack calibrate`), where more is tried."
    )

    model: ProbedModel
    pilots: Pilots
    probes: tuple[PowerProbes, ...]
    readings: Float[np.ndarray, "slots probes users"]
    allowed: ProbedGains

    @property
    def known_variance(self) -> float | None:
        """Of a pilot; readings are weighed to have as much."""
        return self.pilots.noise_variance

    @property
    def antennas(self) -> int:
        """How many antennas received."""
        return self.pilots.received.shape[1]

    @property
    def numbers(self) -> int:
        """Two of every pilot and one of every reading, less those of their gains."""
        of_pilots = self.pilots.received.size - self.gains.count(self.pilots.received.shape)
        return 2 * of_pilots + self.readings.size - self.readings.shape[1]

    @property
    def excess_kurtosis(self) -> float:
        """Of all readings: 6 (1 + 4 λ) / (1 + 2 λ)² of one that sees λ times its noise."""
        powers = np.maximum(self.readings, 0) / noise_of(self.probes)[:, None]
        return float(np.sum(6 * (1 + 4 * powers) / (1 + 2 * powers) ** 2))

    @property
    def scale(self) -> Float[np.ndarray, " probes"]:
        """What every probe makes of power, as found."""
        _, of_probes = self.allowed.split(jnp.asarray(self.fit.gain))
        return np.abs(np.asarray(of_probes)[0, :, 0])

    @property
    def pilot_gain(self) -> float:
        """Root of the mean square of the pilots' gains, as found."""
        of_pilots, _ = self.allowed.split(jnp.asarray(self.fit.gain))
        return float(np.sqrt(np.mean(np.abs(np.asarray(of_pilots)) ** 2)))

    @property
    def unexplained(self) -> tuple[float, float]:
        """Shares of the energy of pilots, and of weighed readings, that are left."""
        left, left_of_readings = self.allowed.split(jnp.asarray(self.fit.residual))
        weighed = np.asarray(self.model.weight) * self.readings
        pairs = (left, self.pilots.received), (left_of_readings, weighed)
        of_pilots, of_readings = (
            float(np.sum(np.abs(np.asarray(rest)) ** 2) / np.sum(np.abs(whole) ** 2))
            for rest, whole in pairs
        )
        return of_pilots, of_readings


@in_float64
def calibrate_with_probes(
    stack: Stack,
    pilots: Pilots,
    probes: Sequence[PowerProbes],
    readings: Float[AnyArray, "slots probes users"],
    *,
    expected: Expected,
    gains: Gains | None = None,
    starts: int | None = None,
    iterations: int = 50,
    seed: int = 0,
) -> ProbedCalibration:
    """Find the poses (and users) of a built stack from pilots and what probes read meanwhile.

    `readings`: the mean of the probes' own noise taken off; what a probe makes of power is an
    unknown of its own. The rest is as in `calibrate`.

    Raises:
        InputError: pilots of another stack, or whose noise is not known; probes that cannot be;
            readings of another shape, or not finite; nothing unknown.
    """
    check_pilots(pilots, stack)
    check_probes(probes, stack)
    read = np.asarray(readings, float)
    _check_readings(read, pilots, probes)
    variance = _known_noise(pilots)
    unknowns = Unknowns.of(stack, pilots.plan.illumination, expected)
    allowed = ProbedGains(gains or OneGain(), _shape(pilots.received), _shape(read))

    def fitted(
        values: Float[np.ndarray, " unknowns"], scale: Float[np.ndarray, " probes"]
    ) -> tuple[ProbedModel, Fit]:
        model = ProbedModel.of(
            unknowns, pilots.plan, probes, values=values, noise_variance=variance, scale=scale
        )
        column = model.column(jnp.asarray(pilots.received), jnp.asarray(read))
        found = best_fit(
            model,
            unknowns,
            np.asarray(column),
            allowed,
            noise_variance=variance,
            starts=starts,
            iterations=iterations,
            seed=seed,
        )
        return model, found

    # The noise of readings follows from the stack that is sought: nominal first, then as found.
    nominal = np.zeros(unknowns.size)
    _, first = fitted(nominal, _first_scale(unknowns, pilots, probes, read))
    _, of_probes = allowed.split(jnp.asarray(first.gain))
    model, found = fitted(first.values, np.abs(np.asarray(of_probes)[0, :, 0]))
    built, lit = jax.tree.map(in_numpy, model.applied(jnp.asarray(found.values)))
    return ProbedCalibration(
        stack,
        built,
        lit,
        unknowns,
        model,
        found,
        allowed.pilots,
        pilots,
        tuple(probes),
        read,
        allowed,
    )


def _first_scale(
    unknowns: Unknowns,
    pilots: Pilots,
    probes: Sequence[PowerProbes],
    readings: Float[np.ndarray, "slots probes users"],
) -> Float[np.ndarray, " probes"]:
    """What every probe makes of power if the stack is nominal, from mean powers."""
    one = np.ones(readings.shape[1])
    nominal = ProbedModel.of(
        unknowns,
        pilots.plan,
        probes,
        values=np.zeros(unknowns.size),
        noise_variance=1.0,
        scale=one,
    )
    powers = nominal.powers(jnp.zeros(unknowns.size))
    ratio = readings.sum(axis=(0, 2)) / np.asarray(powers).sum(axis=(0, 2))
    require(
        bool((ratio > 0).all()),
        f"Probes must read power, but the mean reading of probe {int(np.argmin(ratio))} is not "
        "positive once its noise is taken off.",
    )
    return ratio


def _known_noise(pilots: Pilots) -> float:
    variance = pilots.noise_variance
    require(
        variance is not None and variance > 0,
        "The noise variance of pilots must be known to weigh probes against them, but is "
        f"{variance}.",
    )
    assert variance is not None
    return variance


def _check_readings(
    readings: Float[np.ndarray, "..."], pilots: Pilots, probes: Sequence[PowerProbes]
) -> None:
    slots, _, users = pilots.received.shape
    expected = slots, len(noise_of(probes)), users
    require(
        readings.shape == expected,
        f"`readings` must be slots x probes x users, {expected}, but have shape {readings.shape}.",
    )
    require(bool(np.isfinite(readings).all()), "`readings` must be finite, but are not.")


def _shape(array: Float[np.ndarray, "a b c"] | np.ndarray) -> tuple[int, int, int]:
    slots, ports, users = array.shape
    return slots, ports, users
