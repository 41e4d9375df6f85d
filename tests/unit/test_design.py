"""The design call: what it refuses, how it ends, what it hands back."""

from dataclasses import dataclass, field
from typing import ClassVar

import equinox as eqx
import numpy as np
import pytest

from metastack import (
    CoordinateDescent,
    Design,
    GivenPhases,
    GradientDescent,
    InputError,
    LevenbergMarquardt,
    Outcome,
    QuantisedAtoms,
    best_design,
    design_phases,
    dft_2d,
    make_uniform_stack,
    nmse,
    response,
)
from metastack.design.problem import loss

# The same settings everywhere in this file: a method is compiled once for each of its settings.
SWEEPS = CoordinateDescent(iterations=3)
DESCENT = GradientDescent(iterations=5)


@pytest.fixture(scope="module")
def tiny_stack():
    """18 phases for 32 real equations: no exact DFT."""
    return make_uniform_stack(
        ports=2, atoms_per_side=3, layers=2, thickness_wavelengths=2, spacing_wavelengths=0.5
    )


@pytest.fixture(scope="module")
def designs(small_stack, dft_2x2):
    return design_phases(small_stack, dft_2x2, starts=2, seed=5)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (16, 16)])
def test_a_target_of_the_wrong_shape_is_refused(tiny_stack, shape):
    with pytest.raises(InputError, match=r"must be receivers x inputs, \(4, 4\), but is"):
        design_phases(tiny_stack, np.ones(shape, complex))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1j * np.nan])
def test_a_target_that_is_not_finite_is_refused(tiny_stack, bad):
    target = dft_2d(2, 2)
    target[1, 2] = bad
    with pytest.raises(InputError, match="`target` must be finite"):
        design_phases(tiny_stack, target)


def test_a_target_of_zeros_is_refused(tiny_stack):
    with pytest.raises(InputError, match="`target` must not be all zero"):
        design_phases(tiny_stack, np.zeros((4, 4), complex))


def test_a_rank_that_the_layers_cannot_pass_is_refused():
    """Theorem 1: the rank of a product is at most the atoms of one layer, here 4 of 9."""
    stack = make_uniform_stack(
        ports=3, atoms_per_side=2, layers=2, thickness_wavelengths=2, spacing_wavelengths=0.5
    )
    with pytest.raises(InputError, match="rank 9, but layers of 4 atoms can only give rank 4"):
        design_phases(stack, dft_2d(3, 3))


@pytest.mark.parametrize("starts", [0, -1])
def test_starts_must_be_positive(tiny_stack, dft_2x2, starts):
    with pytest.raises(InputError, match=f"`starts` must be at least 1, but is {starts}"):
        design_phases(tiny_stack, dft_2x2, starts=starts)


@pytest.mark.parametrize("loss_db", [np.nan, np.inf])
def test_a_prescribed_loss_must_be_finite(tiny_stack, dft_2x2, loss_db):
    with pytest.raises(InputError, match="`insertion_loss_db` must be finite and at least 0"):
        design_phases(tiny_stack, dft_2x2, insertion_loss_db=loss_db)


@pytest.mark.parametrize("method", [GradientDescent(), LevenbergMarquardt()])
def test_methods_that_follow_a_gradient_refuse_atoms_that_jump(tiny_stack, dft_2x2, method):
    jumping = eqx.tree_at(lambda stack: stack.atoms, tiny_stack, QuantisedAtoms(2))
    with pytest.raises(InputError, match="follows a gradient, but these atoms jump"):
        design_phases(jumping, dft_2x2, methods=[method])


def test_the_same_seed_gives_the_same_phases(small_stack, dft_2x2, designs):
    """Bit for bit; another start or seed gives others."""
    again = design_phases(small_stack, dft_2x2, starts=2, seed=5)
    for one, other in zip(designs, again, strict=True):
        np.testing.assert_array_equal(one.phases_rad, other.phases_rad)
        np.testing.assert_array_equal(one.history_db, other.history_db)
    another = design_phases(small_stack, dft_2x2, seed=6)[0]
    assert (designs[0].phases_rad != designs[1].phases_rad).any()
    assert (designs[0].phases_rad != another.phases_rad).any()
    assert [(one.seed, one.start) for one in designs] == [(5, 0), (5, 1)]


def test_a_design_is_what_its_phases_give(small_stack, dft_2x2, designs):
    """Its response and NMSE, computed again from stack and phases. Phases are reduced to one
    turn, so 1e-13 of the response; -100 dB of NMSE moves by 1e-6 dB at most.
    """
    for design in designs:
        assert 0 <= design.phases_rad.min() <= design.phases_rad.max() < 2 * np.pi
        G = np.asarray(response(small_stack, design.phases_rad))
        np.testing.assert_allclose(design.response, G, atol=1e-12 * np.abs(G).max())
        np.testing.assert_allclose(
            design.nmse_db, 10 * np.log10(nmse(design.response, dft_2x2)), atol=1e-2
        )
        np.testing.assert_allclose(
            design.insertion_loss_db, -10 * np.log10(np.linalg.norm(G) ** 2 / 4), atol=1e-9
        )


def test_history_holds_the_start_and_every_iteration(designs):
    """One error more than iterations; the last and best is the design's own NMSE."""
    for design in designs:
        assert design.outcome is Outcome.GOAL_REACHED
        assert len(design.history_db) == design.iterations + 1
        np.testing.assert_allclose(design.history_db[-1], design.nmse_db, atol=1e-2)
        assert design.nmse_db <= -100
    assert best_design(designs).nmse_db == min(design.nmse_db for design in designs)


