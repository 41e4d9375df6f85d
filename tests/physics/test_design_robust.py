"""Designs for what fabrication may make of a stack, before it is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import metastack as ms
from metastack import GivenPhases, Imperfections, InputError, Pose, float64
from metastack.design import design_robustly, expected_nmse
from metastack.design.problem import FreeScale
from metastack.design.sampled_levenberg_marquardt import normal_equations
from metastack.design.sampled_problem import sampled_problem

TARGET = ms.dft_2d(2, 2)


@pytest.fixture(scope="module")
def stack():
    return ms.make_uniform_stack(
        ports=2, atoms_per_side=5, layers=3, thickness_wavelengths=4, spacing_wavelengths=0.5
    )


@pytest.fixture(scope="module")
def tolerances(stack):
    return Imperfections(Pose(dy_m=0.05 * stack.wavelength_m))


@pytest.fixture(scope="module")
def robust(stack, tolerances):
    return design_robustly(stack, TARGET, tolerances, samples=32, iterations=40)


def mean_of(stack, phases, stacks):
    """The expected error in plain calls, one built stack after the other."""
    return np.mean([float(ms.nmse(ms.response(each, phases), TARGET)) for each in stacks])


def test_the_expected_error_is_the_mean_over_built_stacks(stack, tolerances):
    """A second formulation: `built`, `response` and `nmse`, stack by stack, from the same keys."""
    keys = jax.random.split(jax.random.key(3), 6)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, stack.phases_shape)
    errors = expected_nmse(stack, phases, TARGET, tolerances, stacks=6, key=jax.random.key(3))
    stacks = [ms.built(stack, tolerances, key) for key in keys]
    assert errors.mean() == pytest.approx(mean_of(stack, phases, stacks), rel=1e-9)


def test_the_step_follows_the_gradient_of_the_expected_error(stack, tolerances):
    """J^T r, twice, against central differences of the mean error along random directions."""
    rng = np.random.default_rng(1)
    with float64():
        keys = jax.random.split(jax.random.key(0), 5)
        problem = sampled_problem(stack, jnp.asarray(TARGET), FreeScale(), tolerances, keys)
        phases = jnp.asarray(rng.uniform(0, 2 * np.pi, stack.phases_shape))
        gradient = 2 * np.asarray(normal_equations(problem, phases).gradient)
        for _ in range(3):
            along, step = rng.normal(size=stack.phases_shape), 1e-5
            ends = [float(problem.error(phases + sign * step * along)) for sign in (1, -1)]
            expected = (ends[0] - ends[1]) / (2 * step)
            assert gradient @ along.ravel() == pytest.approx(expected, rel=1e-6)


def test_the_expected_error_never_rises(robust):
    assert np.all(np.diff(robust.history_db) <= 0)
    assert robust.history_db[-1] < robust.history_db[0] - 3


def test_a_robust_design_is_better_on_stacks_that_it_has_not_seen(stack, tolerances, robust):
    """Against the best design of the stack as drawn, on 200 fresh stacks: the mean error is lower
    by more than 5 standard errors of the difference."""
    nominal = ms.design_phases(stack, TARGET)[0]
    fresh = {"imperfections": tolerances, "stacks": 200, "key": jax.random.key(9)}
    one, other = (
        expected_nmse(stack, each.phases_rad, TARGET, **fresh) for each in (nominal, robust)
    )
    gain = one - other
    assert gain.mean() > 5 * gain.std() / np.sqrt(200)
    assert nominal.nmse_db < robust.nmse_db


def test_without_tolerances_it_is_the_plain_fit(stack):
    """Every sample is the stack as drawn: the error of the run is that of the design."""
    design = design_robustly(stack, TARGET, Imperfections(), samples=2, iterations=15)
    assert design.history_db[-1] == pytest.approx(design.nmse_db, abs=1e-6)


def test_the_same_seed_gives_the_same_phases(stack, tolerances):
    one, same, other = (
        design_robustly(stack, TARGET, tolerances, samples=4, iterations=3, seed=seed).phases_rad
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_it_goes_on_from_a_design(stack, tolerances, robust):
    """Started where another run ended, it begins with that error on the same samples."""
    further = design_robustly(
        stack, TARGET, tolerances, samples=32, iterations=1, start=GivenPhases(robust.phases_rad)
    )
    assert further.history_db[0] == pytest.approx(robust.history_db[-1], abs=1e-6)


def test_a_prescribed_loss_is_kept_on_the_whole(stack, tolerances):
    """The scale is fixed, so that the loss of the stack as drawn stays near what was prescribed."""
    design = design_robustly(
        stack, TARGET, tolerances, samples=16, iterations=40, insertion_loss_db=15.0
    )
    assert design.insertion_loss_db == pytest.approx(15, abs=1.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": 0}, "`samples`"),
        ({"iterations": 0}, "`iterations`"),
        ({"samples": 10**12}, "fit in memory"),
        ({"goal_db": float("nan")}, "`goal_db`"),
    ],
)
def test_impossible_wishes_are_refused(stack, tolerances, change, message):
    with pytest.raises(InputError, match=message):
        design_robustly(stack, TARGET, tolerances, **change)
