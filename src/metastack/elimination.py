"""Small Hermitian matrices, solved without LAPACK.

jaxlib (to 0.10 at least) spreads a batch of LAPACK calls over the very threads that wait for it:
where as many such calls meet as there are threads, on two cores soon, they wait for ever. What is
compiled over batches therefore solves its few equations here, and faster.

Source: C. F. Gauss and W. Jordan's elimination; without pivots, which positive definite matrices
do not need. Powers of a matrix tend to the projection upon its dominant eigenvector.
"""

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

_SQUARINGS = 12  # so that the other eigenvectors are left to the power 2^12


def solved(matrix: Float[Array, "n n"], right: Float[Array, " n"]) -> Float[Array, " n"]:
    """X of `matrix` x = `right`; unrolled, so that n should be small."""
    return _eliminated(matrix, right[:, None])[:, 0]


def inverted(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """The inverse of a small matrix."""
    return _eliminated(matrix, jnp.eye(len(matrix), dtype=matrix.dtype))


def dominant(
    matrix: Complex[Array, "n n"],
) -> tuple[Float[Array, ""], Complex[Array, " n"]]:
    """The largest eigenvalue of a Hermitian matrix and its unit eigenvector, by squaring.

    Where the two largest all but coincide, a mixture of their eigenvectors.
    """
    size = jnp.linalg.norm(matrix)
    shift = 2 * jnp.eye(len(matrix), dtype=matrix.dtype)  # so that no eigenvalue is negative
    powers = matrix / jnp.where(size > 0, size, 1) + shift
    for _ in range(_SQUARINGS):
        powers = powers @ powers
        powers = powers / jnp.linalg.norm(powers)
    column = powers[:, jnp.argmax(jnp.diagonal(powers).real)]
    vector = column / jnp.linalg.norm(column)
    return (vector.conj() @ matrix @ vector).real, vector


def _eliminated(matrix: Float[Array, "n n"], right: Float[Array, "n m"]) -> Float[Array, "n m"]:
    n = len(matrix)
    table = jnp.concatenate([matrix, right], axis=1)
    for k in range(n):
        row = table[k] / table[k, k]
        table = (table - table[:, k, None] * row).at[k].set(row)
    return table[:, n:]
