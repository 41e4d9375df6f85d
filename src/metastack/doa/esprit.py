"""ESPRIT in two dimensions: directions from how the array looks when shifted by one element.

Moving a subarray by one column turns every source by e^{jψ_x}, by one row by e^{jψ_y}. In the
basis of the covariance's signal space both shifts are matrices Φ_x, Φ_y with the sources as common
eigenvectors, which pairs ψ_x with ψ_y without a search. Needs a full array with equal elements:
behind a trained response use `music`.

Source: R. Roy, T. Kailath, ESPRIT, IEEE Trans. ASSP 37(7), 1989 (least squares); pairing by the
eigenvectors of one combination of Φ_x and Φ_y: S. Rouquette, M. Najim, Estimation of frequencies
and damping factors by two-dimensional ESPRIT type methods, IEEE Trans. SP 49(1), 2001.
"""

import numpy as np
from jaxtyping import Complex, Float

from .._types import AnyArray
from ..errors import require
from .angles import wrapped_rad
from .covariance import signal_space

# Weights of Φ_x and Φ_y. One combination may give two sources the same eigenvalue, as equal
# weights do to (ψ_1, ψ_2) and (ψ_2, ψ_1); no pair of sources has that under two of these.
_COMBINATIONS = np.array([(1, 0.5), (0.5, 1), (1, 0.7j), (0.7j, 1)])


def esprit(
    covariance: Complex[AnyArray, "*batch elements elements"],
    columns: int,
    rows: int,
    *,
    sources: int,
) -> Float[np.ndarray, "*batch {sources} 2"]:
    """Directions (ψ_x, ψ_y) in [-π, π), radians, in no particular order.

    `covariance`: of the elements of the array, or of its `subarrays`. ψ is 0 along a side of one
    element.

    Raises:
        InputError: a covariance that does not fit the array, is not finite, not Hermitian or of
            too low a rank; more sources than a shifted subarray has elements.
    """
    _check(covariance, columns, rows, sources)
    E = signal_space(covariance, sources)
    grid = E.reshape(*E.shape[:-2], rows, columns, sources)
    shift_x, shift_y = _shift(grid.swapaxes(-3, -2)), _shift(grid)
    common = _common_eigenvectors(shift_x, shift_y)
    turns = [_diagonal(np.linalg.solve(common, shift @ common)) for shift in (shift_x, shift_y)]
    return wrapped_rad(np.angle(np.stack(turns, axis=-1)))


def _shift(
    space: Complex[np.ndarray, "*batch along across sources"],
) -> Complex[np.ndarray, "*batch sources sources"]:
    """Φ that best solves E_first Φ = E_shifted, shifted by one element along the first side."""
    *batch, along, _, sources = space.shape
    if along == 1:
        return np.broadcast_to(np.eye(sources, dtype=complex), (*batch, sources, sources))
    first, shifted = (
        part.reshape(*batch, -1, sources) for part in (space[..., :-1, :, :], space[..., 1:, :, :])
    )
    return np.linalg.pinv(first) @ shifted


def _common_eigenvectors(
    shift_x: Complex[np.ndarray, "*batch sources sources"],
    shift_y: Complex[np.ndarray, "*batch sources sources"],
) -> Complex[np.ndarray, "*batch sources sources"]:
    """Eigenvectors of the combination whose eigenvalues are farthest apart."""
    x, y = _COMBINATIONS[:, 0, None, None], _COMBINATIONS[:, 1, None, None]
    values, vectors = np.linalg.eig(x * shift_x[..., None, :, :] + y * shift_y[..., None, :, :])
    gaps = np.abs(values[..., :, None] - values[..., None, :])
    gaps[..., *np.diag_indices(values.shape[-1])] = np.inf
    best = gaps.min(axis=(-2, -1)).argmax(axis=-1)
    return np.take_along_axis(vectors, best[..., None, None, None], axis=-3)[..., 0, :, :]


def _diagonal(
    matrix: Complex[np.ndarray, "*batch size size"],
) -> Complex[np.ndarray, "*batch size"]:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _check(
    covariance: Complex[AnyArray, "*batch elements elements"],
    columns: int,
    rows: int,
    sources: int,
) -> None:
    elements = columns * rows
    require(
        covariance.shape[-2:] == (elements, elements),
        f"`covariance` must end in {(elements, elements)}, the {columns} x {rows} elements, "
        f"but has shape {covariance.shape}.",
    )
    most = min(
        (elements - elements // side for side in (columns, rows) if side > 1),
        default=0,
    )
    require(
        1 <= sources <= most,
        f"`sources` must be from 1 to {most}, the elements of the {columns} x {rows} array without "
        f"one row or column, but is {sources}.",
    )
