"""Beamforming for one source: the conventional DFT of an array, and steering matched to a model.

A beam is steered in every direction and the direction of most power is the estimate. On a grid
and with plane-wave steering this is the way of digital arrays; off the grid and with the field
h(ψ) that the device really puts on its detectors it is maximum likelihood for one source in white
noise, the reference that phase-sensitive receivers set for energy-only reading. Several sources
pull each other's peaks: see `music`.

Source: DOA paper, Fig. 9; maximum likelihood for one source: P. Stoica, A. Nehorai, MUSIC, maximum
likelihood, and Cramér-Rao bound, IEEE Trans. ASSP 37(5), 1989.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64
from .angles import wrapped_rad
from .covariance import checked_array_received, checked_received
from .matched_power import MatchedPower, norm_coefficients, over_trials
from .model import DirectionModel
from .protocol import bin_angle_rad

# The power in direction ψ has no detail finer than 2π / elements: eight bins across it hold all
# but 3 % of the highest peak, and of near ties so many go on to the ascent.
_BINS_PER_ELEMENT = 8
_CANDIDATES = 3


def digital_beamforming(
    received: Complex[AnyArray, "*batch snapshots elements"],
    columns: int,
    rows: int,
    *,
    bins_x: int,
    bins_y: int,
) -> Float[np.ndarray, "*batch 2"]:
    """Strongest bin of the array's 2D DFT: electrical angles (ψ_x, ψ_y) in [-π, π), radians.

    Bin k looks towards 2πk / bins; more bins than elements pad with zeros. Powers add over the
    snapshots. Of equal bins the first counts, k_y before k_x. Source: DOA paper, Fig. 9.

    Raises:
        InputError: fewer bins than elements on a side; snapshots of another size, that are not
            finite, or all zero.
    """
    grid = checked_array_received(received, columns, rows)
    for name, bins, least in (("bins_x", bins_x, columns), ("bins_y", bins_y, rows)):
        require(
            bins >= least,
            f"`{name}` must be at least the {least} elements on that side, but is {bins}.",
        )
    # One snapshot at a time: the padded spectra of all of them need not fit into memory.
    power = sum(
        np.abs(np.fft.fft2(snapshot, (bins_y, bins_x))) ** 2
        for snapshot in np.moveaxis(grid, -3, 0)
    )
    flat = np.asarray(power).reshape(*grid.shape[:-3], -1).argmax(axis=-1)
    k_y, k_x = (np.asarray(index) for index in divmod(flat, bins_x))
    return np.stack([bin_angle_rad(k_x, bins_x), bin_angle_rad(k_y, bins_y)], axis=-1)


@in_float64
def matched_steering(
    received: Complex[AnyArray, "*batch snapshots probes"], model: DirectionModel
) -> Float[np.ndarray, "*batch 2"]:
    """Maximum likelihood for one source whose complex amplitude is the same in all snapshots.

    The direction (ψ_x, ψ_y) in [-π, π), radians, of largest |Σ_tp h_tp(ψ)* r_tp|² / ‖h(ψ)‖²;
    ψ is 0 along a side of one element. The phases between snapshots carry information: the
    receivers and the source must stay coherent from the first snapshot to the last.

    Raises:
        InputError: fields that do not fit the model, are not finite, or all zero; a model whose
            detectors cannot tell directions apart.
    """
    weights = np.asarray(model.weights, complex).reshape(1, -1, model.elements)
    return _strongest_direction(received, model, weights)


@in_float64
def matched_steering_fading(
    received: Complex[AnyArray, "*batch snapshots probes"], model: DirectionModel
) -> Float[np.ndarray, "*batch 2"]:
    """Maximum likelihood for one source whose complex amplitude is another in every snapshot.

    The direction (ψ_x, ψ_y) in [-π, π), radians, of largest Σ_t |h_t(ψ)ᴴ r_t|² / ‖h_t(ψ)‖², every
    snapshot with an unknown amplitude of its own; ψ is 0 along a side of one element. Only the
    phases between the probes of one snapshot count, so that each needs at least two.

    Raises:
        InputError: fields that do not fit the model, are not finite, or all zero; a model whose
            detectors cannot tell directions apart within a snapshot.
    """
    return _strongest_direction(received, model, np.asarray(model.weights, complex))


def _strongest_direction(
    received: Complex[AnyArray, "*batch snapshots probes"],
    model: DirectionModel,
    weights: Complex[np.ndarray, "groups readings elements"],
) -> Float[np.ndarray, "*batch 2"]:
    """Best direction, the source keeping its amplitude within a group of readings."""
    r = checked_received(received)
    expected = (model.snapshots, model.probes)
    require(
        r.shape[-2:] == expected,
        f"`received` must end in {expected} (snapshots, probes) for this model, "
        f"but has shape {r.shape}.",
    )
    require(
        _has_independent_readings(weights),
        "`model` must give at least 2 independent readings while the source keeps its amplitude, "
        "but gives multiples of one: no direction can be told.",
    )
    groups, readings, _ = weights.shape
    trials = r.reshape(-1, groups, readings).swapaxes(0, 1)
    apertures = (trials @ weights.conj()).swapaxes(0, 1)
    psi = _best_of_peaks(
        jnp.asarray(apertures.reshape(-1, groups, model.rows, model.columns)),
        jnp.asarray(norm_coefficients(weights, model.columns, model.rows)),
    )
    return wrapped_rad(np.asarray(psi)).reshape(*r.shape[:-2], 2)


def _has_independent_readings(weights: Complex[np.ndarray, "groups readings elements"]) -> bool:
    """Whether in some group the weights are more than multiples of the strongest reading's."""
    strength = np.linalg.norm(weights, axis=-1)
    order = strength.argmax(axis=-1)[:, None, None]
    strongest = np.take_along_axis(weights, order, axis=1)
    share = weights @ strongest.conj().swapaxes(-1, -2)
    power = np.maximum(strength.max(axis=-1) ** 2, np.finfo(float).tiny)[:, None, None]
    rest = weights - share / power * strongest
    return bool(np.abs(rest).max() > 1e-12 * np.abs(weights).max())


@eqx.filter_jit
def _best_of_peaks(
    apertures: Complex[Array, "trials groups rows columns"],
    norms: Complex[Array, "groups lags_y lags_x"],
) -> Float[Array, "trials 2"]:
    def best(aperture: Complex[Array, "groups rows columns"]) -> Float[Array, "2"]:
        peaks = MatchedPower(aperture, norms).peaks(_CANDIDATES, _BINS_PER_ELEMENT)
        return peaks.psi_rad[jnp.argmax(peaks.power)]

    return over_trials(best, apertures, _BINS_PER_ELEMENT)
