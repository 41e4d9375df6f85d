"""The paper's estimator: the direction that the strongest probe and snapshot listen to.

It answers on the protocol's grid: without noise it is off by at most half a bin if the response
is the DFT, and no SNR brings it below that floor.

Source: DOA paper, section IV-B, eq. (28)-(30).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from .._types import AnyArray
from .protocol import Protocol
from .snapshots import checked_energies


@dataclass(frozen=True)
class PeakEstimate:
    """Electrical angles in [-π, π), radians, and where the peak stood."""

    psi_x_rad: Float[np.ndarray, "*batch"]
    psi_y_rad: Float[np.ndarray, "*batch"]
    snapshot: Int[np.ndarray, "*batch"]
    probe: Int[np.ndarray, "*batch"]


def peak_estimate(
    energies: Float[AnyArray, "*batch snapshots probes"], protocol: Protocol
) -> PeakEstimate:
    """Electrical angles of the source from the strongest |r|², eq. (28)-(30).

    Of equal energies the first counts, in the order of snapshots, then of probes. `direction`
    turns the angles into elevation and azimuth.

    Raises:
        InputError: energies that do not fit the protocol, are negative, not finite or all zero.
    """
    values = checked_energies(energies, protocol.snapshots, protocol.elements)
    flat = values.reshape(*values.shape[:-2], -1).argmax(axis=-1)
    snapshot, probe = (np.asarray(index) for index in divmod(flat, protocol.elements))
    psi_x, psi_y = protocol.bins_rad
    return PeakEstimate(
        np.asarray(psi_x[snapshot, probe]), np.asarray(psi_y[snapshot, probe]), snapshot, probe
    )
