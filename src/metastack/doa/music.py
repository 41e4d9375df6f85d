"""MUSIC in two dimensions: directions whose field is orthogonal to the noise.

The field h(ψ) = W a(ψ) of every source lies in the span of the covariance's largest eigenvectors
(the signal space), and with fewer sources than readings no other direction's does. W is the
identity for a digital array and a trained response G behind a stack (beamspace), and may hold the
snapshots of a whole protocol if the sources keep their amplitudes through it.

The number of sources must be known. Fails for coherent sources (see `subarrays`), and merges
sources nearer than about a fifth of 2π / elements, which leave a single peak on the grid.

Source: R. Schmidt, Multiple emitter location and signal parameter estimation, IEEE Trans. AP
34(3), 1986; its accuracy: P. Stoica, A. Nehorai, IEEE Trans. ASSP 37(5), 1989.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64
from .angles import wrapped_rad
from .covariance import signal_space
from .matched_power import MatchedPower, norm_coefficients, over_trials
from .model import DirectionModel
from .protocol import bin_angle_rad
from .spectrum import AngularSpectrum

# Twice as fine as for one source: near sources leave near peaks.
_BINS_PER_ELEMENT = 16


@in_float64
def music(
    covariance: Complex[AnyArray, "*batch readings readings"],
    model: DirectionModel,
    *,
    sources: int,
) -> Float[np.ndarray, "*batch {sources} 2"]:
    """Directions (ψ_x, ψ_y) in [-π, π), radians, of the highest peaks of the spectrum.

    `covariance`: of the model's readings, all snapshots and probes in one vector; an array is
    `DirectionModel.of_array(columns, rows)`. The highest peak on the grid comes first. A source
    without a peak of its own is NaN; ψ is 0 along a side of one element.

    Raises:
        InputError: a covariance that does not fit the model, is not finite, not Hermitian or of
            too low a rank; more sources than the model can resolve.
    """
    space, norms = _signal_apertures(covariance, model, sources)
    flat = space.reshape(-1, *space.shape[-3:])
    psi = wrapped_rad(np.asarray(_peaks(jnp.asarray(flat), jnp.asarray(norms))))
    return psi.reshape(*space.shape[:-3], sources, 2)


@in_float64
def music_spectrum(
    covariance: Complex[AnyArray, "*batch readings readings"],
    model: DirectionModel,
    *,
    sources: int,
    bins_x: int,
    bins_y: int,
) -> AngularSpectrum:
    """Pseudospectrum ‖h‖² / ‖Uᴴ h‖², U spanning the noise, in dB of its peak on the grid.

    Its height is no power: it says how near h is to the signal space, and without noise it rises
    to the rounding of double precision, 150 dB.

    Raises:
        InputError: as `music`, or no bins.
    """
    for name, bins in (("bins_x", bins_x), ("bins_y", bins_y)):
        require(bins >= 1, f"`{name}` must be at least 1, but is {bins}.")
    space, norms = _signal_apertures(covariance, model, sources)
    psi_x, psi_y = (np.sort(bin_angle_rad(np.arange(bins), bins)) for bins in (bins_x, bins_y))
    grid = jnp.asarray(psi_x), jnp.asarray(psi_y)
    inside = np.stack(
        [
            np.asarray(MatchedPower(jnp.asarray(one), jnp.asarray(norms)).on_grid(*grid))
            for one in space.reshape(-1, *space.shape[-3:])
        ]
    )
    outside = np.maximum(1 - inside, np.finfo(float).eps).reshape(
        *space.shape[:-3], *inside.shape[1:]
    )
    return AngularSpectrum(
        psi_x, psi_y, 10 * np.log10(outside.min(axis=(-2, -1), keepdims=True) / outside)
    )


@eqx.filter_jit
def _peaks(
    apertures: Complex[Array, "trials sources rows columns"],
    norms: Complex[Array, "1 lags_y lags_x"],
) -> Float[Array, "trials sources 2"]:
    sources = apertures.shape[1]

    def highest(aperture: Complex[Array, "sources rows columns"]) -> Float[Array, "sources 2"]:
        peaks = MatchedPower(aperture, norms).peaks(sources, _BINS_PER_ELEMENT)
        return jnp.where(peaks.found[:, None], peaks.psi_rad, jnp.nan)

    return over_trials(highest, apertures, _BINS_PER_ELEMENT)


def _signal_apertures(
    covariance: Complex[AnyArray, "*batch readings readings"], model: DirectionModel, sources: int
) -> tuple[
    Complex[np.ndarray, "*batch sources rows columns"], Complex[np.ndarray, "1 lags_y lags_x"]
]:
    """Wᴴ e_k of the signal eigenvectors, and the norms of h.

    The share of h in the signal space, Σ_k |hᴴ e_k|² / ‖h‖², is the power that `MatchedPower`
    finds in 'snapshots' e_k; the pseudospectrum is 1 / (1 - share).
    """
    weights = np.asarray(model.weights, complex).reshape(-1, model.elements)
    readings = len(weights)
    require(
        covariance.shape[-2:] == (readings, readings),
        f"`covariance` must end in {(readings, readings)}, the readings of the model, "
        f"but has shape {covariance.shape}.",
    )
    most = int(np.linalg.matrix_rank(weights)) - 1
    require(
        1 <= sources <= most,
        f"`sources` must be from 1 to {most}, one fewer than the model has independent readings, "
        f"but is {sources}.",
    )
    apertures = signal_space(covariance, sources).swapaxes(-1, -2) @ weights.conj()
    return (
        apertures.reshape(*apertures.shape[:-1], model.rows, model.columns),
        norm_coefficients(weights[None], model.columns, model.rows),
    )
