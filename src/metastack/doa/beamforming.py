"""Beamforming for one source: the conventional DFT of an array, and steering matched to a model.

A beam is steered in every direction and the direction of most power is the estimate. On a grid
and with plane-wave steering this is the way of digital arrays; off the grid and with the field
h(ψ) that the device really puts on its detectors it is maximum likelihood for one source in white
noise, the reference that phase-sensitive receivers set for energy-only reading. Several sources
pull each other's peaks: see `music`.

Source: DOA paper, Fig. 9; maximum likelihood for one source: P. Stoica, A. Nehorai, MUSIC, maximum
likelihood, and Cramér-Rao bound, IEEE Trans. ASSP 37(5), 1989.
"""

from typing import Self

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
    require_bins(columns, rows, bins_x=bins_x, bins_y=bins_y)
    # One snapshot at a time: the padded spectra of all of them need not fit into memory.
    power = sum(
        np.abs(np.fft.fft2(snapshot, (bins_y, bins_x))) ** 2
        for snapshot in np.moveaxis(grid, -3, 0)
    )
    flat = np.asarray(power).reshape(*grid.shape[:-3], -1).argmax(axis=-1)
    k_y, k_x = (np.asarray(index) for index in divmod(flat, bins_x))
    return np.stack([bin_angle_rad(k_x, bins_x), bin_angle_rad(k_y, bins_y)], axis=-1)


def require_bins(columns: int, rows: int, *, bins_x: int, bins_y: int) -> None:
    """Refuse a grid that is coarser than the array.

    Raises:
        InputError: fewer bins than elements on a side.
    """
    for name, bins, least in (("bins_x", bins_x, columns), ("bins_y", bins_y, rows)):
        require(
            bins >= least,
            f"`{name}` must be at least the {least} elements on that side, but is {bins}.",
        )


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
    r = _checked_for(model, received)
    return np.asarray(MatchedSteering.steady(model)(jnp.asarray(r)))


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
    r = _checked_for(model, received)
    return np.asarray(MatchedSteering.fading(model)(jnp.asarray(r)))


class MatchedSteering(eqx.Module):
    """Both estimators in JAX: the source keeps its amplitude within a group of readings.

    `weights`: of every reading on the elements. `norms`: see `norm_coefficients`.
    """

    weights: Complex[AnyArray, "groups readings elements"]
    norms: Complex[AnyArray, "groups lags_y lags_x"]
    columns: int = eqx.field(static=True)
    rows: int = eqx.field(static=True)

    @classmethod
    def steady(cls, model: DirectionModel) -> Self:
        """For one amplitude in all snapshots.

        Raises:
            InputError: a model whose detectors cannot tell directions apart.
        """
        weights = np.asarray(model.weights, complex).reshape(1, -1, model.elements)
        return cls._of(weights, model.columns, model.rows)

    @classmethod
    def fading(cls, model: DirectionModel) -> Self:
        """For an amplitude a snapshot.

        Raises:
            InputError: a model whose detectors cannot tell directions apart within a snapshot.
        """
        return cls._of(np.asarray(model.weights, complex), model.columns, model.rows)

    @classmethod
    def _of(
        cls, weights: Complex[np.ndarray, "groups readings elements"], columns: int, rows: int
    ) -> Self:
        require(
            _has_independent_readings(weights),
            "`model` must give at least 2 independent readings while the source keeps its "
            "amplitude, but gives multiples of one: no direction can be told.",
        )
        return cls(weights, norm_coefficients(weights, columns, rows), columns, rows)

    @eqx.filter_jit
    def __call__(
        self, received: Complex[Array, "*batch snapshots probes"]
    ) -> Float[Array, "*batch 2"]:
        """Electrical angles (ψ_x, ψ_y) in [-π, π), radians, of the highest peak of the power."""
        groups, readings, _ = self.weights.shape
        trials = received.reshape(-1, groups, readings)
        brought_back = jnp.einsum("bgr,gre->bge", trials, jnp.conj(self.weights))
        apertures = brought_back.reshape(-1, groups, self.rows, self.columns)
        psi_rad = over_trials(self._highest_peak, apertures, _BINS_PER_ELEMENT)
        return wrapped_rad(psi_rad).reshape(*received.shape[:-2], 2)

    def _highest_peak(self, aperture: Complex[Array, "groups rows columns"]) -> Float[Array, "2"]:
        power = MatchedPower(aperture, jnp.asarray(self.norms))
        peaks = power.peaks(_CANDIDATES, _BINS_PER_ELEMENT)
        return peaks.psi_rad[jnp.argmax(peaks.power)]


def _checked_for(
    model: DirectionModel, received: Complex[AnyArray, "*batch snapshots probes"]
) -> Complex[np.ndarray, "*batch snapshots probes"]:
    """The fields in double precision, once they are known to be this model's.

    Raises:
        InputError: fields that do not fit the model, are not finite, or all zero.
    """
    r = checked_received(received)
    expected = (model.snapshots, model.probes)
    require(
        r.shape[-2:] == expected,
        f"`received` must end in {expected} (snapshots, probes) for this model, "
        f"but has shape {r.shape}.",
    )
    return r


def _has_independent_readings(weights: Complex[np.ndarray, "groups readings elements"]) -> bool:
    """Whether in some group the weights are more than multiples of the strongest reading's."""
    strength = np.linalg.norm(weights, axis=-1)
    order = strength.argmax(axis=-1)[:, None, None]
    strongest = np.take_along_axis(weights, order, axis=1)
    share = weights @ strongest.conj().swapaxes(-1, -2)
    power = np.maximum(strength.max(axis=-1) ** 2, np.finfo(float).tiny)[:, None, None]
    rest = weights - share / power * strongest
    return bool(np.abs(rest).max() > 1e-12 * np.abs(weights).max())
