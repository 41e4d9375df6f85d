"""Hops by given matrices: exactly these, only where they were measured, and said where not."""

from dataclasses import replace
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metastack import (
    DenseHop,
    FourierHop,
    InputError,
    MirrorHop,
    PlanarArray,
    Plane,
    Pose,
    hops,
    make_uniform_stack,
    response,
)
from metastack.propagation import MeasuredHop, MeasuredHops, automatic_hop

pytestmark = pytest.mark.usefixtures("double_precision")


def any_matrix(seed, start, end):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(end.array.size, start.array.size, 2)) @ [1, 1j]


@pytest.fixture(scope="module")
def device():
    """A stack of three layers whose hops are any matrices."""
    stack = make_uniform_stack(
        ports=2, atoms_per_side=3, layers=3, thickness_wavelengths=3, spacing_wavelengths=0.5
    )
    pairs = stack.planes[:2], stack.planes[1:3], stack.planes[-2:]
    return replace(stack, model=measured(pairs, stack.wavelength_m))


def measured(pairs, wavelength_m):
    return MeasuredHops.of(
        [
            MeasuredHop.between(*pair, any_matrix(seed, *pair), wavelength_m=wavelength_m)
            for seed, pair in enumerate(pairs)
        ]
    )


PHASES = np.random.default_rng(9).uniform(0, 2 * np.pi, (3, 9))


def test_the_response_is_the_product_of_the_matrices(device):
    """W_3 T_3 W T_2 W T_1 W_0 in NumPy; rounding only."""
    first, between, last = (hop.matrix for hop in device.model.hops)
    T = np.exp(1j * PHASES)[:, :, None]
    expected = last @ (T[2] * (between @ (T[1] * (between @ (T[0] * first)))))
    np.testing.assert_allclose(response(device, PHASES), expected, rtol=1e-12)


def test_it_can_be_programmed(device):
    """The gradient in phases, against central differences: 1e-8 of its largest."""

    def power(phases):
        return jnp.sum(jnp.abs(response(device, phases)) ** 2)

    moves = 1e-6 * np.eye(27).reshape(27, 3, 9)
    numeric = [(power(PHASES + move) - power(PHASES - move)) / 2e-6 for move in moves[:5]]
    found = np.asarray(jax.grad(power)(jnp.asarray(PHASES)))
    np.testing.assert_allclose(found.ravel()[:5], numeric, atol=1e-8 * np.abs(found).max())


def test_matrices_themselves_can_be_differentiated(device):
    """d‖G‖/dα at α = 1 is four times ‖G‖, for the factor α on every one of four hops."""

    def size(factor):
        parts = [hop.matrix * factor for hop in device.model.hops]
        model = eqx.tree_at(lambda m: [hop.matrix for hop in m.hops], device.model, parts)
        return jnp.linalg.norm(response(replace(device, model=model), PHASES))

    assert jax.grad(size)(1.0) == pytest.approx(4 * float(size(1.0)), rel=1e-12)


@pytest.mark.parametrize("way", [jax.grad, jax.jacfwd, lambda f: jax.jit(jax.grad(f))])
@pytest.mark.parametrize("where", [lambda s: s.poses.dx_m, lambda s: s.poses.ry_rad])
def test_poses_cannot_be_differentiated(device, way, where):
    def power(values):
        moved = eqx.tree_at(where, device, values)
        return jnp.sum(jnp.abs(response(moved, PHASES)))

    with pytest.raises(InputError, match="cannot be differentiated by poses, gaps or frequency"):
        way(power)(jnp.zeros(5))


@pytest.mark.parametrize(
    "change",
    [
        lambda s: replace(s, poses=replace(s.poses, dy_m=np.array([0, 0, 1e-3, 0, 0]))),
        lambda s: replace(s, poses=replace(s.poses, rz_rad=np.array([0, 0, 1e-3, 0, 0]))),
        lambda s: replace(s, gaps_m=s.gaps_m * 1.001),
        lambda s: replace(s, frequency_hz=s.frequency_hz * 1.001),
    ],
)
def test_nothing_is_said_of_what_was_not_measured(device, change):
    """A thousandth of a wavelength, a radian, a gap or a frequency off: NaN, not a number."""
    assert np.isnan(np.asarray(response(change(device), PHASES))).all()


def test_a_stack_that_is_moved_as_a_whole_is_the_same(device):
    """Only how planes stand to each other counts; heights round at 1e-15."""
    moved = replace(device, poses=replace(device.poses, dx_m=np.full(5, 0.1)))
    np.testing.assert_array_equal(response(moved, PHASES), response(device, PHASES))


def test_only_pairs_of_planes_that_were_measured_are_known(device):
    model, wavelength_m = device.model, device.wavelength_m
    for pair in pairwise(device.planes):
        assert model.knows(*pair, wavelength_m)
        assert not model.knows(*pair, 1.01 * wavelength_m)
    assert not model.knows(device.planes[0], device.planes[2], wavelength_m)


def test_measured_matrices_are_kept_whole():
    """They share no symmetry of the planes: large grids stay dense, fast hops are refused."""
    array = PlanarArray(15, 15, 0.5, 0.5)
    pair = Plane(array, 0.0), Plane(array, 1.0)
    model = measured([pair], 1.0)
    assert isinstance(automatic_hop(*pair, model, wavelength_m=1.0), DenseHop)
    for kind in (MirrorHop, FourierHop):
        with pytest.raises(InputError, match=f"{kind.__name__} needs a model by distances"):
            kind.between(*pair, model, wavelength_m=1.0)


def test_a_matrix_that_does_not_fit_is_refused(device):
    start, end = device.planes[:2]
    with pytest.raises(InputError, match=r"must be 9 x 4 here, .* but is 4 x 9\."):
        MeasuredHop.between(start, end, any_matrix(0, end, start), wavelength_m=1.0)
    with pytest.raises(InputError, match="must be finite"):
        MeasuredHop.between(start, end, np.full((9, 4), np.nan + 0j), wavelength_m=1.0)


def test_a_stack_of_other_shapes_is_refused(device):
    other = make_uniform_stack(
        ports=2, atoms_per_side=4, layers=3, thickness_wavelengths=3, spacing_wavelengths=0.5
    )
    with pytest.raises(InputError, match=r"16 x 4 must be among those measured, but they are 9 x"):
        hops(replace(other, model=device.model))


def test_planes_that_stand_alike_have_one_matrix():
    """Which of two matrices holds cannot be known."""
    grid = PlanarArray(2, 2, 0.5, 0.5)
    pairs = [(Plane(grid, z), Plane(grid, z + 1.0, Pose(dx_m=0.1))) for z in (0.0, 2.0)]
    with pytest.raises(InputError, match="must be equal where two pairs of planes stand alike"):
        measured(pairs, 1.0)
