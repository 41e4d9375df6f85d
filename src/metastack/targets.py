"""What a response should be, and how far a response is from it.

Source: DOA paper, eq. (16), (17), (24), and DESIGN notes on insertion loss.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ._types import AnyArray
from .geometry import column_and_row
from .precision import in_float64


def dft_2d(
    columns: int, rows: int, *, shift_x: float = 0.0, shift_y: float = 0.0
) -> Complex[np.ndarray, "bins elements"]:
    """The 2D DFT matrix F of a `columns` x `rows` array, eq. (16), and its shifted bins.

    Bin (m_x, m_y) responds to the electrical angle 2 pi (m_x + `shift_x`) / `columns` (and the
    same in y); both its rows and its columns count x fastest. ||F||_F^2 = N^2.
    """
    column, row = column_and_row(columns, rows)
    turns_x = np.outer(column + shift_x, column) / columns
    turns_y = np.outer(row + shift_y, row) / rows
    return np.exp(-2j * np.pi * (turns_x + turns_y))


@in_float64
def best_scale(
    response: Complex[AnyArray, "*batch to from"], target: Complex[AnyArray, "*#batch to from"]
) -> Complex[Array, "*batch 1 1"]:
    """The factor beta that brings beta G nearest to F, eq. (24); one target, or one each."""
    overlap = jnp.sum(jnp.conj(response) * target, axis=(-2, -1), keepdims=True)
    return overlap / _squared_norm(response)


@in_float64
def nmse(
    response: Complex[AnyArray, "*batch to from"], target: Complex[AnyArray, "*#batch to from"]
) -> Float[Array, "*batch"]:
    """||beta G - F||_F^2 / ||F||_F^2 at the best scale, eq. (17); linear, 0 is perfect."""
    error = best_scale(response, target) * response - jnp.asarray(target)
    return (_squared_norm(error) / _squared_norm(target))[..., 0, 0]


@in_float64
def insertion_loss_db(response: Complex[AnyArray, "*batch to from"]) -> Float[Array, "*batch"]:
    """-10 log10(||G||_F^2 / N) for N ports: 0 dB for a lossless unitary response.

    For a rectangular response N is the smaller number of ports, all that a passive device could
    carry.
    """
    ports = min(jnp.shape(response)[-2:])
    return -decibels(_squared_norm(response)[..., 0, 0] / ports)


@in_float64
def decibels(power_ratio: Float[AnyArray, "*shape"]) -> Float[Array, "*shape"]:
    """10 log10 of a power ratio; -inf for 0."""
    return 10 * jnp.log10(power_ratio)


def _squared_norm(matrix: Complex[AnyArray, "*batch to from"]) -> Float[Array, "*batch 1 1"]:
    matrix = jnp.asarray(matrix)
    return jnp.sum(matrix.real**2 + matrix.imag**2, axis=(-2, -1), keepdims=True)
