"""Matched power: how well one source in each direction explains fields, and where it peaks.

Steering matched to a model and MUSIC maximise the same kind of quotient, of two short
trigonometric series: peaks are found on a grid and followed off it by Newton's method.

Source: P. Stoica, A. Nehorai, MUSIC, maximum likelihood, and Cramér-Rao bound, IEEE Trans. ASSP
37(5), 1989; the reduction to lags is ours.
"""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from .protocol import bin_angle_rad

_R = TypeVar("_R")
# Height, slope and curvature of the power.
_Around: TypeAlias = tuple[Float[Array, ""], Float[Array, "2"], Float[Array, "2 2"]]
# A direction, the power around it, and how far the next step may go.
_Place: TypeAlias = tuple[Float[Array, "2"], _Around, Float[Array, ""]]

# Newton doubles the digits each time: five steps from the grid to rounding, the rest for steps
# that had to be shortened.
_STEPS = 9
# An ascent that loses less than this part of the power only rounds.
_ROUNDING = 1e-13
# Values of the power over directions that are held at a time, 32 MB.
_WORKING_SET = 2**21


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
