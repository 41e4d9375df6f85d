"""What references take off measured responses: drift, leakage, cables and antennas.

Everything on the bench is y(t) = g(t) (l + c h(t)) of every pair of an antenna and a user: h is the
stack's response, c what cables and antennas multiply, l what arrives without passing a
programmable atom, and g the gain of the instrument, common to all pairs, which drifts. Then
h = (y / g - l) / c, with what is known of g, l and c:

- a *repeated* state, the same phases again and again, reads g(t) times the same;
- *all off*, the stack there but dark, reads g l;
- *empty*, no stack and its opening closed, reads that part of g l which does without the stack;
- *through*, cables joined (or antennas face to face) without the stack, reads g c.

All off holds whatever empty does, so that it counts where both are given. What no reference tells
stays in h: a steady c does not matter to a calibration with unknown gains, a steady l does.

Source: D. Pozar, Microwave Engineering, section 4.5 (response calibration); the rest is ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from jaxtyping import Complex, Float

from ..errors import InputError, require
from .gain_drift import GainDrift

# Against the power of slots: a leak may not be twice as strong, and matters from a hundredth on.
_MOST_LEAK, _LEAST_LEAK = 2.0, 0.01
# Of two powers: 6 dB. Of amplitudes of a through reference: 80 dB.
_CLEARLY, _FAINT = 4.0, 1e-4
# As for pilots.
_LEAST = 1e-100


class Reference(Enum):
    """A state that is measured beside the slots; the value is its name in files."""

    REPEATED = "repeated"
    ALL_OFF = "all_off"
    EMPTY = "empty"
    THROUGH = "through"


@dataclass(frozen=True, eq=False)
class Readings:
    """Responses and when they were taken, in units that only have to be the same everywhere."""

    times: Float[np.ndarray, " readings"]
    received: Complex[np.ndarray, "readings #antennas #users frequencies"]


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a bench gave: slots with their phases, and readings of references.

    `noise_variance`: of one response of a slot, as measured, if it is known.
    """

    phases_rad: Float[np.ndarray, "slots layers atoms"]
    slots: Readings
    frequencies_hz: Float[np.ndarray, " frequencies"]
    references: Mapping[Reference, Readings] = field(default_factory=dict[Reference, Readings])
    noise_variance: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Corrected:
    """Responses of the stack alone, and what each reference changed.

    `leakage_db`: what leaks against what slots receive. `through_db`: the least and the largest
    gain of cables and antennas. `noise_variance`: of one response, with what the noise of leakage
    and drift adds, if that of a measured one is known.
    """

    received: Complex[np.ndarray, "slots antennas users frequencies"]
    noise_variance: Float[np.ndarray, " frequencies"] | None = None
    leakage_from: Reference | None = None
    leakage_db: float | None = None
    through_db: tuple[float, float] | None = None
    drift: GainDrift | None = None
    warnings: tuple[str, ...] = ()


def corrected(measurement: Measurement) -> Corrected:
    """Take off what the references tell.

    Raises:
        InputError: references that are not finite, or contradict each other or the slots.
    """
    _check_size("Slots", measurement.slots.received)
    for reference, readings in measurement.references.items():
        _check_size(f"Reference `{reference.value}`", readings.received)
    drift = _drift(measurement)
    y = _steady(measurement.slots, drift)
    steady = {
        reference: _steady(readings, drift).mean(axis=0)
        for reference, readings in measurement.references.items()
        if reference is not Reference.REPEATED
    }
    source = next((each for each in (Reference.ALL_OFF, Reference.EMPTY) if each in steady), None)
    _check_leaks(steady, y)
    leak = np.zeros_like(y[0]) if source is None else steady[source]
    through = _through(steady, leak, y)
    h = (y - leak) / through
    noise = _noise(measurement, y, through, source, drift)
    db = 20 * np.log10(np.abs(through))
    return Corrected(
        h,
        noise,
        source,
        None if source is None else _db(_power(leak), _power(y)),
        (float(db.min()), float(db.max())) if Reference.THROUGH in steady else None,
        drift,
        _warnings(h, Reference.THROUGH in steady, drift),
    )


def _drift(measurement: Measurement) -> GainDrift | None:
    repeated = measurement.references.get(Reference.REPEATED)
    return None if repeated is None else GainDrift.of(repeated.times, repeated.received)


def _noise(
    measurement: Measurement,
    y: Complex[np.ndarray, "slots antennas users frequencies"],
    through: Complex[np.ndarray, "antennas users frequencies"],
    source: Reference | None,
    drift: GainDrift | None,
) -> Float[np.ndarray, " frequencies"] | None:
    """Mean variance of noise in the corrected responses; that of a through is a steady factor."""
    variance, times = measurement.noise_variance, measurement.slots.times
    if variance is None:
        return None
    total = variance * _mean_over_gain(times, drift, y.shape[-1])
    if source is not None:
        leaks = measurement.references[source].times
        total = total + variance * _mean_over_gain(leaks, drift, y.shape[-1]) / len(leaks)
    if drift is not None:
        powers = np.mean(np.abs(y) ** 2, axis=(1, 2))
        total = total + np.mean(powers * drift.relative_noise(times, variance), axis=0)
    return total * np.mean(np.abs(through) ** -2.0, axis=(0, 1))


