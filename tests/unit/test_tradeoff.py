"""Designs at a prescribed insertion loss, from the largest to the smallest."""

import numpy as np
import pytest

from metastack import dft_2d, insertion_loss_tradeoff, make_uniform_stack, response
from metastack.design import CoordinateDescent, design_phases, with_phases
from metastack.propagation import DenseHop, MirrorHop, largest_gain
from metastack.stack import hops


def test_losses_come_from_the_largest_to_the_smallest_and_are_kept(small_stack, dft_2x2):
    """Where a design reaches its goal, its loss is the prescribed one to its residual."""
    designs = list(insertion_loss_tradeoff(small_stack, dft_2x2, [26.0, 30.0]))
    for loss_db, design in zip((30.0, 26.0), designs, strict=True):
        assert f"loss of {loss_db:g} dB prescribed" in design.method
        if design.error_db <= -100:
            assert design.insertion_loss_db == pytest.approx(loss_db, abs=0.01)


def test_other_phases_on_the_same_stack_give_their_own_response(small_stack, dft_2x2):
    design = design_phases(small_stack, dft_2x2, methods=[CoordinateDescent(1)])[0]
    turned = with_phases(design, design.phases_rad + 0.1)
    np.testing.assert_allclose(turned.response, response(small_stack, turned.phases_rad))
    # A phase common to all atoms turns the response as a whole, which beta takes up.
    assert turned.nmse_db == pytest.approx(design.nmse_db, abs=1e-9)


def test_a_stack_of_one_layer_has_no_hop_between_layers():
    """L = 1: two hops only, and the default design runs."""
    stack = make_uniform_stack(
        ports=2,
        atoms_per_side=5,
        layers=1,
        thickness_wavelengths=2.0,
        spacing_wavelengths=0.5,
    )
    assert len(hops(stack)) == 2
    design = design_phases(stack, dft_2d(2, 2))[0]
    np.testing.assert_allclose(design.response, response(stack, design.phases_rad), rtol=1e-12)


@pytest.mark.parametrize("kind", [DenseHop, MirrorHop])
def test_largest_gain_is_the_largest_singular_value(stack_2x2, kind):
    """Power iteration against LAPACK; 1 % is what a gap of 2 % between two values leaves."""
    hop = list(hops(stack_2x2, kind))[3]
    weights = np.asarray(list(hops(stack_2x2, DenseHop))[3].weights)
    real, imaginary = np.split(weights, 2, axis=1)
    expected = np.linalg.norm(real + 1j * imaginary, 2)
    assert largest_gain(hop) == pytest.approx(expected, rel=0.01)
