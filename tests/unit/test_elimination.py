"""The small solver that stands in for LAPACK inside compiled batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metastack.elimination import dominant, inverted, solved

pytestmark = pytest.mark.usefixtures("double_precision")


@pytest.mark.parametrize("n", [1, 2, 3, 7, 15])
@pytest.mark.parametrize("spread", [1.0, 1e4])
def test_solutions_are_those_of_lapack(n, spread):
    """A batch of random positive definite matrices, of 15 unknowns as for four sources.

    Both are off by ε times the condition number, `spread`² at most times a few hundred for the
    random factors; an inverse in the units of its own diagonal likewise.
    """
    rng = np.random.default_rng(n)
    roots = rng.standard_normal((50, n, n + 5)) * np.logspace(0, np.log10(spread), n)[:, None]
    matrices, rights = roots @ np.swapaxes(roots, 1, 2), rng.standard_normal((50, n))
    found = jax.jit(jax.vmap(solved))(jnp.asarray(matrices), jnp.asarray(rights))
    condition = np.linalg.cond(matrices)
    expected = np.linalg.solve(matrices, rights[..., None])[..., 0]
    error = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert (error < 10 * np.finfo(float).eps * condition).all()
    inverses = np.asarray(jax.jit(jax.vmap(inverted))(jnp.asarray(matrices)))
    off = np.abs(inverses @ matrices - np.eye(n)).max(axis=(1, 2))
    assert (off < 10 * np.finfo(float).eps * condition).all()


def test_precision_is_that_of_the_matrix():
    """Single stays single, in both."""
    matrix = jnp.asarray([[2.0, 1.0], [1.0, 3.0]], jnp.float32)
    assert solved(matrix, matrix[0]).dtype == inverted(matrix).dtype == jnp.float32
    np.testing.assert_allclose(solved(matrix, matrix[0]), [1, 0], atol=1e-6)


def test_a_singular_matrix_is_answered_with_no_number():
    """Not finite, as LAPACK's answer: whoever asks looks for that."""
    assert not np.isfinite(inverted(jnp.zeros((2, 2)))).any()


@pytest.mark.parametrize("n", [1, 2, 4])
def test_dominant_eigenvectors_are_those_of_lapack(n):
    """Of indefinite Hermitian matrices; beside a gap of g of the largest, what squaring leaves of
    the others is below (1 - g/3)^4096, so that 1e-12 needs a gap above 2 %."""
    rng = np.random.default_rng(n)
    roots = rng.standard_normal((2, 200, n, n))
    matrices = roots[0] + 1j * roots[1]
    matrices = matrices + np.conj(np.swapaxes(matrices, 1, 2))
    values, vectors = np.linalg.eigh(matrices)
    size = np.linalg.norm(matrices, axis=(1, 2))
    apart = np.ones(200, bool) if n == 1 else (values[:, -1] - values[:, -2]) / size > 0.03
    assert apart.sum() > 150
    largest, vector = jax.jit(jax.vmap(dominant))(jnp.asarray(matrices))
    likeness = np.abs(np.sum(np.conj(vectors[..., -1]) * np.asarray(vector), axis=1))
    np.testing.assert_allclose(likeness[apart], 1, atol=1e-12)
    np.testing.assert_allclose(np.asarray(largest)[apart], values[apart, -1], rtol=1e-10)


def test_nothing_has_a_dominant_eigenvalue_of_nought():
    """A matrix of zeros gives numbers: whatever unit vector."""
    largest, vector = dominant(jnp.zeros((2, 2), complex))
    assert largest == 0
    assert np.linalg.norm(vector) == pytest.approx(1)