def _mean_over_gain(
    times: Float[np.ndarray, " times"], drift: GainDrift | None, frequencies: int
) -> Float[np.ndarray, " frequencies"]:
    """Mean of 1 / |g|², which noise is multiplied by when the gain is divided out."""
    if drift is None:
        return np.ones(frequencies)
    return np.mean(np.abs(drift.at(times)) ** -2.0, axis=0)


def _steady(
    readings: Readings, drift: GainDrift | None
) -> Complex[np.ndarray, "readings antennas users frequencies"]:
    """Readings as they would have been with the gain of the first repeated one."""
    if drift is None:
        return readings.received
    return readings.received / drift.at(readings.times)[:, None, None, :]


def _check_size(name: str, received: Complex[np.ndarray, "..."]) -> None:
    """Refuse what is not finite, or has no squares in double precision."""
    bad = np.argwhere(~np.isfinite(received))
    require(
        not len(bad),
        f"{name} must be finite, but {len(bad)} values are not; the first is number "
        f"{bad[0, 0] if len(bad) else 0}.",
    )
    largest = float(np.abs(received).max())
    require(
        largest == 0 or _LEAST <= largest <= 1 / _LEAST,
        f"{name} must be within {_LEAST:g} and {1 / _LEAST:g}, but the largest is {largest:g}.",
    )


def _check_leaks(
    steady: Mapping[Reference, Complex[np.ndarray, "#antennas #users frequencies"]],
    y: Complex[np.ndarray, "slots antennas users frequencies"],
) -> None:
    """Refuse leaks stronger than what holds them."""
    for reference in (Reference.ALL_OFF, Reference.EMPTY):
        if reference in steady:
            leak, slots = _power(steady[reference]), _power(y)
            require(
                leak <= _MOST_LEAK * slots,
                f"Reference `{reference.value}` must be weaker than what slots receive, which "
                f"holds it, but is {_db(leak, slots):.1f} dB stronger: measure it with the same "
                "gain, and an empty setup with its opening closed.",
            )
    if Reference.ALL_OFF in steady and Reference.EMPTY in steady:
        empty, off = _power(steady[Reference.EMPTY]), _power(steady[Reference.ALL_OFF])
        require(
            empty <= _CLEARLY * off or empty <= _LEAST_LEAK * _power(y),
            "Reference `empty` must not be stronger than `all_off`, which holds what leaks without "
            f"the stack too, but is, by {_db(empty, off):.1f} dB: close the opening, or leave it "
            "out.",
        )


def _through(
    steady: Mapping[Reference, Complex[np.ndarray, "#antennas #users frequencies"]],
    leak: Complex[np.ndarray, "#antennas #users frequencies"],
    y: Complex[np.ndarray, "slots antennas users frequencies"],
) -> Complex[np.ndarray, "antennas users frequencies"]:
    if Reference.THROUGH not in steady:
        return np.ones_like(y[0])
    through = np.broadcast_to(steady[Reference.THROUGH], y[0].shape)
    weakest, largest = float(np.min(np.abs(through))), float(np.max(np.abs(through)))
    require(
        weakest > _FAINT * largest,
        "Reference `through` must have something at every port and frequency, but is "
        f"{_db(largest**2, weakest**2):.0f} dB weaker at one than at another.",
    )
    require(
        _power(through) > _power(leak),
        "Reference `through` must be stronger than what leaks, but is "
        f"{-_db(_power(through), _power(leak)):.1f} dB weaker: are the references interchanged?",
    )
    return through


def _warnings(
    h: Complex[np.ndarray, "slots antennas users frequencies"],
    has_through: bool,
    drift: GainDrift | None,
) -> tuple[str, ...]:
    warnings = [] if drift is None else drift.warnings
    power = _power(h)
    if has_through and power > 1:
        warnings = [
            *warnings,
            f"Slots receive {10 * np.log10(power):.1f} dB more than the through reference, which "
            "no passive stack does: was an attenuator in it? Only the scale is wrong then.",
        ]
    return tuple(warnings)


def _power(values: Complex[np.ndarray, "..."]) -> float:
    return float(np.mean(np.abs(values) ** 2))


def _db(power: float, against: float) -> float:
    tiny = np.finfo(float).tiny
    return float(10 * np.log10(max(power, tiny) / max(against, tiny)))


def check_measurement(measurement: Measurement) -> None:
    """Refuse slots and references of different shapes.

    Raises:
        InputError: such shapes, or times out of order.
    """
    slots, *ports = measurement.slots.received.shape
    require(
        slots == len(measurement.phases_rad),
        f"There must be phases for each of the {slots} slots, but there are "
        f"{len(measurement.phases_rad)}.",
    )
    frequencies = len(measurement.frequencies_hz)
    require(
        ports[-1] == frequencies,
        f"Slots must be of {frequencies} frequencies, but are of {ports[-1]}.",
    )
    for reference, readings in measurement.references.items():
        _, *found = readings.received.shape
        fits = all(a in (1, b) for a, b in zip(found[:2], ports[:2], strict=True))
        if not (fits and found[2] == ports[2]):
            raise InputError(
                f"Reference `{reference.value}` must be antennas x users x frequencies as the "
                f"slots, {tuple(ports)}, but is {tuple(found)}."
            )
