"""A stack that reads directions, run backwards: its beams and who gets which."""

import numpy as np
import pytest
from systems_case import small_stack

import metastack as ms
from metastack.errors import InputError
from metastack.systems import assigned_ports, beam_gains


def bin_directions(stack, side):
    """Unit vectors whose electrical angles are those of the DFT's bins, visible ones alone."""
    spacing = float(stack.input_array.spacing_x_m / stack.wavelength_m)
    turns = np.fft.fftfreq(side) / spacing
    across = np.array([(x, y) for y in turns for x in turns])
    visible = (across**2).sum(1) < 1
    ahead = np.sqrt(1 - (across[visible] ** 2).sum(1))
    return np.column_stack([across[visible], ahead]), np.flatnonzero(visible)


def test_each_port_of_a_lossless_dft_sends_all_its_gain_into_a_direction_of_its_own():
    """N elements, N in the middle of a beam, nothing in the middles of all others."""
    side = 4
    stack = small_stack(ports=side)
    directions, bins = bin_directions(stack, side)
    gains = np.asarray(beam_gains(ms.dft_2d(side, side) / side, stack, directions))
    ports = gains.argmax(axis=1)
    assert gains.max(axis=1) == pytest.approx(np.full(len(bins), side**2), rel=1e-9)
    assert gains.sum(axis=1) == pytest.approx(np.full(len(bins), side**2), rel=1e-9)
    assert len(set(ports)) == len(bins)


def test_beams_of_a_design_are_those_of_the_dft_less_its_loss():
    stack = small_stack(layers=4, side=6)
    design = ms.design_phases(stack, ms.dft_2d(2, 2))[0]
    directions, _ = bin_directions(stack, 2)
    gains = np.asarray(beam_gains(design.response, stack, directions))
    ideal = np.asarray(beam_gains(ms.dft_2d(2, 2) / 2, stack, directions))
    lost = 10 ** (-design.insertion_loss_db / 10)
    assert np.allclose(gains, lost * ideal, atol=1e-3 * lost * ideal.max())


def test_users_get_the_ports_of_the_largest_product():
    gains = np.array([[9.0, 8.0, 1.0], [9.0, 1.0, 1.0]])
    assert assigned_ports(gains).tolist() == [1, 0]


def test_more_users_than_ports_are_refused():
    with pytest.raises(InputError, match="3 users for 2 ports"):
        assigned_ports(np.ones((3, 2)))
