"""Derivatives of the response against central differences, in double precision.

The step h is 1e-5 of a radian or wavelength: the truncation of a central difference, (kh)²/6,
is below 1e-9 and its rounding, 1e-16/h, near 1e-11, so 1e-6 of the largest derivative is safe.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metastack import (
    DenseHop,
    FourierHop,
    MeasuredAtoms,
    MirrorHop,
    PlanarArray,
    Pose,
    dft_2d,
    hops,
    make_stack,
    nmse,
    propagate,
    response,
)

pytestmark = pytest.mark.usefixtures("double_precision")

DEGREES_OF_FREEDOM = ("dx_m", "dy_m", "dz_m", "rx_rad", "ry_rad", "rz_rad")
TARGET = dft_2d(2, 2)


@pytest.fixture(scope="module")
def stack():
    """Two layers of 3x3 off their designed places: at symmetric ones derivatives vanish."""
    shifts = np.random.default_rng(1).normal(0, 0.02, (6, 4))
    ports = PlanarArray(2, 2, 0.5, 0.5)
    return make_stack(
        input_array=ports,
        layer_array=PlanarArray(3, 3, 0.5, 0.5),
        receiver_array=ports,
        gaps_m=[1.0, 1.2, 0.9],
        frequency_hz=1.0,
        wave_speed_m_per_s=1.0,
        poses=Pose(*shifts),
    )


@pytest.fixture(scope="module")
def phases():
    return np.random.default_rng(0).uniform(0, 2 * np.pi, (2, 9))


def check_gradient(function, point, step=1e-5):
    """jax.grad of `function` at the array `point` against a central difference each."""
    compiled = jax.jit(function)
    point = np.atleast_1d(np.asarray(point, float))
    gradient = jax.jit(jax.grad(function))(jnp.asarray(point))
    moves = step * np.eye(point.size).reshape(-1, *point.shape)
    differences = [compiled(point + move) - compiled(point - move) for move in moves]
    expected = np.reshape(differences, point.shape) / (2 * step)
    assert np.abs(expected).max() > 1e-4  # a derivative that vanishes would prove nothing
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def misfit_of(stack, phases):
    return nmse(response(stack, phases), TARGET)


def test_derivative_of_the_misfit_by_the_phases(stack, phases):
    check_gradient(lambda p: misfit_of(stack, p), phases)


def test_derivative_of_the_misfit_by_the_phases_of_lossy_atoms(stack, phases):
    """Amplitude and phase of a measured table both follow the setting."""
    table = np.linspace(0, 6, 7)
    atoms = MeasuredAtoms.from_table(table, 0.8 + 0.1 * np.sin(table), table + 0.2)
    lossy = eqx.tree_at(lambda s: s.atoms, stack, atoms)
    check_gradient(lambda p: misfit_of(lossy, p), phases)


@pytest.mark.parametrize("dof", DEGREES_OF_FREEDOM)
def test_derivative_by_a_pose(stack, phases, dof):
    """Each degree of freedom of every plane, the input layer and the receivers included."""

    def misfit(value):
        return misfit_of(eqx.tree_at(lambda s: getattr(s.poses, dof), stack, value), phases)

    check_gradient(misfit, getattr(stack.poses, dof))


def test_derivative_by_the_gaps(stack, phases):
    def misfit(gaps_m):
        return misfit_of(eqx.tree_at(lambda s: s.gaps_m, stack, gaps_m), phases)

    check_gradient(misfit, stack.gaps_m)


def test_derivative_by_the_frequency(stack, phases):
    def misfit(frequency_hz):
        moved = eqx.tree_at(lambda s: s.frequency_hz, stack, frequency_hz[0])
        return misfit_of(moved, phases)

    check_gradient(misfit, stack.frequency_hz)


@pytest.mark.parametrize("dof", DEGREES_OF_FREEDOM)
def test_derivative_by_a_pose_at_the_designed_place(stack, phases, dof):
    """All poses zero, where untraced hops would be taken for symmetric and a derivative lost."""
    designed = eqx.tree_at(lambda s: s.poses, stack, jax.tree.map(np.zeros_like, stack.poses))

    def misfit(value):
        return misfit_of(eqx.tree_at(lambda s: getattr(s.poses, dof), designed, value), phases)

    check_gradient(misfit, np.zeros(4))


def test_all_kinds_of_hops_have_the_same_derivative():
    """Dense is the reference; 1e-10, as the hops themselves."""
    ports, grid = PlanarArray(2, 2, 0.5, 0.5), PlanarArray(5, 4, 0.5, 0.6)
    stack = make_stack(
        input_array=ports,
        layer_array=grid,
        receiver_array=ports,
        gaps_m=[1.0, 1.0, 1.0],
        frequency_hz=1.0,
        wave_speed_m_per_s=1.0,
    )
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, stack.phases_shape)

    def gradient(kind):
        built = hops(stack, kind)
        assert type(list(built)[1]) is kind

        def misfit(phases):
            return nmse(propagate(built, jnp.exp(1j * phases)), TARGET)

        return jax.jit(jax.grad(misfit))(phases)

    dense = gradient(DenseHop)
    for kind in (MirrorHop, FourierHop):
        np.testing.assert_allclose(gradient(kind), dense, atol=1e-10 * np.abs(dense).max())


def test_batched_gaps_are_the_gaps_one_by_one(stack, phases):
    """Under `vmap` a gap is traced: no two hops may be taken for the same one."""
    gaps = jnp.array([[1.0, 1.2, 0.9], [0.8, 1.1, 1.3], [1.4, 0.7, 1.0]])

    def respond(gaps_m):
        return response(eqx.tree_at(lambda s: s.gaps_m, stack, gaps_m), phases)

    batched = jax.vmap(respond)(gaps)
    np.testing.assert_allclose(batched, jnp.stack([respond(g) for g in gaps]), rtol=1e-11)
