"""Are the energies that a calibration does not explain noise? And if not, what would explain them?

The misfit, the mean squared deviation of the energies from their means in units of their variances,
is compared with its law. What may have been left out is tried by `energy_suspects`.

Source: moments of the noncentral chi-square law.
"""

from dataclasses import dataclass

import numpy as np
import scipy.stats

from ..precision import in_float64
from .energy_calibration import EnergyCalibration
from .energy_suspects import suspects, without_unseen
from .residual_test import Suspect

_EXPLAINED_P, _SUSPICIOUS_P = 1e-3, 1e-4
# Where noise leaves as much as this so often, nothing needs to be tried.
_ABOVE_SUSPICION_P = 0.05


@dataclass(frozen=True, eq=False)
class EnergyTest:
    """What the energies that are left say of the model.

    `noise_ratio`: misfit over what noise leaves, 1 if all is well; `p_value`: the chance of as much
    or more. `suspects`: what would explain it better than chance, the surest first.
    """

    noise_ratio: float
    p_value: float
    suspects: tuple[Suspect, ...]

    @property
    def noise_is_overstated(self) -> bool:
        """Whether even less is left than the stated noise would leave by chance."""
        return self.p_value > 1 - _EXPLAINED_P

    @property
    def explained(self) -> bool:
        """Whether nothing speaks against the model."""
        return not self.suspects and self.p_value >= _EXPLAINED_P

    @property
    def sentence(self) -> str:
        """The verdict, and what to try."""
        if self.explained and self.noise_is_overstated:
            return (
                f"The energies deviate by {self.noise_ratio:.3g} of what the stated noise makes: "
                "there is less noise than stated, and deviations are too large."
            )
        if self.explained:
            return f"The noise explains the energies ({self.noise_ratio:.3f} of what it should be)."
        left = f"The energies deviate {self.noise_ratio:.3g} times as much as noise makes them"
        if self.suspects:
            advice = " ".join(each.advice for each in self.suspects[:2])
            return f"{left}: the model is wrong. {advice}"
        return (
            f"{left}, and nothing that was tried explains it: the model or the stated noise is "
            "wrong. Look for the order of slots, layers and atoms, the sign of phases, unequal or "
            "stuck atoms, coupling, frequency or spacing."
        )


@in_float64
def energy_test(calibration: EnergyCalibration) -> EnergyTest:
    """Test whether a calibration explains its energies."""
    ratio, p_value = _against_noise(calibration)
    tried = [] if p_value > _ABOVE_SUSPICION_P else suspects(calibration)
    return EnergyTest(ratio, p_value, tuple(each for each in tried if each.p_value < _SUSPICIOUS_P))


def _against_noise(calibration: EnergyCalibration) -> tuple[float, float]:
    """Misfit over what noise leaves once the unknowns have had their share, and the chance of it.

    The law is a gamma law of the same mean and variance, so that few energies are skewed as well.
    """
    fit, size = calibration.fit, calibration.pilots.energies.size
    told = float(np.trace(without_unseen(fit.matrix, fit.precision)[0] @ fit.matrix))
    mean = max(1 - told / size, 1 / size)
    shape = (mean / fit.misfit_deviation) ** 2
    ratio = float(fit.history[-1]) / mean
    return ratio, float(scipy.stats.gamma.sf(ratio * shape, shape))
