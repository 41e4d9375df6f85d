"""Beamforming for one source: the conventional DFT of an array, and steering matched to a model.

A beam is steered in every direction and the direction of most power is the estimate. On a grid
and with plane-wave steering this is the way of digital arrays; off the grid and with the field
h(ψ) that the device really puts on its detectors it is maximum likelihood for one source in white
noise, the reference that phase-sensitive receivers set for energy-only reading. Several sources
pull each other's peaks: see `music`.

Source: DOA paper, Fig. 9; maximum likelihood for one source: P. Stoica, A. Nehorai, MUSIC, maximum
likelihood, and Cramér-Rao bound, IEEE Trans. ASSP 37(5), 1989.
"""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64
from .covariance import checked_array_received, checked_received
from .model import DirectionModel
from .protocol import bin_angle_rad

_R = TypeVar("_R")
# Height, slope and curvature of the power.
_Around: TypeAlias = tuple[Float[Array, ""], Float[Array, "2"], Float[Array, "2 2"]]
# A direction, the power around it, and how far the next step may go.
_Place: TypeAlias = tuple[Float[Array, "2"], _Around, Float[Array, ""]]

# The power in direction ψ has no detail finer than 2π / elements: eight bins across it hold all
# but 3 % of the highest peak, and of near ties so many go on to the ascent.
_BINS_PER_ELEMENT = 8
_CANDIDATES = 3
# Newton doubles the digits each time: five steps from the grid to rounding, the rest for steps
# that had to be shortened.
_STEPS = 9
# An ascent that loses less than this part of the power only rounds.
_ROUNDING = 1e-13
# Values of the power over directions that are held at a time, 32 MB.
_WORKING_SET = 2**21


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


class Peaks(eqx.Module):
    """Directions of maxima, not wrapped, and their powers, the highest on the grid first.

    A power with too few maxima fills up with directions that are not `found` to be any.
    """

    psi_rad: Float[Array, "peaks 2"]
    power: Float[Array, " peaks"]
    found: Bool[Array, " peaks"]


class MatchedPower(eqx.Module):
    """Power Σ_g |h_g(ψ)ᴴ r_g|² / ‖h_g(ψ)‖² of the source that fits best, over its direction.

    Both sides are short trigonometric series, whatever the number of readings: h_gᴴ r_g = aᴴ b_g
    with b_g = W_gᴴ r_g brought back to the elements, and ‖h_g‖² in the lags between elements.

    `apertures`: b_g. `norms`: the coefficients of ‖h_g‖², one set for all groups or for each.
    """

    apertures: Complex[Array, "groups rows columns"]
    norms: Complex[Array, "#groups lags_y lags_x"]

    def on_grid(
        self, psi_x_rad: Float[Array, " x"], psi_y_rad: Float[Array, " y"]
    ) -> Float[Array, "y x"]:
        """Power for every combination of the two angles."""
        matched = _centred_series(self.apertures, psi_x_rad, psi_y_rad)
        norm = _centred_series(self.norms, psi_x_rad, psi_y_rad).real
        return jnp.sum(jnp.abs(matched) ** 2 / jnp.maximum(norm, self._norm_floor), axis=0)

    def height_slope_curvature(self, psi_rad: Float[Array, "2"]) -> _Around:
        """Power in one direction, with its first and second derivatives."""
        f, f_i, f_ij = _series_derivatives(self.apertures, psi_rad)
        n, n_i, n_ij = (part.real for part in _series_derivatives(self.norms, psi_rad))
        n = jnp.maximum(n, self._norm_floor)
        p_i = 2 * (f.conj() * f_i).real
        p_ij = 2 * (f.conj() * f_ij + f_i[:, None].conj() * f_i).real
        q = jnp.abs(f) ** 2 / n
        q_i = (p_i - q * n_i) / n
        q_ij = (p_ij - q_i[:, None] * n_i - n_i[:, None] * q_i - q * n_ij) / n
        return q.sum(), q_i.sum(axis=-1), q_ij.sum(axis=-1)

    def peaks(self, count: int, bins_per_element: int) -> Peaks:
        """The `count` highest local maxima on a grid, each followed off it."""
        _, rows, columns = self.apertures.shape
        psi_x, psi_y = (_angles_rad(side, bins_per_element) for side in (columns, rows))
        power = self.on_grid(psi_x, psi_y)
        maxima = jnp.where(_is_local_maximum(power), power, -jnp.inf)
        on_grid, index = jax.lax.top_k(maxima.ravel(), count)
        row, column = jnp.divmod(index, psi_x.size)
        starts = jnp.stack([psi_x[column], psi_y[row]], axis=-1)
        reach_rad = 2 * jnp.pi / bins_per_element / max(rows, columns)
        psi, height = jax.vmap(lambda start: _ascend(self, start, reach_rad))(starts)
        return Peaks(psi, height, jnp.isfinite(on_grid))

    @property
    def _norm_floor(self) -> Float[Array, ""]:
        """Where the response lets nothing through there is no power either: 0 / 0 is 0."""
        norms = jnp.abs(self.norms)
        return jnp.finfo(norms.dtype).eps * norms.max()


def norm_coefficients(
    weights: Complex[np.ndarray, "groups readings elements"], columns: int, rows: int
) -> Complex[np.ndarray, "groups lags_y lags_x"]:
    """Coefficients of ‖W_g a(ψ)‖² = Σ_d c_gd e^{-jψ·d}, lags d from -(N - 1) to N - 1 on each side.

    The norm has no other lags, so that its values on 2N - 1 angles determine them.
    """
    lags = 2 * rows - 1, 2 * columns - 1
    fields = np.fft.fft2(weights.conj().reshape(*weights.shape[:2], rows, columns), lags)
    coefficients = np.fft.ifft2((np.abs(fields) ** 2).sum(axis=1))
    return np.fft.fftshift(coefficients, axes=(-2, -1))


