"""Small symmetric positive definite systems, solved without LAPACK.

jaxlib (to 0.10 at least) spreads a batch of LAPACK calls over the very threads that wait for it:
where as many such calls meet as there are threads, on two cores soon, they wait for ever. What is
compiled over batches therefore solves its few equations here, and faster.

Source: C. F. Gauss and W. Jordan's elimination; without pivots, which positive definite matrices
do not need.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def solved(matrix: Float[Array, "n n"], right: Float[Array, " n"]) -> Float[Array, " n"]:
    """X of `matrix` x = `right`; unrolled, so that n should be small."""
    return _eliminated(matrix, right[:, None])[:, 0]


def inverted(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """The inverse of a small matrix."""
    return _eliminated(matrix, jnp.eye(len(matrix), dtype=matrix.dtype))


def _eliminated(matrix: Float[Array, "n n"], right: Float[Array, "n m"]) -> Float[Array, "n m"]:
    n = len(matrix)
    table = jnp.concatenate([matrix, right], axis=1)
    for k in range(n):
        row = table[k] / table[k, k]
        table = (table - table[:, k, None] * row).at[k].set(row)
    return table[:, n:]
