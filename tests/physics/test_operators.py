"""Dense, mirror and FFT hops are one linear map; the dense matrix is the reference."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from metastack import (
    DenseHop,
    FourierHop,
    InputError,
    MirrorHop,
    PlanarArray,
    Plane,
    Pose,
    RayleighSommerfeld,
    hops,
    make_stack,
    make_uniform_stack,
    response,
)
from metastack.propagation import automatic_hop, fastest_kind, hop_matrix, transposed

pytestmark = pytest.mark.usefixtures("double_precision")

MODEL = RayleighSommerfeld(0.25)
LAW = 1e-10  # the module's own claim: relative, in double precision

# Every new pair of shapes compiles some fifty small operations: few examples.
few = settings(max_examples=2)
counts = st.integers(1, 6)
spacings = st.floats(0.3, 0.8)
shifts = st.floats(-0.5, 0.5)


def check_same_map(hop, start, end):
    """Forwards W and backwards W^T on random complex fields, against the matrix."""
    W = np.asarray(hop_matrix(start, end, MODEL, wavelength_m=1.0))
    generator = np.random.default_rng(0)
    field = generator.normal(size=(2, W.shape[1], 2)) @ [1, 1j]
    weights = generator.normal(size=(3, W.shape[0], 2)) @ [1, 1j]
    forwards, backwards = hop(jnp.asarray(field)), transposed(hop, jnp.asarray(weights))
    assert np.linalg.norm(forwards - field @ W.T) < LAW * np.linalg.norm(field @ W.T)
    # Fields may cancel in W^T as they may in W; its own norm is the scale of rounding.
    scale = np.linalg.norm(W) * np.linalg.norm(weights)
    assert np.linalg.norm(backwards - weights @ W) < LAW * scale


def between(kind, start, end):
    return kind.between(start, end, MODEL, wavelength_m=1.0)


@few
@given(counts, counts, counts, counts, spacings, spacings, shifts)
@example(5, 4, 3, 6, 0.5, 0.4, 0.0)
@example(1, 6, 6, 1, 0.5, 0.4, 0.0)
def test_mirror_hop_is_the_matrix(columns, rows, to_columns, to_rows, spacing, to_spacing, dz):
    """Odd and even, rectangular, unequal grids of unequal spacings; axial shifts."""
    start = Plane(PlanarArray(columns, rows, spacing, 0.5), 0.0)
    end = Plane(PlanarArray(to_columns, to_rows, to_spacing, 0.6), 1.5, Pose(dz_m=dz))
    check_same_map(between(MirrorHop, start, end), start, end)


@few
@given(counts, counts, counts, counts, shifts, shifts, st.floats(-2, 2), st.floats(-2, 2))
@example(5, 4, 3, 6, 0.1, -0.2, 0.3, 0.4)
@example(1, 6, 6, 1, 0.0, 0.0, 0.0, 0.0)
def test_fourier_hop_is_the_matrix(columns, rows, to_columns, to_rows, dx, dy, turn, split):
    """Odd and even, rectangular, unequal grids on one lattice; lateral and axial shifts, and a
    common rotation, whether of the array or of the pose.
    """
    start = Plane(PlanarArray(columns, rows, 0.5, 0.6, turn), 0.0, Pose(dx_m=dx, rz_rad=split))
    end_array = PlanarArray(to_columns, to_rows, 0.5, 0.6, turn)
    end = Plane(end_array, 1.5, Pose(dy_m=dy, dz_m=dx, rz_rad=split))
    check_same_map(between(FourierHop, start, end), start, end)


def test_dense_hop_is_the_matrix():
    """Odd and even, rectangular, unequal grids, out of place in every degree of freedom."""
    start = Plane(PlanarArray(5, 4, 0.5, 0.6, 0.2), 0.0, Pose(0.1, 0.2, 0.1, 0.1, -0.2, 0.3))
    end = Plane(PlanarArray(3, 6, 0.4, 0.5), 1.5, Pose(-0.1, 0.1, 0.2, 0.2, 0.1, -0.3))
    check_same_map(between(DenseHop, start, end), start, end)


def test_fourier_hop_accepts_a_rotation_of_array_and_pose_that_agree():
    """Orientation is the sum of both rotations."""
    start = Plane(PlanarArray(3, 2, 0.5, 0.6, 0.5), 0.0)
    end = Plane(PlanarArray(2, 3, 0.5, 0.6), 1.5, Pose(rz_rad=0.5))
    check_same_map(between(FourierHop, start, end), start, end)


GRID = PlanarArray(4, 3, 0.5, 0.6)
IN_PLANE = [{"dx_m": 0.1}, {"dy_m": 0.1}, {"rz_rad": 0.1}]
TILTS = [{"rx_rad": 0.1}, {"ry_rad": 0.1}]


@pytest.mark.parametrize("end_moves", [True, False])
@pytest.mark.parametrize("motion", IN_PLANE + TILTS)
def test_mirror_hop_refuses_a_plane_off_its_axis(motion, end_moves):
    planes = [Plane(GRID, 0.0), Plane(GRID, 1.0, Pose(**motion))]
    with pytest.raises(InputError, match="MirrorHop needs two centred grids"):
        between(MirrorHop, *(planes if end_moves else planes[::-1]))


def test_mirror_hop_refuses_a_rotated_array():
    turned = Plane(PlanarArray(4, 3, 0.5, 0.6, 0.1), 0.0)
    with pytest.raises(InputError, match="MirrorHop needs two centred grids"):
        between(MirrorHop, turned, Plane(GRID, 1.0))


@pytest.mark.parametrize("motion", [{"rz_rad": 0.1}, *TILTS])
def test_fourier_hop_refuses_planes_turned_apart(motion):
    with pytest.raises(InputError, match="FourierHop needs two grids of equal spacing"):
        between(FourierHop, Plane(GRID, 0.0), Plane(GRID, 1.0, Pose(**motion)))


@pytest.mark.parametrize(
    "other",
    [PlanarArray(4, 3, 0.4, 0.6), PlanarArray(4, 3, 0.5, 0.5), PlanarArray(4, 3, 0.5, 0.6, 1)],
)
def test_fourier_hop_refuses_another_lattice(other):
    with pytest.raises(InputError, match="FourierHop needs two grids of equal spacing"):
        between(FourierHop, Plane(GRID, 0.0), Plane(other, 1.0))


SMALL, MIDDLE, LARGE = (PlanarArray(n, n, 0.5, 0.5) for n in (7, 15, 45))
SHIFTED, TURNED, TILTED = Pose(dx_m=0.01), Pose(rz_rad=0.01), Pose(rx_rad=0.01)


@pytest.mark.parametrize(
    ("start", "end", "pose", "kind"),
    [
        (SMALL, SMALL, Pose(), DenseHop),
        (SMALL, LARGE, Pose(), DenseHop),
        (MIDDLE, MIDDLE, Pose(), MirrorHop),
        (MIDDLE, MIDDLE, Pose(dz_m=0.1), MirrorHop),
        (MIDDLE, MIDDLE, SHIFTED, DenseHop),
        (MIDDLE, MIDDLE, TURNED, DenseHop),
        (MIDDLE, PlanarArray(15, 15, 0.4, 0.5), Pose(), MirrorHop),
        (LARGE, LARGE, Pose(), FourierHop),
        (LARGE, LARGE, SHIFTED, FourierHop),
        (LARGE, LARGE, TURNED, DenseHop),
        (LARGE, LARGE, TILTED, DenseHop),
        (LARGE, PlanarArray(45, 45, 0.4, 0.5), Pose(), MirrorHop),
    ],
)
def test_automatic_choice_is_the_fastest_kind_that_is_exact(start, end, pose, kind):
    """Symmetry decides what is exact, size what is fast."""
    assert fastest_kind(Plane(start, 0.0), Plane(end, 1.0, pose), MODEL) is kind


def test_positions_under_differentiation_get_dense_hops():
    """A traced value may become anything, so its present zero is no symmetry."""
    kinds = []

    def kind_of_hop(dx_m):
        pair = Plane(MIDDLE, 0.0), Plane(MIDDLE, 1.0, Pose(dx_m=dx_m))
        kinds.append(type(automatic_hop(*pair, MODEL, wavelength_m=1.0)))
        return dx_m

    jax.grad(kind_of_hop)(0.0)
    assert kinds == [DenseHop]


def stack_of(gaps_m, poses=None):
    return make_stack(
        input_array=PlanarArray(2, 2, 0.5, 0.5),
        layer_array=MIDDLE,
        receiver_array=PlanarArray(2, 2, 0.5, 0.5),
        gaps_m=gaps_m,
        frequency_hz=1.0,
        wave_speed_m_per_s=1.0,
        poses=poses,
    )


def test_equal_hops_are_built_once():
    """Equal gaps share one hop; another gap or pose does not."""
    four = list(hops(stack_of([1.0, 1.0, 1.0, 1.5, 1.0])))
    assert four[1] is four[2]
    assert four[3] is not four[2]
    moved = list(hops(stack_of([1.0] * 4, Pose(dz_m=np.array([0, 0, 0.1, 0, 0])))))
    assert moved[1] is not moved[2]


def test_gaps_that_differ_by_rounding_share_a_hop(stack_2x2):
    """Heights are sums of gaps, so equal gaps differ in their last bits."""
    built = list(hops(stack_2x2))
    assert len({id(hop) for hop in built}) == 3
    assert len(built) == 8


@pytest.mark.parametrize("kind", [DenseHop, MirrorHop, FourierHop])
def test_kind_overrides_the_hops_between_layers(kind):
    built = list(hops(stack_of([1.0] * 4), kind))
    assert [type(hop) for hop in built[1:-1]] == [kind, kind]
    assert type(built[0]) is type(built[-1]) is DenseHop


def test_a_kind_that_cannot_represent_the_stack_is_refused():
    stack = stack_of([1.0] * 3, Pose(dx_m=np.array([0, 0, 0.1, 0])))
    with pytest.raises(InputError, match="MirrorHop needs"):
        hops(stack, MirrorHop)


def test_a_batch_of_phases_gives_what_the_loop_gives():
    """Response of a batch against one at a time, for dense and mirror hops; rounding only."""
    stack = make_uniform_stack(
        ports=2, atoms_per_side=15, layers=2, thickness_wavelengths=2, spacing_wavelengths=0.5
    )
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (2, 3, *stack.phases_shape))
    batch = np.asarray(response(stack, phases))
    loop = np.array([[response(stack, one) for one in row] for row in phases])
    np.testing.assert_allclose(batch, loop, atol=1e-13 * np.abs(loop).max())
