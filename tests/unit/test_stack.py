"""The device: its planes, its checks, and eq. (14) multiplied out."""

from itertools import pairwise

import numpy as np
import pytest

from metastack import (
    IdealAtoms,
    InputError,
    PlanarArray,
    Pose,
    QuantisedAtoms,
    RayleighSommerfeld,
    make_stack,
    make_uniform_stack,
    response,
)

GRID = PlanarArray(3, 2, 0.5, 0.6)
PORTS = PlanarArray(2, 1, 0.5, 0.5)
DEVICE = {
    "input_array": PORTS,
    "layer_array": GRID,
    "receiver_array": PlanarArray(1, 3, 0.4, 0.4),
    "gaps_m": [1.0, 1.5, 2.0],
    "frequency_hz": 2.0,
    "wave_speed_m_per_s": 2.0,
}


def literal_response(stack, transmission, area):
    """G = W_L Υ_L … Υ_1 W_0 with w = A (cosχ/r)(1/(2πr) - j/λ) e^{jkr}, unperturbed, NumPy only."""

    def positions(array, z):
        x = (np.arange(array.columns) - (array.columns - 1) / 2) * array.spacing_x_m
        y = (np.arange(array.rows) - (array.rows - 1) / 2) * array.spacing_y_m
        return np.array([(a, b, z) for b in y for a in x])

    heights = np.concatenate([[0], np.cumsum(stack.gaps_m)])
    arrays = [stack.input_array, *[stack.layer_array] * stack.layers, stack.receiver_array]
    points = [positions(array, z) for array, z in zip(arrays, heights, strict=True)]
    G = np.eye(arrays[0].size)
    for l, (start, end) in enumerate(pairwise(points)):
        r = np.linalg.norm(end[:, None] - start, axis=-1)
        cosine = (end[0, 2] - start[0, 2]) / r
        wavelength = stack.wavelength_m
        W = area * cosine / r * (1 / (2 * np.pi * r) - 1j / wavelength)
        W = W * np.exp(2j * np.pi * r / wavelength)
        G = W @ G if l == 0 else W @ np.diag(transmission[l - 1]) @ G
    return G


@pytest.mark.parametrize("atoms", [IdealAtoms(), QuantisedAtoms(2)])
def test_response_is_the_product_of_hops_and_layers(atoms):
    """Oracle: eq. (7) and (14) written out in NumPy; double precision whatever JAX's setting."""
    stack = make_stack(**DEVICE, atoms=atoms)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, stack.phases_shape)
    steps = np.round(phases / (np.pi / 2)) * np.pi / 2
    asked = phases if isinstance(atoms, IdealAtoms) else steps
    expected = literal_response(stack, np.exp(1j * asked), area=0.5 * 0.6)
    given = np.asarray(response(stack, phases))
    assert given.dtype == np.complex128
    np.testing.assert_allclose(given, expected, atol=1e-13 * np.abs(expected).max())


def test_a_model_of_ones_own_takes_the_place_of_the_default():
    """Twice the area at three hops is eight times the response; rounding only."""
    phases = np.zeros((2, 6))
    doubled = response(make_stack(**DEVICE, model=RayleighSommerfeld(2 * 0.5 * 0.6)), phases)
    np.testing.assert_allclose(
        doubled, 8 * np.asarray(response(make_stack(**DEVICE), phases)), rtol=1e-13
    )


def test_planes_stand_at_the_sums_of_the_gaps():
    """By hand; layer 0 at z = 0, then L layers, then the receivers; exact in binary."""
    stack = make_stack(**DEVICE)
    assert [float(plane.z_m) for plane in stack.planes] == [0, 1, 2.5, 4.5]
    assert [plane.array.size for plane in stack.planes] == [2, 6, 6, 3]
    assert (stack.layers, stack.phases_shape) == (2, (2, 6))
    assert response(stack, np.zeros((2, 6))).shape == (3, 2)


def test_a_pose_holds_one_value_a_plane():
    """Given for one plane, it moves that plane; one number for all moves all."""
    third = make_stack(**DEVICE, poses=Pose(dx_m=np.array([0, 0, 0.5, 0])))
    assert [float(plane.positions_m[:, 0].mean()) for plane in third.planes] == [0, 0, 0.5, 0]
    every = make_stack(**DEVICE, poses=Pose(dy_m=0.25))
    assert [float(plane.positions_m[:, 1].mean()) for plane in every.planes] == [0.25] * 4


def test_moving_everything_together_changes_nothing():
    """Translation invariance of free space; rounding only."""
    phases = np.linspace(0, 6, 12).reshape(2, 6)
    still = response(make_stack(**DEVICE), phases)
    moved = response(make_stack(**DEVICE, poses=Pose(dx_m=0.3, dy_m=-0.2, dz_m=0.7)), phases)
    np.testing.assert_allclose(moved, still, rtol=1e-11)


def test_uniform_stack_is_the_papers_four_tuple():
    """By hand for 4 layers over 6 λ of λ = 5 mm: gaps of 1.5 λ, before the first layer too."""
    stack = make_uniform_stack(
        ports=2,
        atoms_per_side=5,
        layers=4,
        thickness_wavelengths=6,
        spacing_wavelengths=0.4,
        wave_speed_m_per_s=3e8,
    )
    np.testing.assert_allclose(stack.gaps_m, [7.5e-3] * 5, rtol=1e-14)
    np.testing.assert_allclose(stack.wavelength_m, 5e-3, rtol=1e-14)
    np.testing.assert_allclose(stack.layer_array.spacing_x_m, 2e-3, rtol=1e-14)
    np.testing.assert_allclose(stack.receiver_array.spacing_y_m, 2.5e-3, rtol=1e-14)
    np.testing.assert_allclose(stack.model.element_area_m2, 4e-6, rtol=1e-14)
    assert (stack.input_array.size, stack.phases_shape) == (4, (4, 25))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gaps_m": [1.0]}, "`gaps_m` must have layers \\+ 1 entries .at least 2., but has 1"),
        ({"gaps_m": [1.0, -0.5]}, r"`gaps_m\[1\]` must be positive, but is -0.5"),
        ({"gaps_m": [np.nan, 0.5]}, r"`gaps_m\[0\]` must be positive, but is nan"),
        ({"frequency_hz": 0.0}, "`frequency_hz` must be positive, but is 0"),
        ({"wave_speed_m_per_s": np.inf}, "`wave_speed_m_per_s` must be positive, but is inf"),
        ({"layer_array": PlanarArray(0, 2, 0.5, 0.5)}, "`columns` of the layers must be at least"),
        ({"input_array": PlanarArray(2, 2, -1.0, 0.5)}, "`spacing_x_m` of the input layer must"),
        ({"receiver_array": PlanarArray(2, 2, 1.0, 0.0)}, "`spacing_y_m` of the receivers must"),
    ],
)
def test_a_device_that_cannot_exist_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        make_stack(**(DEVICE | changes))


def test_poses_for_another_number_of_planes_are_refused():
    """Two layers have four planes, not three."""
    with pytest.raises(InputError):
        make_stack(**DEVICE, poses=Pose(dx_m=np.zeros(3)))
