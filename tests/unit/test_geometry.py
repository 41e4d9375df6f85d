"""Where elements are: index order, centring, rotations and poses."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from metastack import InputError, PlanarArray, Plane, Pose
from metastack.geometry import check_array, column_and_row, distances

pytestmark = pytest.mark.usefixtures("double_precision")

WIDE = PlanarArray(columns=3, rows=2, spacing_x_m=2.0, spacing_y_m=5.0)
DEGREES_OF_FREEDOM = ("dx_m", "dy_m", "dz_m", "rx_rad", "ry_rad", "rz_rad")

angles = st.floats(-4, 4)
shifts = st.floats(-2, 2)
poses = st.builds(Pose, shifts, shifts, shifts, angles, angles, angles)
# Few shapes: JAX compiles for every new one, and the law is in the angles.
arrays = st.builds(
    PlanarArray, st.integers(1, 3), st.integers(1, 3), st.floats(0.1, 3), st.floats(0.1, 3), angles
)


def test_index_counts_x_fastest():
    """n = n_y N_x + n_x from 0, by hand for 3 columns and 2 rows; no rounding, so exact."""
    expected = [[-2, -2.5, 0], [0, -2.5, 0], [2, -2.5, 0], [-2, 2.5, 0], [0, 2.5, 0], [2, 2.5, 0]]
    np.testing.assert_array_equal(WIDE.positions_m, expected)


def test_column_and_row_invert_the_index():
    """By definition n = n_y N_x + n_x; integers, so exact."""
    column, row = column_and_row(3, 4)
    np.testing.assert_array_equal(row * 3 + column, np.arange(12))
    assert column.max() == 2
    assert row.max() == 3


@given(arrays)
def test_arrays_are_centred_in_their_plane(array):
    """Centre of gravity at the origin, z = 0; rounding of positions of order 1-10 is 1e-15."""
    np.testing.assert_allclose(np.mean(array.positions_m, axis=0), 0, atol=1e-13)
    np.testing.assert_array_equal(array.positions_m[:, 2], 0)


@given(angles)
def test_array_rotation_turns_x_towards_y(angle):
    """Oracle: scipy's rotation about z; rounding only."""
    turned = PlanarArray(3, 2, 2.0, 5.0, angle).positions_m
    expected = Rotation.from_euler("z", angle).apply(np.array(WIDE.positions_m))
    np.testing.assert_allclose(turned, expected, atol=1e-13)


@given(arrays, poses)
def test_rigid_motion_preserves_distances_between_elements(array, pose):
    """Neither array rotation nor pose changes a distance; rounding only."""
    still = PlanarArray(array.columns, array.rows, array.spacing_x_m, array.spacing_y_m)
    moved = Plane(array, 3.0, pose).positions_m
    np.testing.assert_allclose(
        cdist(moved, moved), cdist(still.positions_m, still.positions_m), atol=1e-12
    )


@given(poses)
def test_pose_rotates_about_x_then_y_then_z(pose):
    """Oracle: scipy's rotation about fixed axes x, y, z in turn, R_z R_y R_x; rounding only."""
    expected = Rotation.from_euler("xyz", [pose.rx_rad, pose.ry_rad, pose.rz_rad]).as_matrix()
    np.testing.assert_allclose(pose.rotation, expected, atol=1e-14)


@given(poses)
def test_pose_turns_about_the_own_centre_then_shifts(pose):
    """Oracle: R p + (dx, dy, z + dz) with scipy's R, about the plane's own centre; rounding."""
    rotation = Rotation.from_euler("xyz", [pose.rx_rad, pose.ry_rad, pose.rz_rad])
    shift = np.array([pose.dx_m, pose.dy_m, 7 + pose.dz_m])
    expected = rotation.apply(np.array(WIDE.positions_m)) + shift
    np.testing.assert_allclose(Plane(WIDE, 7.0, pose).positions_m, expected, atol=1e-13)


@pytest.mark.parametrize("dof", DEGREES_OF_FREEDOM)
def test_a_degree_of_freedom_at_zero_changes_nothing(dof):
    """Exact: a zero shift and a zero turn are identities in floating point too."""
    designed = Plane(WIDE, 7.0).positions_m
    np.testing.assert_array_equal(Plane(WIDE, 7.0, Pose(**{dof: 0.0})).positions_m, designed)


@pytest.mark.parametrize("dof", DEGREES_OF_FREEDOM)
def test_every_degree_of_freedom_moves_the_plane(dof):
    """A turn or shift of .1 moves some element by at least .1 (the lever is 2 m or more)."""
    moved = Plane(WIDE, 7.0, Pose(**{dof: 0.1})).positions_m - Plane(WIDE, 7.0).positions_m
    assert np.abs(moved).max() > 0.09


@given(poses)
def test_normal_is_across_the_plane(pose):
    """Unit length and at right angles to every vector in the plane; rounding only."""
    plane = Plane(WIDE, 7.0, pose)
    in_plane = plane.positions_m - plane.positions_m[0]
    np.testing.assert_allclose(in_plane @ plane.normal, 0, atol=1e-13)
    np.testing.assert_allclose(np.linalg.norm(plane.normal), 1, atol=1e-14)


def test_normal_of_an_untilted_plane_points_along_the_wave():
    """+z, exactly."""
    np.testing.assert_array_equal(Plane(WIDE, 7.0, Pose(rz_rad=1.0)).normal, [0, 0, 1])


@given(poses)
def test_distances_and_obliquity(pose):
    """Oracle: scipy's cdist, and cos = gap / r for an untilted source; shape (to, from)."""
    start, end = Plane(WIDE, 0.0), Plane(PlanarArray(2, 2, 1.0, 1.0), 30.0, pose)
    r, cosine = distances(start.positions_m, end.positions_m, start.normal)
    expected = cdist(end.positions_m, start.positions_m)
    np.testing.assert_allclose(r, expected, rtol=1e-14)
    height = np.asarray(end.positions_m)[:, 2:]
    np.testing.assert_allclose(cosine, height / expected, rtol=1e-13)


@pytest.mark.parametrize("field", ["columns", "rows"])
def test_an_array_needs_elements(field):
    array = PlanarArray(**{"columns": 2, "rows": 2, field: 0}, spacing_x_m=1.0, spacing_y_m=1.0)
    with pytest.raises(InputError, match=f"`{field}` of the layers must be at least 1, but is 0"):
        check_array(array, "layers")


@pytest.mark.parametrize("field", ["spacing_x_m", "spacing_y_m"])
@pytest.mark.parametrize("value", [0.0, -0.002, np.nan, np.inf])
def test_an_array_needs_positive_spacing(field, value):
    array = PlanarArray(2, 2, **({"spacing_x_m": 1.0, "spacing_y_m": 1.0} | {field: value}))
    with pytest.raises(InputError, match=f"`{field}` of the layers must be positive, but is"):
        check_array(array, "layers")
