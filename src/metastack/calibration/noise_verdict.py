"""Does noise that is known explain what a fit of poses leaves?

The residual energy over that of the noise is chi-square where numbers are Gaussian; where some have
heavier tails, as powers do, its variance is larger, and a chi-square of the same mean and variance
stands for it.

Source: F. Satterthwaite, Biometrics Bulletin 2 (1946) 110, for the matched moments.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.stats

from .estimate import PoseEstimate
from .unseen import Unseen, unseen

_EXPLAINED_P = 1e-3


@dataclass(frozen=True, eq=False)
class JudgedByNoise(PoseEstimate):
    """A calibration that known noise explains or not; `advice` is what to try where it does not."""

    advice: ClassVar[str]

    @property
    @abstractmethod
    def known_variance(self) -> float | None:
        """E|n|² of an entry of what was fitted; `None` where it is not known."""
        ...

    @property
    @abstractmethod
    def antennas(self) -> int:
        """How many antennas received, for sentences about what they do not see."""
        ...

    @property
    @abstractmethod
    def numbers(self) -> int:
        """Real numbers that were fitted, less those that unknown gains take."""
        ...

    @property
    def excess_kurtosis(self) -> float:
        """Of these numbers in units of their deviation, summed up: 0 where they are Gaussian."""
        return 0.0

    @property
    def noise_ratio(self) -> float | None:
        """Residual energy over what the known noise should leave, 1 if the model is right."""
        variance = self.known_variance
        if not variance:
            return None
        return 2 * float(np.sum(np.abs(self.fit.residual) ** 2)) / variance / self._freedom

    @property
    def p_value(self) -> float | None:
        """Chance that noise alone leaves as much as is left, if it is known."""
        ratio, mean = self.noise_ratio, self._freedom
        if ratio is None:
            return None
        matched = 2 * mean**2 / (2 * mean + self.excess_kurtosis)
        return float(scipy.stats.chi2.sf(ratio * matched, matched))

    @property
    def explained(self) -> bool:
        """Whether nothing that is known speaks against the model."""
        return self.p_value is None or self.p_value >= _EXPLAINED_P

    @property
    def sentence(self) -> str:
        """The verdict, and what to try."""
        if self.noise_ratio is None:
            return "The noise is not known, so that nothing tells whether it explains the residual."
        if self.explained:
            return f"The noise explains the residual ({self.noise_ratio:.3f} of what it should be)."
        return (
            f"The residual holds {self.noise_ratio:.3g} times the energy that noise explains: the "
            f"model is wrong. {self.advice}"
        )

    @property
    def unseen(self) -> Unseen:
        """What was measured did not tell."""
        least = np.finfo(float).eps ** 2 * float(np.mean(np.abs(self.fit.residual) ** 2))
        told = 2 / max(self.fit.noise_variance, least, np.finfo(float).tiny) * self.fit.matrix
        return unseen(self.unknowns, told, antennas=self.antennas)

    @property
    def _freedom(self) -> float:
        """Real numbers in the residual that the fit left free."""
        matrix = self.fit.matrix
        damped = matrix + self.fit.noise_variance / 2 * np.diag(self.fit.precision)
        told = float(np.trace(np.linalg.pinv(damped, rcond=1e-13, hermitian=True) @ matrix))
        return max(self.numbers - told, 1.0)
