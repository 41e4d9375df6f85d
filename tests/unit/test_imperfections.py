"""What fabrication does to a stack: its laws, its limits, and what stays as designed."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import metastack as ms
from metastack import (
    GaussianErrors,
    Imperfections,
    Pose,
    QuantisedAtoms,
    StuckAtoms,
    UnequalAtoms,
    built,
    published_imperfections,
)
from metastack.errors import InputError

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def stack():
    """Four layers of 6 x 6 atoms."""
    return ms.make_uniform_stack(
        ports=2, atoms_per_side=6, layers=4, thickness_wavelengths=4, spacing_wavelengths=0.5
    )


def many(stack, imperfections, count=500):
    """Built stacks, one leaf for all."""
    return eqx.filter_vmap(lambda key: built(stack, imperfections, key))(
        jax.random.split(KEY, count)
    )


def test_without_imperfections_a_stack_is_built_as_designed(stack):
    """The same response to the last bit."""
    phases_rad = np.random.default_rng(0).uniform(0, 6, stack.phases_shape)
    made = built(stack, Imperfections(), KEY)
    assert type(made.atoms) is type(stack.atoms)
    np.testing.assert_array_equal(ms.response(made, phases_rad), ms.response(stack, phases_rad))


@pytest.mark.parametrize(
    ("law", "expected"),
    [(ms.UniformErrors(), stats.uniform(-1, 2)), (GaussianErrors(), stats.norm())],
)
def test_errors_follow_their_law(stack, law, expected):
    """Kolmogorov-Smirnov at 1e-3, over 2000 errors; and the deviation that the law states."""
    poses = many(stack, Imperfections(Pose(dy_m=1e-4), law)).poses
    errors = np.asarray(poses.dy_m)[:, 1:-1].ravel() / 1e-4
    assert stats.kstest(errors, expected.cdf).pvalue > 1e-3
    assert law.deviation == pytest.approx(expected.std(), rel=1e-12)


def test_errors_of_layers_and_degrees_of_freedom_are_independent(stack):
    """24 of them: no correlation of 2000 draws beyond 5 standard errors (276 pairs)."""
    tolerance = Pose(*[1e-4] * 6)
    poses = many(stack, Imperfections(tolerance), 2000).poses
    errors = np.stack(jax.tree.leaves(poses), -1)[:, 1:-1].reshape(2000, -1)
    correlation = np.corrcoef(errors.T) - np.eye(24)
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)


def test_one_tolerance_moves_the_layers_and_a_list_the_planes(stack):
    """Input layer and receivers stay where they are unless they have a tolerance of their own."""
    layers = built(stack, Imperfections(Pose(dx_m=1e-4)), KEY).poses
    np.testing.assert_array_equal(np.asarray(layers.dx_m) != 0, [0, 1, 1, 1, 1, 0])
    assert not np.any(layers.dy_m)
    of_planes = np.array([1e-4, 0, 0, 0, 0, 1e-4])
    ports = built(stack, Imperfections(Pose(dx_m=of_planes)), KEY).poses
    np.testing.assert_array_equal(np.asarray(ports.dx_m) != 0, of_planes != 0)


def test_the_same_key_scales_with_the_tolerance(stack):
    """So that a sweep over tolerances follows one stack."""
    small, large = (
        built(stack, Imperfections(Pose(dz_m=size)), KEY).poses.dz_m for size in (1e-6, 1e-4)
    )
    np.testing.assert_allclose(large, 100 * np.asarray(small), rtol=1e-12)


def test_displacements_add_to_those_that_a_stack_has(stack):
    once = built(stack, published_imperfections(float(stack.wavelength_m)), KEY)
    twice = built(once, published_imperfections(float(stack.wavelength_m)), KEY)
    np.testing.assert_allclose(twice.poses.dy_m, 2 * np.asarray(once.poses.dy_m), rtol=1e-12)


def test_published_tolerances_are_those_of_the_case_study(stack):
    """e_I = .1 %λ along the axis, e_V = 1 %λ vertical, e_P = .01°."""
    wavelength_m = 299792458 / 28e9
    tolerance = published_imperfections(wavelength_m).tolerance
    sizes = tolerance.dz_m, tolerance.dy_m, np.degrees(tolerance.rz_rad)
    np.testing.assert_allclose(sizes, [1.0706873e-5, 1.0706873e-4, 0.01], rtol=1e-7)
    assert tolerance.dx_m == tolerance.rx_rad == tolerance.ry_rad == 0


def test_atoms_are_unequal_by_their_deviations(stack):
    """288 000 atoms: deviations within 5 standard errors, .7 % of themselves."""
    imperfections = Imperfections(amplitude_deviation=0.05, phase_deviation_rad=0.1)
    atoms = many(stack, imperfections, 2000).atoms
    assert isinstance(atoms, UnequalAtoms)
    gain = np.asarray(atoms.gain)
    assert np.std(np.abs(gain)) == pytest.approx(0.05, rel=0.007)
    assert np.std(np.angle(gain)) == pytest.approx(0.1, rel=0.007)
    assert np.mean(gain) == pytest.approx(np.exp(-(0.1**2) / 2), abs=5 * 0.12 / np.sqrt(gain.size))


def test_gains_multiply_what_the_atoms_would_do(stack):
    """A second formulation: the response of a layer of unequal atoms is that of equal ones behind
    a mask, so a gain of 2 everywhere doubles the field once a layer."""
    phases_rad = np.random.default_rng(1).uniform(0, 6, stack.phases_shape)
    louder = eqx.tree_at(
        lambda s: s.atoms, stack, UnequalAtoms(stack.atoms, np.full(stack.phases_shape, 2 + 0j))
    )
    np.testing.assert_allclose(
        ms.response(louder, phases_rad),
        2**4 * np.asarray(ms.response(stack, phases_rad)),
        rtol=1e-13,
    )


def test_stuck_and_dead_atoms_are_as_many_as_said(stack):
    """Binomial over 72 000 atoms, at 1e-3; stuck ones in states that they can have."""
    coarse = eqx.tree_at(lambda s: s.atoms, stack, QuantisedAtoms(2))
    atoms = many(coarse, Imperfections(stuck_share=0.03, dead_share=0.02)).atoms
    assert isinstance(atoms, StuckAtoms)
    stuck, transmission = np.asarray(atoms.is_stuck), np.asarray(atoms.transmission)
    dead = stuck & (transmission == 0)
    for count, share in ((dead.sum(), 0.02), ((stuck & ~dead).sum(), 0.03)):
        assert stats.binomtest(int(count), stuck.size, share).pvalue > 1e-3
    states = transmission[stuck & ~dead] ** 4
    np.testing.assert_allclose(states, 1, atol=1e-12)


def test_a_built_stack_responds_to_its_tolerances(stack):
    """Differentiable: the gradient agrees with central differences of 1e-3 of the tolerance."""
    phases_rad = np.random.default_rng(2).uniform(0, 6, stack.phases_shape)

    def change(size_m):
        made = built(stack, Imperfections(Pose(dy_m=size_m)), KEY)
        return jnp.sum(jnp.abs(ms.response(made, phases_rad)) ** 2)

    with ms.float64():
        size_m = jnp.asarray(0.01 * stack.wavelength_m)
        step = 1e-3 * size_m
        slope = (change(size_m + step) - change(size_m - step)) / (2 * step)
        assert float(jax.grad(change)(size_m)) == pytest.approx(float(slope), rel=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tolerance": Pose(dx_m=-1e-4)}, "`tolerance.dx_m` must not be negative"),
        ({"tolerance": Pose(rz_rad=np.nan)}, "`tolerance.rz_rad`"),
        ({"amplitude_deviation": -0.1}, "`amplitude_deviation`"),
        ({"phase_deviation_rad": np.inf}, "`phase_deviation_rad`"),
        ({"stuck_share": 0.7, "dead_share": 0.7}, "must be probabilities"),
        ({"stuck_share": np.nan}, "must be probabilities"),
    ],
)
def test_impossible_imperfections_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Imperfections(**wrong)


def test_tolerances_of_the_wrong_number_of_planes_are_refused(stack):
    with pytest.raises(InputError, match=r"one a plane \(6\), but has shape \(3,\)"):
        built(stack, Imperfections(Pose(dx_m=np.ones(3))), KEY)
