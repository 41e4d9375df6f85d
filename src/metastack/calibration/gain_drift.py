"""Drift of an instrument's gain, from one state that is measured again and again.

Readings of the same state, y(t) = g(t) r at all ports, are of rank one at every frequency: the
best g in least squares is the first singular vector. Between readings log amplitude and unwrapped
phase go in straight lines; before the first and after the last they stand still.

Source: C. Eckart and G. Young, The approximation of one matrix by another of lower rank, 1936.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from ..errors import require

_QUARTER_TURN, _MUCH_BEYOND = np.pi / 2, 0.01


@dataclass(frozen=True, eq=False)
class GainDrift:
    """ln g at the times of readings, zero at the first.

    `energy`: of one reading, all ports together. `beyond`: share of the readings' energy that no
    common gain explains, where there are several ports: noise, or ports that drift each by itself,
    or a state that was not the same.
    """

    times: Float[np.ndarray, " readings"]
    log_gain: Complex[np.ndarray, "readings frequencies"]
    energy: Float[np.ndarray, " frequencies"]
    beyond: float | None

    @classmethod
    def of(
        cls,
        times: Float[np.ndarray, " readings"],
        received: Complex[np.ndarray, "readings antennas users frequencies"],
    ) -> "GainDrift":
        """The drift that readings tell.

        Raises:
            InputError: fewer than two readings, times that repeat, or nothing received.
        """
        require(
            len(times) > 1,
            f"The repeated state must be measured at least twice, but is measured {len(times)} "
            "times.",
        )
        order = np.argsort(times)
        times, readings = times[order], received[order].reshape(len(times), -1, received.shape[-1])
        require(
            bool((np.diff(times) > 0).all()), "Readings of the repeated state must differ in time."
        )
        U, s, _ = np.linalg.svd(np.moveaxis(readings, -1, 0), full_matrices=False)
        gains = U[:, :, 0].T
        weakest = float(np.min(np.abs(gains) * np.sqrt(len(times))))
        require(
            bool((s[:, 0] > 0).all()) and weakest > 0,
            "The repeated state must receive something every time, but does not.",
        )
        phase = np.unwrap(np.angle(gains), axis=0)
        log_gain = np.log(np.abs(gains)) + 1j * phase
        several = readings.shape[1] > 1
        beyond = float(np.sum(s[:, 1:] ** 2) / np.sum(s**2)) if several else None
        return cls(times, log_gain - log_gain[0], s[:, 0] ** 2 / len(times), beyond)

    @property
    def span_db(self) -> float:
        """From the least to the largest gain, at the frequency where that is most."""
        return float(np.max(np.ptp(np.real(self.log_gain), axis=0)) * 20 / np.log(10))

    @property
    def span_rad(self) -> float:
        """From the least to the largest phase, at the frequency where that is most."""
        return float(np.max(np.ptp(np.imag(self.log_gain), axis=0)))

    @property
    def warnings(self) -> list[str]:
        """What is odd about it, a sentence each."""
        step = float(np.max(np.abs(np.diff(np.imag(self.log_gain), axis=0))))
        warnings = list[str]()
        if step > _QUARTER_TURN:
            warnings += [
                f"The gain turns by {np.degrees(step):.0f}° from one reading of the repeated state "
                "to the next: repeat it more often, or what lies between is a guess."
            ]
        if self.beyond is not None and self.beyond > _MUCH_BEYOND:
            warnings += [
                f"{100 * self.beyond:.2g} % of the repeated state's energy is not explained by a "
                "gain that all ports share: they drift each by itself, or the state was not the "
                "same, or there is much noise."
            ]
        return warnings

    def at(self, times: Float[np.ndarray, " times"]) -> Complex[np.ndarray, "times frequencies"]:
        """The gain at any times, against that of the first reading."""
        columns = [
            np.interp(times, self.times, column.real)
            + 1j * np.interp(times, self.times, column.imag)
            for column in self.log_gain.T
        ]
        return np.exp(np.stack(columns, axis=1))

    def relative_noise(
        self, times: Float[np.ndarray, " times"], noise_variance: float
    ) -> Float[np.ndarray, "times frequencies"]:
        """Variance of `at` over its square, to first order in noise of this variance."""
        after = np.interp(times, self.times, np.arange(len(self.times))) % 1.0
        weights = after**2 + (1 - after) ** 2
        return weights[:, None] * noise_variance / self.energy
