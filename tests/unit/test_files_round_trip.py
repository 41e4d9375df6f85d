"""What is written reads back exactly: the same numbers, bit by bit, in every format.

The oracle is the value before writing; no tolerance, because every format holds float64.
"""

import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from metastack.atoms import (
    IdealAtoms,
    MeasuredAtoms,
    QuantisedAtoms,
    StuckAtoms,
    UnequalAtoms,
)
from metastack.design.solution import Design, Outcome
from metastack.files import (
    Provenance,
    Recording,
    StackDescription,
    decode_complex,
    encode_complex,
    export_codes,
    parse_stack,
    read_codes,
    read_design,
    read_provenance,
    read_recording,
    read_stack,
    stack_text,
    write_design,
    write_recording,
    write_stack,
)
from metastack.geometry import PlanarArray, Pose
from metastack.propagation import RayleighSommerfeld
from metastack.stack import Stack, make_stack
from metastack.targets import dft_2d

disk = settings(deadline=None, derandomize=True, max_examples=25)

lengths_m = st.floats(1e-5, 0.5)
angles_rad = st.one_of(st.floats(-7, 7), st.integers(-180, 180).map(np.deg2rad).map(float))
finite = st.floats(-1e6, 1e6)
complexes = st.builds(complex, finite, finite)


def arrays_of(elements, *shape):
    dtype = complex if elements is complexes else float
    return hnp.arrays(dtype, shape, elements=elements)


grids = st.builds(
    PlanarArray, st.integers(1, 3), st.integers(1, 3), lengths_m, lengths_m, angles_rad
)


@st.composite
def measured_atoms(draw):
    size = draw(st.integers(2, 6))
    step_rad = draw(st.floats(0.01, 1.0))
    return MeasuredAtoms.from_table(
        draw(st.floats(-3, 3)) + step_rad * np.arange(size),
        draw(arrays_of(st.floats(0, 2), size)),
        draw(arrays_of(st.floats(-20, 20), size)),
    )


@st.composite
def atoms(draw, shape):
    base = draw(
        st.one_of(
            st.just(IdealAtoms()),
            st.integers(1, 8).map(QuantisedAtoms),
            measured_atoms(),
        )
    )
    if draw(st.booleans()):
        base = UnequalAtoms(
            base, draw(arrays_of(complexes, *shape).filter(lambda g: (g != 1).any()))
        )
    is_stuck = draw(hnp.arrays(bool, shape))
    if not is_stuck.any():
        return base
    return StuckAtoms(base, is_stuck, np.where(is_stuck, draw(arrays_of(complexes, *shape)), 0))


@st.composite
def stacks(draw):
    layers, layer_array = draw(st.integers(1, 3)), draw(grids)
    shifts = [draw(arrays_of(st.floats(-1e-6, 1e-6), layers + 2)) for _ in range(3)]
    turns = [draw(arrays_of(angles_rad, layers + 2)) for _ in range(3)]
    return Stack(  # not make_stack: beartype picks list entries at random, which hypothesis forbids
        input_array=draw(grids),
        layer_array=layer_array,
        receiver_array=draw(grids),
        gaps_m=draw(arrays_of(lengths_m, layers + 1)),
        frequency_hz=draw(st.floats(1e6, 1e12)),
        wave_speed_m_per_s=draw(st.floats(100, 3e8)),
        model=RayleighSommerfeld(draw(st.floats(1e-9, 1))),
        atoms=draw(atoms((layers, layer_array.size))),
        poses=Pose(*shifts, *turns),
    )