def test_given_phases_resume_a_design(small_stack, dft_2x2, designs):
    """A design that reached the goal is at the goal: no iteration is made, nothing changes."""
    start = GivenPhases(designs[0].phases_rad)
    resumed = design_phases(small_stack, dft_2x2, start_phases=start)[0]
    assert resumed.outcome is Outcome.GOAL_REACHED
    assert resumed.iterations == 0
    np.testing.assert_allclose(resumed.history_db, [designs[0].nmse_db], atol=1e-2)
    np.testing.assert_array_equal(resumed.phases_rad, designs[0].phases_rad)


def test_a_budget_that_is_spent_is_said_to_be(tiny_stack, dft_2x2):
    for design in design_phases(tiny_stack, dft_2x2, methods=[DESCENT], starts=3):
        assert design.outcome is Outcome.BUDGET_SPENT
        assert len(design.history_db) == 6
        assert design.iterations == 5
        # The phases are the best seen: this descent may end worse than it was.
        np.testing.assert_allclose(design.nmse_db, design.history_db.min(), atol=1e-9)


def test_a_local_minimum_is_said_to_be_one(tiny_stack, dft_2x2):
    """Too few phases: Levenberg-Marquardt stops where no step helps, above the goal."""
    design = design_phases(tiny_stack, dft_2x2, methods=[LevenbergMarquardt(300)])[0]
    assert design.outcome is Outcome.STALLED
    assert design.iterations < 300
    assert design.nmse_db > -100


@pytest.mark.parametrize("method", [SWEEPS, DESCENT])
def test_ctrl_c_returns_the_best_phases_so_far(tiny_stack, dft_2x2, method):
    """Stopped when told of the second iteration or later; iterations are told in parts, and the
    best of all that were made comes back.
    """
    told = []

    def stop(progress):
        told.append(progress)
        if progress.first_iteration + len(progress.errors_db) > 2:
            raise KeyboardInterrupt

    designs = design_phases(
        tiny_stack, dft_2x2, methods=[method], starts=2, on_progress=stop, goal_db=-300.0
    )
    assert {design.outcome for design in designs} == {Outcome.INTERRUPTED}
    first = designs[0]
    assert len(first.history_db) >= 3
    np.testing.assert_allclose(first.nmse_db, first.history_db.min(), atol=1e-9)
    of_first = np.concatenate([part.errors_db for part in told if part.first_start == 0])[:, 0]
    np.testing.assert_allclose(of_first, first.history_db[1 : 1 + len(of_first)], atol=1e-9)


@dataclass(frozen=True)
class StoppedWhileCompiling:
    """A method whose compilation (seconds, for a real one) is ended by Ctrl-C."""

    iterations: int = 5
    monotone: ClassVar[bool] = False
    needs_smooth_atoms: ClassVar[bool] = False
    starts_together: ClassVar[int] = 1
    compiled: list[int] = field(default_factory=list, compare=False)

    def begin(self, problem, phases_rad):
        raise KeyboardInterrupt

    def step(self, problem, state):
        raise KeyboardInterrupt


def test_ctrl_c_while_the_first_method_compiles_is_no_crash(tiny_stack, dft_2x2):
    """Nothing has been found, so there is nothing to return: the interrupt goes on."""
    with pytest.raises(KeyboardInterrupt):
        design_phases(tiny_stack, dft_2x2, methods=[StoppedWhileCompiling()])


def test_ctrl_c_while_the_second_method_compiles_keeps_what_the_first_found(tiny_stack, dft_2x2):
    finished = design_phases(tiny_stack, dft_2x2, methods=[SWEEPS])[0]
    stopped = design_phases(tiny_stack, dft_2x2, methods=[SWEEPS, StoppedWhileCompiling()])[0]
    assert stopped.outcome is Outcome.INTERRUPTED
    np.testing.assert_array_equal(stopped.phases_rad, finished.phases_rad)


def test_every_outcome_is_a_sentence():
    for outcome in Outcome:
        assert outcome.value.endswith(".")
        assert outcome.value[0].isupper()


def test_a_response_of_nothing_is_told_and_not_a_crash(tiny_stack, dft_2x2):
    """All atoms dead: G = 0, every error undefined. An InputError or a design that failed."""
    from metastack import IdealAtoms, StuckAtoms

    shape = tiny_stack.phases_shape
    dead = StuckAtoms(IdealAtoms(), np.ones(shape, bool), np.zeros(shape, complex))
    stack = eqx.tree_at(lambda stack: stack.atoms, tiny_stack, dead)
    try:
        designs = design_phases(stack, dft_2x2, methods=[DESCENT])
    except InputError:
        return
    assert isinstance(designs[0], Design)
    assert designs[0].outcome is not Outcome.GOAL_REACHED


def test_loss_is_the_nmse_at_the_best_scale(small_stack, dft_2x2):
    """Two ways to the same number: design.problem.loss and targets.nmse; rounding only."""
    import jax.numpy as jnp

    from metastack import float64, hops
    from metastack.design.problem import FreeScale, Problem

    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (3, *small_stack.phases_shape))
    with float64():
        problem = Problem(hops(small_stack), small_stack.atoms, jnp.asarray(dft_2x2), FreeScale())
        errors = loss(problem, jnp.asarray(phases))
        expected = nmse(response(small_stack, phases), dft_2x2)
    np.testing.assert_allclose(errors, expected, rtol=1e-12)
