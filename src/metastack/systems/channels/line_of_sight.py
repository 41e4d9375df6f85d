"""Nothing in the way: spherical waves near by, plane waves far away.

Source: E. Björnson et al., A primer on near-field beamforming for arrays and reconfigurable
surfaces, 2021, for the limits; DOA paper, section II, for plane waves.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from ..._types import AnyArray
from ...errors import require
from ...precision import in_float64
from .path_loss import PathLoss

_FREE_SPACE = PathLoss()


class SphericalWave(eqx.Module):
    """Every pair of elements at its own distance: right at any distance where fields are free.

    `from_m`, `to_m`: elements of both ends in one frame, metres.
    """

    from_m: Float[AnyArray, "from 3"]
    to_m: Float[AnyArray, "to 3"]
    wavelength_m: float
    path_loss: PathLoss = _FREE_SPACE

    @property
    def matrix(self) -> Complex[Array, "to from"]:
        """The one channel that there is."""
        from_m, to_m = (jnp.asarray(each, float) for each in (self.from_m, self.to_m))
        r = jnp.linalg.norm(to_m[:, None] - from_m[None], axis=-1)
        gain = self.path_loss.power_gain(r, self.wavelength_m)
        return jnp.sqrt(gain) * jnp.exp(2j * jnp.pi * r / self.wavelength_m)

    @in_float64
    def draw(self, key: Key[Array, ""], draws: int) -> Complex[Array, "draws to from"]:
        """The same matrix every time: nothing is random."""
        del key
        matrix = self.matrix
        return jnp.broadcast_to(matrix, (draws, *matrix.shape))


class PlaneWave(eqx.Module):
    """The far field: one distance and one direction for all elements of the array.

    `from_m`: elements of the array, whose centre distances are from; `to_m`: single antennas.

    Raises:
        InputError: an antenna in the reactive near field, where nothing of this holds.
    """

    from_m: Float[AnyArray, "from 3"]
    to_m: Float[AnyArray, "to 3"]
    wavelength_m: float
    path_loss: PathLoss = _FREE_SPACE

    def __check_init__(self) -> None:
        """Refuse antennas that are too near."""
        check_far(self.from_m, self.to_m, self.wavelength_m)

    @property
    def matrix(self) -> Complex[Array, "to from"]:
        """The one channel that there is."""
        from_m, to_m = (jnp.asarray(each, float) for each in (self.from_m, self.to_m))
        centre_m = jnp.mean(from_m, axis=0)
        away = to_m - centre_m
        r = jnp.linalg.norm(away, axis=-1)
        gain = self.path_loss.power_gain(r, self.wavelength_m)[:, None]
        path_m = r[:, None] - (away / r[:, None]) @ (from_m - centre_m).T
        return jnp.sqrt(gain) * jnp.exp(2j * jnp.pi * path_m / self.wavelength_m)

    @in_float64
    def draw(self, key: Key[Array, ""], draws: int) -> Complex[Array, "draws to from"]:
        """The same matrix every time: nothing is random."""
        del key
        matrix = self.matrix
        return jnp.broadcast_to(matrix, (draws, *matrix.shape))


def aperture_diameter_m(positions_m: Float[AnyArray, "elements 3"]) -> float:
    """The largest distance across an array, metres."""
    positions_m = np.asarray(positions_m, float)
    return float(np.linalg.norm(np.ptp(positions_m, axis=0)))


def reactive_limit_m(positions_m: Float[AnyArray, "elements 3"], wavelength_m: float) -> float:
    """Below it fields are stored, not sent: .62 √(D³/λ), and a wavelength at least."""
    diameter_m = aperture_diameter_m(positions_m)
    return max(0.62 * np.sqrt(diameter_m**3 / wavelength_m), wavelength_m)


def check_far(
    from_m: Float[AnyArray, "from 3"], to_m: Float[AnyArray, "to 3"], wavelength_m: float
) -> None:
    """Refuse antennas for which no model of far fields means anything.

    Raises:
        InputError: one in the reactive near field of the array.
    """
    centre_m = np.mean(np.asarray(from_m, float), axis=0)
    nearest_m = float(np.linalg.norm(np.asarray(to_m, float) - centre_m, axis=-1).min())
    limit_m = reactive_limit_m(from_m, wavelength_m)
    require(
        nearest_m > limit_m,
        f"Far fields need users beyond the reactive near field of the aperture ({limit_m:.3g} m), "
        f"but the nearest is {nearest_m:.3g} m away; use SphericalWave (line-of-sight).",
    )


def fraunhofer_m(positions_m: Float[AnyArray, "elements 3"], wavelength_m: float) -> float:
    """From here on a plane wave is off by π/8 at most: 2D²/λ."""
    return 2 * aperture_diameter_m(positions_m) ** 2 / wavelength_m