def assert_same(stack: Stack, other: Stack) -> None:
    assert jax.tree.structure(stack) == jax.tree.structure(other)
    for leaf, read in zip(jax.tree.leaves(stack), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(leaf, read)


@st.composite
def descriptions(draw):
    stack = draw(stacks())
    ports = stack.input_array
    if stack.receiver_array.size == ports.size and draw(st.booleans()):
        target = dft_2d(ports.columns, ports.rows)
    else:
        target = draw(arrays_of(complexes, stack.receiver_array.size, ports.size))
    return StackDescription(stack, target, draw(st.text(st.characters(codec="utf-8"), min_size=1)))


@st.composite
def designs(draw):
    stack = draw(stacks())
    matrix = (stack.receiver_array.size, stack.input_array.size)
    numbers = st.floats(allow_nan=False)
    return Design(
        stack=stack,
        target=draw(arrays_of(complexes, *matrix)),
        phases_rad=draw(arrays_of(finite, *stack.phases_shape)),
        response=draw(arrays_of(complexes, *matrix)),
        nmse_db=draw(numbers),
        insertion_loss_db=draw(numbers),
        history_db=draw(arrays_of(numbers, draw(st.integers(1, 5)))),
        outcome=draw(st.sampled_from(Outcome)),
        seconds=draw(st.floats(0, 1e6)),
        method=draw(st.sampled_from(["GradientDescent", "Levenberg-Marquardt", "größte"])),
        seed=draw(st.integers(0, 2**128)),
        start=draw(st.integers(0, 10**6)),
    )


@st.composite
def recordings(draw):
    columns, rows, snapshots_x, snapshots_y = (draw(st.integers(1, 3)) for _ in range(4))
    shape = (snapshots_x * snapshots_y, columns * rows)
    about = {
        "columns": columns,
        "rows": rows,
        "snapshots_x": snapshots_x,
        "snapshots_y": snapshots_y,
        "psi_x_rad": draw(angles_rad),
        "psi_y_rad": draw(angles_rad),
    }
    known = {name: value for name, value in about.items() if draw(st.booleans())}
    if draw(st.booleans()):
        return Recording.from_field(draw(arrays_of(complexes, *shape)), **known)
    return Recording.from_energies(draw(arrays_of(st.floats(0, 1e300), *shape)), **known)


@disk
@given(descriptions())
def test_stack_file_keeps_every_number(description):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack.toml"
        write_stack(description, path)
        read = read_stack(path)
    assert_same(description.stack, read.stack)
    np.testing.assert_array_equal(description.target, read.target)
    assert read.name == description.name


@disk
@given(stacks())
def test_stack_text_needs_no_other_file(stack):
    assert_same(stack, parse_stack(stack_text(stack)))


def test_of_two_stuck_states_the_outer_one_is_written():
    """StuckAtoms over StuckAtoms: the outermost decides, so that is what the file must say."""
    inner = StuckAtoms(QuantisedAtoms(1), np.array([[True, True]]), np.array([[1j, 2j]]))
    outer = StuckAtoms(inner, np.array([[True, False]]), np.array([[3.0 + 0j, 9.0]]))
    grid = PlanarArray(2, 1, 0.01, 0.01)
    stack = make_stack(
        input_array=grid,
        layer_array=grid,
        receiver_array=grid,
        gaps_m=[0.1, 0.1],
        frequency_hz=1e9,
        atoms=outer,
    )
    read = parse_stack(stack_text(stack)).atoms
    np.testing.assert_array_equal(read.transmission, [[3, 2j]])
    phases = jnp.zeros((1, 2))
    np.testing.assert_array_equal(read(phases), outer(phases))


@disk
@given(designs())
def test_design_file_keeps_everything(design):
    provenance = Provenance.current("metastack design stack.toml --starts 3")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "design.nc"
        write_design(design, path, provenance=provenance)
        read, made_by = read_design(path), read_provenance(path)
    assert made_by == provenance
    assert_same(design.stack, read.stack)
    for name in ("target", "phases_rad", "response", "history_db"):
        np.testing.assert_array_equal(getattr(design, name), getattr(read, name))
    for name in ("nmse_db", "insertion_loss_db", "seconds", "outcome", "method", "seed", "start"):
        assert getattr(design, name) == getattr(read, name)


@pytest.mark.parametrize("suffix", [".nc", ".npz", ".mat", ".csv"])
@disk
@given(recording=recordings())
def test_recording_keeps_everything_in_every_format(suffix, recording):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"recording{suffix}"
        write_recording(recording, path)
        read = read_recording(path)
    np.testing.assert_array_equal(recording.energies, read.energies)
    assert (recording.received is None) == (read.received is None)
    if recording.received is not None:
        np.testing.assert_array_equal(recording.received, read.received)
    assert recording.about() == read.about()


@disk
@given(hnp.arrays(complex, hnp.array_shapes(min_dims=0, max_dims=3, max_side=3)))
def test_complex_pair_keeps_every_bit(values):
    """Also NaN, infinity and the sign of zero."""
    dims = tuple(f"axis{axis}" for axis in range(values.ndim))
    variable = encode_complex(dims, values, units="1")
    assert variable.dtype == np.float64
    assert variable.dims == (*dims, "real_imag")
    assert decode_complex(variable).tobytes() == np.ascontiguousarray(values).tobytes()


@disk
@given(st.data(), st.integers(1, 16), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_codes_are_the_nearest_phases(data, bits, layers, columns, rows):
    """Read back, each phase is within half a step of what was asked; 1e3 rad round to 1e-12."""
    phases = data.draw(arrays_of(st.floats(-1e3, 1e3), layers, columns * rows))
    with tempfile.TemporaryDirectory() as folder:
        csv, npy = Path(folder) / "codes.csv", Path(folder) / "codes.npy"
        export_codes(phases, columns=columns, rows=rows, bits=bits, csv_path=csv, npy_path=npy)
        read, codes = read_codes(csv), np.load(npy)
        again = Path(folder) / "again.csv"
        export_codes(read, columns=columns, rows=rows, bits=bits, csv_path=again, npy_path=npy)
        assert again.read_text() == csv.read_text()
    step = 2 * np.pi / 2**bits
    assert np.abs(np.angle(np.exp(1j * (read - phases)))).max() <= step / 2 + 1e-12
    assert codes.shape == (layers, rows, columns)
    assert codes.dtype == (np.uint8 if bits <= 8 else np.uint16)
    np.testing.assert_array_equal(codes.reshape(layers, -1) * step, read)


def test_codes_file_says_its_order(tmp_path):
    """Two layers of 2 columns x 1 row at one bit: written out by hand."""
    csv, npy = tmp_path / "codes.csv", tmp_path / "codes.npy"
    phases = np.array([[0.1, 3.0], [-3.0, 6.2]])
    export_codes(phases, columns=2, rows=1, bits=1, csv_path=csv, npy_path=npy)
    lines = csv.read_text().splitlines()
    start = lines.index("layer,row,column,code")
    assert lines[start + 1 :] == ["1,0,0,0", "1,0,1,1", "2,0,0,1", "2,0,1,0"]
    assert "(0 = 0; 1 = 180)" in "".join(lines[:start])
    np.testing.assert_array_equal(np.load(npy), [[[0, 1]], [[1, 0]]])