def over_trials(
    estimate: Callable[[Complex[Array, "groups rows columns"]], _R],
    apertures: Complex[Array, "trials groups rows columns"],
    bins_per_element: int,
) -> _R:
    """`estimate` of every trial, as many at once as fit their grids into the working set."""
    values = apertures[0].size * bins_per_element**2
    return jax.lax.map(estimate, apertures, batch_size=max(1, _WORKING_SET // values))


def wrapped_rad(angle_rad: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The angle in [-π, π); NaN stays NaN."""
    wrapped = (angle_rad + np.pi) % (2 * np.pi) - np.pi
    # The remainder of a tiny negative number rounds up to 2π itself.
    return np.where(wrapped >= np.pi, -np.pi, wrapped)


def _centred_series(
    coefficients: Complex[Array, "groups rows columns"],
    psi_x_rad: Float[Array, " x"],
    psi_y_rad: Float[Array, " y"],
) -> Complex[Array, "groups y x"]:
    """Σ_n c_n e^{-jψ·n}, n counted from the middle: a common phase that no power sees."""
    _, rows, columns = coefficients.shape
    return _phases(psi_y_rad, rows) @ coefficients @ _phases(psi_x_rad, columns).T


def _series_derivatives(
    coefficients: Complex[Array, "groups rows columns"], psi_rad: Float[Array, "2"]
) -> tuple[Complex[Array, " groups"], Complex[Array, "2 groups"], Complex[Array, "2 2 groups"]]:
    """The series of `_centred_series` in one direction, its slopes and its curvatures."""
    _, rows, columns = coefficients.shape
    orders = jnp.arange(3)[:, None]
    x, y = (
        (-1j * _positions(count)) ** orders * _phases(psi, count)
        for psi, count in ((psi_rad[:1], columns), (psi_rad[1:], rows))
    )
    d = jnp.einsum("iy,gyx,jx->ijg", y, coefficients, x)
    return (
        d[0, 0],
        jnp.stack([d[0, 1], d[1, 0]]),
        jnp.stack([jnp.stack([d[0, 2], d[1, 1]]), jnp.stack([d[1, 1], d[2, 0]])]),
    )


def _phases(psi_rad: Float[Array, " angles"], count: int) -> Complex[Array, "angles {count}"]:
    return jnp.exp(-1j * jnp.outer(psi_rad, _positions(count)))


def _positions(count: int) -> Float[Array, "{count}"]:
    return jnp.arange(count) - (count - 1) / 2


def _angles_rad(side: int, bins_per_element: int) -> Float[Array, " bins"]:
    """Grid of one electrical angle; a side of one element has no angle, and gets 0."""
    bins = side * bins_per_element if side > 1 else 1
    return jnp.asarray(bin_angle_rad(np.arange(bins), bins))


def _is_local_maximum(power: Float[Array, "y x"]) -> Bool[Array, "y x"]:
    """Whether a bin is above its eight neighbours on the torus; of two equal ones, one is."""
    sides = power.shape
    highest = jnp.ones(sides, bool)
    for step in ((0, 1), (1, -1), (1, 0), (1, 1)):
        if all(move == 0 or side > 1 for move, side in zip(step, sides, strict=True)):
            ahead, behind = (jnp.roll(power, np.multiply(sign, step), (0, 1)) for sign in (-1, 1))
            highest &= (power >= ahead) & (power > behind)
    return highest


def _ascend(
    power: MatchedPower, start_rad: Float[Array, "2"], reach_rad: float
) -> tuple[Float[Array, "2"], Float[Array, ""]]:
    """Newton's ascent to the maximum near `start_rad`, and its power; steps up to `reach_rad`."""

    def step(_: Int[Array, ""], here: _Place) -> _Place:
        psi, (height, slope, curvature), reach = here
        there = psi + _uphill(slope, curvature, reach)
        around = power.height_slope_curvature(there)
        better = around[0] >= (1 - _ROUNDING) * height
        return jax.tree.map(
            lambda new, old: jnp.where(better, new, old),
            (there, around, reach),
            (psi, (height, slope, curvature), reach / 4),
        )

    start = start_rad, power.height_slope_curvature(start_rad), jnp.asarray(reach_rad)
    psi, (height, _, _), _ = jax.lax.fori_loop(0, _STEPS, step, start)
    return psi, height


def _uphill(
    slope: Float[Array, "2"], curvature: Float[Array, "2 2"], reach: Float[Array, ""]
) -> Float[Array, "2"]:
    """Newton's step, the curvature bent down where it does not have a maximum, cut to `reach`."""
    (xx, xy), (_, yy) = -curvature
    mean, spread = (xx + yy) / 2, jnp.hypot((xx - yy) / 2, xy)
    least = 1e-9 * (jnp.abs(mean) + spread) + jnp.finfo(slope.dtype).tiny ** 0.25
    lift = jnp.maximum(0, least - (mean - spread))
    xx, yy = xx + lift, yy + lift
    step = jnp.stack([yy * slope[0] - xy * slope[1], xx * slope[1] - xy * slope[0]])
    step = step / (xx * yy - xy**2)
    return step * jnp.minimum(1, reach / jnp.maximum(jnp.linalg.norm(step), reach))
