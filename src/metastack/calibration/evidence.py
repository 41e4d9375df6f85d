"""The evidence for a model: how probable it makes the pilots, all its unknowns integrated out.

About the fitted values the posterior is taken to be Gaussian (Laplace), so that
log p(y) = -N log(π σ²) - ||r||²/σ² - vᵀΛv/2 - log det(I + 2 Λ^{-1/2} H Λ^{-1/2} / σ²)/2. A complex
gain, of which nothing is known beforehand, counts as much as telling it from its share of the
responses is worth (Schwarz).

Source: D. MacKay, Neural Computation 4 (1992) 415; G. Schwarz, Ann. Statist. 6 (1978) 461.
"""

import numpy as np

from ..errors import require
from .geometric import Calibration


def log_evidence(calibration: Calibration) -> float:
    """Natural logarithm of the evidence for the model that was fitted, of noise as known or found.

    Raises:
        InputError: an unknown of which nothing is known beforehand.
    """
    fit, responses = calibration.fit, calibration.pilots.received.size
    require(
        bool((fit.precision > 0).all()),
        "Every unknown must have a tolerance to weigh the evidence, but one has none.",
    )
    scale = 1 / np.sqrt(fit.precision)
    # Noise that leaves nothing but rounding tells of no model's merit.
    floor = 1e-20 * float(np.mean(np.abs(calibration.pilots.received) ** 2))
    variance = max(fit.noise_variance, floor)
    told = np.eye(len(scale)) + 2 / variance * fit.matrix * np.outer(scale, scale)
    energy = float(np.sum(np.abs(fit.residual) ** 2))
    surprise = float(fit.precision @ fit.values**2) + np.linalg.slogdet(told)[1]
    gains = calibration.gains.count(fit.residual.shape)
    of_gains = gains * np.log(max(responses / max(gains, 1), 2.0))
    return -responses * np.log(np.pi * variance) - energy / variance - surprise / 2 - of_gains
