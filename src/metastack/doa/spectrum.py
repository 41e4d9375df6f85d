"""The angular spectrum: the energies of all snapshots and probes as one picture.

If the response is the DFT, this is the periodogram of the aperture, zero-padded to the fine grid.

Source: DOA paper, section VI-C, Figs. 6 and 7.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .._types import AnyArray
from .protocol import Protocol, bin_angle_rad
from .snapshots import checked_energies


@dataclass(frozen=True)
class AngularSpectrum:
    """Power over electrical angles, in dB of its peak; `power_db[..., y, x]`, axes ascending."""

    psi_x_rad: Float[np.ndarray, " x"]
    psi_y_rad: Float[np.ndarray, " y"]
    power_db: Float[np.ndarray, "*batch y x"]


def angular_spectrum(
    energies: Float[AnyArray, "*batch snapshots probes"], protocol: Protocol
) -> AngularSpectrum:
    """Spectrum on the N_y T_y by N_x T_x grid of the protocol; -inf dB where the energy is 0.

    Raises:
        InputError: energies that do not fit the protocol, are negative, not finite or all zero.
    """
    power = np.fft.fftshift(
        interleave(checked_energies(energies, protocol.snapshots, protocol.elements), protocol),
        axes=(-2, -1),
    )
    with np.errstate(divide="ignore"):
        power_db = 10 * np.log10(power / power.max(axis=(-2, -1), keepdims=True))
    bins_y, bins_x = protocol.grid_shape
    return AngularSpectrum(_axis_rad(bins_x), _axis_rad(bins_y), power_db)


def interleave(
    energies: Float[np.ndarray, "*batch snapshots probes"], protocol: Protocol
) -> Float[np.ndarray, "*batch y x"]:
    """Energies on the fine grid, bin n_x T_x + t_x in x, from angle 0 upwards as in an FFT."""
    batch = energies.shape[:-2]
    grid = energies.reshape(
        *batch, protocol.snapshots_y, protocol.snapshots_x, protocol.rows, protocol.columns
    )
    t_y, t_x, n_y, n_x = range(-4, 0)
    first = tuple(range(len(batch)))
    order = tuple(axis + grid.ndim for axis in (n_y, t_y, n_x, t_x))
    return grid.transpose(*first, *order).reshape(*batch, *protocol.grid_shape)


def _axis_rad(bins: int) -> Float[np.ndarray, " bins"]:
    return np.sort(bin_angle_rad(np.arange(bins), bins))
