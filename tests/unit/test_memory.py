"""Designs that cannot fit are refused before memory is taken."""

import numpy as np
import pytest

from metastack import (
    CoordinateDescent,
    GradientDescent,
    InputError,
    LevenbergMarquardt,
    PlanarArray,
    Pose,
    design_phases,
    dft_2d,
    make_stack,
)
from metastack.design.memory import required_bytes


def large_stack(side, layers, poses=None):
    ports = PlanarArray(2, 2, 0.5, 0.5)
    return make_stack(
        input_array=ports,
        layer_array=PlanarArray(side, side, 0.5, 0.5),
        receiver_array=ports,
        gaps_m=[1.0] * (layers + 1),
        frequency_hz=1.0,
        wave_speed_m_per_s=1.0,
        poses=poses,
    )


def test_a_perturbed_stack_too_large_for_any_machine_is_refused():
    """29 matrices of 160000² complex numbers are 12 TB before any copy."""
    turns = Pose(rz_rad=np.linspace(0, 0.01, 32))
    with pytest.raises(InputError, match=r"30 layers of 160000 atoms need about \d+"):
        design_phases(large_stack(400, 30, turns), dft_2d(2, 2))


def test_equal_hops_are_counted_once():
    """Unperturbed, one matrix serves all: more layers cost their fields alone."""
    few, many = (required_bytes(large_stack(40, n), GradientDescent()) for n in (4, 8))
    fields = 4 * 1600 * 8 * 16
    assert many - few < 10 * 32 * fields


def test_fourier_hops_are_not_counted_as_matrices():
    """A lattice of 100x100 stays below its one matrix of 10000² complex numbers (1.6 GB)."""
    assert required_bytes(large_stack(100, 3), LevenbergMarquardt()) < 1.6e9


def test_the_quadratic_form_of_coordinate_descent_is_counted():
    """A sweep holds Q, atoms x atoms complex, whatever the hops: 100x100 atoms take 1.6 GB."""
    assert required_bytes(large_stack(100, 3), CoordinateDescent()) >= 1.6e9
