"""Back from the detectors to the aperture: what a digital array would have received.

Source: least squares, snapshot by snapshot.
"""

import numpy as np
from jaxtyping import Complex

from .._types import AnyArray
from ..errors import require
from .model import DirectionModel

# Above this the least-squares field is mostly amplified noise.
_LARGEST_CONDITION = 1e3


def aperture_fields(
    received: Complex[AnyArray, "*batch snapshots probes"], model: DirectionModel
) -> Complex[np.ndarray, "*batch snapshots elements"]:
    """Fields on the elements of the input layer that explain those on the detectors.

    Methods for arrays (digital beamforming, ESPRIT, smoothing) take these. White noise of the
    detectors stays white only behind a response that is a multiple of a unitary one.

    Raises:
        InputError: fields that do not fit the model, or a response that loses directions.
    """
    r, weights = np.asarray(received, complex), np.asarray(model.weights, complex)
    require(
        r.shape[-2:] == weights.shape[:2],
        f"`received` must end in {weights.shape[:2]} (snapshots, probes) for this model, "
        f"but has shape {r.shape}.",
    )
    condition = float(np.max(np.linalg.cond(weights)))
    enough = model.probes >= model.elements and condition < _LARGEST_CONDITION
    require(
        enough,
        "The response must be invertible for methods that need the fields on the aperture, but "
        f"its condition is {condition:.3g} with {model.probes} probes for {model.elements} "
        "elements; use matched steering.",
    )
    return np.einsum("tnp,...tp->...tn", np.linalg.pinv(weights), r)
