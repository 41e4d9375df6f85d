"""Second-order statistics of complex snapshots, and the space that the sources span in them.

A covariance separates as many sources as it has rank. Sources that send copies of one signal, and
any number of sources in a single snapshot, leave rank 1: `subarrays` then trades aperture for
snapshots (spatial smoothing), `forward_backward` doubles their number for free.

Source: T.-J. Shan, M. Wax, T. Kailath, On spatial smoothing for direction-of-arrival estimation
of coherent signals, IEEE Trans. ASSP 33(4), 1985; forward-backward: S. U. Pillai, B. H. Kwon,
IEEE Trans. ASSP 37(1), 1989; in two dimensions: Y. Hua, IEEE Trans. SP 40(9), 1992.
"""

import numpy as np
from jaxtyping import Complex

from .._types import AnyArray
from ..errors import require

# Forming a covariance rounds at a few units in the last place of its largest eigenvalue.
_RANK_MARGIN = 10 * np.finfo(float).eps


def sample_covariance(
    received: Complex[AnyArray, "*batch snapshots readings"],
) -> Complex[np.ndarray, "*batch readings readings"]:
    """R = (1/T) Σ_t r_t r_tᴴ, averaged over the snapshots.

    `received`: one reading an element of an array, or one a probe behind a response that stays
    the same from snapshot to snapshot.

    Raises:
        InputError: a value that is not finite, or snapshots that are all zero.
    """
    r = checked_received(received)
    return r.swapaxes(-1, -2) @ r.conj() / r.shape[-2]


def forward_backward(
    covariance: Complex[AnyArray, "*batch elements elements"],
) -> Complex[np.ndarray, "*batch elements elements"]:
    """(R + J R* J) / 2, J reversing the elements: average with the array seen from its far end.

    Only for the elements of a full rectangular array, whose steering vectors J turns into
    multiples of their conjugates. Behind a response it makes no sense.
    """
    R = np.asarray(covariance, complex)
    return (R + R[..., ::-1, ::-1].conj()) / 2


def subarrays(
    received: Complex[AnyArray, "*batch snapshots elements"],
    columns: int,
    rows: int,
    *,
    subarray_columns: int,
    subarray_rows: int,
) -> Complex[np.ndarray, "*batch subsnapshots subelements"]:
    """Every subarray's view of every snapshot, as snapshots of one smaller array.

    Their `sample_covariance` is the spatially smoothed one: P positions of the subarray raise the
    rank that coherent sources leave from 1 to at most P, and to 2P with `forward_backward`.

    Raises:
        InputError: a subarray that does not fit into the array; snapshots of another size, that
            are not finite, or all zero.
    """
    grid = checked_array_received(received, columns, rows)
    for name, size, largest in (
        ("subarray_columns", subarray_columns, columns),
        ("subarray_rows", subarray_rows, rows),
    ):
        require(
            1 <= size <= largest,
            f"`{name}` must be from 1 to {largest}, the size of the array, but is {size}.",
        )
    windows = np.lib.stride_tricks.sliding_window_view(
        grid, (subarray_rows, subarray_columns), axis=(-2, -1)
    )
    return windows.reshape(*grid.shape[:-3], -1, subarray_rows * subarray_columns)


def signal_space(
    covariance: Complex[AnyArray, "*batch readings readings"], sources: int
) -> Complex[np.ndarray, "*batch readings {sources}"]:
    """Orthonormal eigenvectors of the `sources` largest eigenvalues, the largest first.

    Raises:
        InputError: a covariance that is not finite or not Hermitian, or of too low a rank.
    """
    R = np.asarray(covariance, complex)
    require(bool(np.isfinite(R).all()), "`covariance` must be finite, but has NaN or infinity.")
    require(
        np.allclose(R, R.swapaxes(-1, -2).conj(), rtol=0, atol=1e-10 * np.abs(R).max()),
        "`covariance` must be Hermitian, but is not: see `sample_covariance`.",
    )
    values, vectors = np.linalg.eigh(R)
    significant = values > values[..., -1:] * R.shape[-1] * _RANK_MARGIN
    rank = int(significant.sum(axis=-1).min())
    require(
        rank >= sources,
        f"`covariance` must have rank {sources} to tell {sources} sources apart, but has {rank}: "
        "average more snapshots; for coherent sources or a single snapshot, smooth with "
        "`subarrays` or `forward_backward` first.",
    )
    return vectors[..., : -sources - 1 : -1]


def checked_received(
    received: Complex[AnyArray, "*batch snapshots readings"],
) -> Complex[np.ndarray, "*batch snapshots readings"]:
    """Fields in double precision, once they are known to hold something.

    Raises:
        InputError: a value that is not finite, or a run whose fields are all zero.
    """
    r = np.asarray(received, complex)
    bad = ~np.isfinite(r)
    require(
        not bad.any(),
        f"`received` must be finite, but {np.count_nonzero(bad)} of {r.size} are not.",
    )
    require(
        bool(r.any(axis=(-2, -1)).all()),
        "`received` must not be all zero, but is: check that the receivers were on.",
    )
    return r


def checked_array_received(
    received: Complex[AnyArray, "*batch snapshots elements"], columns: int, rows: int
) -> Complex[np.ndarray, "*batch snapshots rows columns"]:
    """Snapshots of a full array as they stand on it.

    Raises:
        InputError: as `checked_received`, or not one reading for each element.
    """
    r = checked_received(received)
    require(
        r.shape[-1] == columns * rows,
        f"`received` must have one reading for each of the {columns} x {rows} elements, "
        f"but has shape {r.shape}.",
    )
    return r.reshape(*r.shape[:-1], rows, columns)
