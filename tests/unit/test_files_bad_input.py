"""Damaged, foreign and mistaken files: one line that says so, and never a half-written one."""

import pickle
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings, strategies as st

from metastack.design.solution import Design, Outcome
from metastack.errors import InputError
from metastack.files import (
    FileKind,
    Provenance,
    Recording,
    check_recording,
    export_codes,
    identify,
    read_codes,
    read_design,
    read_recording,
    read_response,
    replacing,
    write_design,
    write_recording,
)
from metastack.stack import make_uniform_stack

EXAMPLES = Path(__file__).parents[2] / "examples"
RESPONSE = np.array([[1 + 1j, 2], [3, 4j], [5, 6]])


def refused(function, *arguments, **named):
    """The one line with which a call is refused."""
    with pytest.raises(InputError) as caught:
        function(*arguments, **named)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.fixture(scope="module")
def design():
    stack = make_uniform_stack(
        ports=1, atoms_per_side=2, layers=1, thickness_wavelengths=2.0, spacing_wavelengths=0.5
    )
    one = np.ones((1, 1), complex)
    history = np.array([0.0, -np.inf])
    return Design(
        one, np.ones((1, 4)), one, -3.0, 2.0, history, Outcome.STALLED, 0.1, "x", 1, 0, stack
    )


@pytest.fixture(scope="module")
def design_path(design, tmp_path_factory):
    path = tmp_path_factory.mktemp("designs") / "design.nc"
    write_design(design, path, provenance=Provenance.current("test"))
    return path


# --- atomic writing


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(failure):
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise failure

    for failure in (ValueError, KeyboardInterrupt):
        with pytest.raises(failure):
            fail(failure)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_replaces_the_file_and_nothing_stays(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path.resolve()
        assert temporary.suffix == ".txt"
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_impossible_place_is_said(design, tmp_path):
    path = tmp_path / "nowhere" / "design.nc"
    assert "cannot be written" in refused(
        write_design, design, path, provenance=Provenance.current("test")
    )


# --- design files


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.9, 0.999])
def test_truncated_design(design_path, tmp_path, share):
    raw = design_path.read_bytes()
    path = tmp_path / "cut.nc"
    path.write_bytes(raw[: int(share * len(raw))])
    assert "truncated, damaged or another kind" in refused(read_design, path)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(data=st.data())
def test_damaged_design_is_read_or_refused(design_path, data):
    """Any one byte may be wrong: a design, or one line; never another error."""
    raw = bytearray(design_path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = design_path.with_name("damaged.nc")
    path.write_bytes(bytes(raw))
    said = None
    try:
        read_design(path)
    except InputError as error:
        said = str(error)
    assert said is None or len(said.splitlines()) == 1


def test_foreign_files_are_no_designs(tmp_path):
    text = tmp_path / "text.nc"
    text.write_text("not netCDF")
    assert "must be a whole netCDF file" in refused(read_design, text)
    hdf5 = tmp_path / "foreign.nc"
    with h5py.File(hdf5, "w") as file:
        file["data"] = np.arange(3)
    assert "must be a design of metastack, but" in refused(read_design, hdf5)
    assert "does not exist" in refused(read_design, tmp_path / "nothing.nc")


def test_recording_is_no_design(tmp_path):
    path = tmp_path / "recording.nc"
    write_recording(Recording.from_energies(np.ones((2, 2))), path)
    assert "must be a design of metastack, but its `metastack_kind` is 'recording'" in refused(
        read_design, path
    )
    assert identify(path) is FileKind.RECORDING


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file.__delitem__("phases_rad"), "must hold `phases_rad`, but does not"),
        (lambda file: file.attrs.__delitem__("stack_toml"), "must have the attribute `stack_toml`"),
        (lambda file: file.attrs.__setitem__("outcome", "FINE"), "`outcome` must be one of"),
        (lambda file: file.attrs.__setitem__("format_version", 99), "`format_version` must be 1"),
        (lambda file: file.attrs.__setitem__("seed", "many"), "truncated, damaged or another"),
        (
            lambda file: file.attrs.__setitem__("stack_toml", "frequency_hz = 'x'"),
            "its attribute stack_toml",
        ),
        (lambda file: file["phases_rad"].__setitem__(..., np.nan), "must be finite"),
    ],
)
def test_incomplete_design(design_path, tmp_path, change, said):
    path = tmp_path / "changed.nc"
    path.write_bytes(design_path.read_bytes())
    with h5py.File(path, "a") as file:
        change(file)
    assert said in refused(read_design, path)


def test_design_that_does_not_fit_its_stack(design, tmp_path):
    wrong = Design(**{**vars(design), "phases_rad": np.ones((2, 4))})
    path = tmp_path / "wrong.nc"
    write_design(wrong, path, provenance=Provenance.current("test"))
    assert "`phases_rad` must have the shape of the stack, (1, 4), but has (2, 4)" in refused(
        read_design, path
    )


# --- responses


@pytest.mark.parametrize("suffix", [".mat", ".npz", ".npy"])
def test_response_is_read(tmp_path, suffix):
    path = tmp_path / f"response{suffix}"
    save = {
        ".mat": lambda: scipy.io.savemat(path, {"G": RESPONSE, "ports": 3}),
        ".npz": lambda: np.savez(path, G=RESPONSE, note="measured on Monday"),
        ".npy": lambda: np.save(path, RESPONSE),
    }
    save[suffix]()
    np.testing.assert_array_equal(read_response(path), RESPONSE)
    assert identify(path) is FileKind.MATRIX


def test_response_of_a_design(design, design_path):
    np.testing.assert_array_equal(read_response(design_path), design.response)


def test_real_matlab_array_becomes_complex(tmp_path):
    path = tmp_path / "real.mat"
    scipy.io.savemat(path, {"G": np.array([[1, 2], [3, 4]], np.int16)})
    assert read_response(path).dtype == np.complex128


def test_several_matrices_are_named(tmp_path):
    path = tmp_path / "two.mat"
    scipy.io.savemat(path, {"G": RESPONSE, "H": RESPONSE + 1})
    assert "exactly one matrix, but holds `G`, `H`" in refused(read_response, path)
    np.testing.assert_array_equal(read_response(path, "H"), RESPONSE + 1)
    assert "`K` must be in the file, but there are `G`, `H`" in refused(read_response, path, "K")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (np.array([[1, "a"]], object), "cell"),
        ({"field": 1.0}, "struct"),
        ("text", "char"),
    ],
)
def test_matlab_objects_are_refused(tmp_path, value, kind):
    path = tmp_path / "objects.mat"
    scipy.io.savemat(path, {"G": value})
    assert f"holds `G` ({kind})" in refused(read_response, path)


def test_matlab_7_3_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "new.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["G"] = np.ones((2, 2))
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(header + path.read_bytes()[len(header) :])
    assert "must be saved with `-v7` in MATLAB" in refused(read_response, path)


class Trap:
    """Says so if anybody unpickles it."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_pickles_stay_closed(tmp_path, suffix):
    path = tmp_path / f"pickled{suffix}"
    objects = np.array([[Trap()]], object)
    (np.savez if suffix == ".npz" else np.save)(path, objects)
    assert "cannot be read" in refused(read_response, path)
    path.write_bytes(pickle.dumps(Trap()))
    assert "cannot be read" in refused(read_response, path)


@pytest.mark.parametrize("suffix", [".mat", ".npz", ".npy", ".nc"])
@pytest.mark.parametrize("content", [b"", b"\0" * 200, b"MATLAB 5.0 MAT-file", b"PK\x03\x04junk"])
def test_rubbish_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"rubbish{suffix}"
    path.write_bytes(content)
    refused(read_response, path)
    refused(identify, path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_response_must_be_finite(tmp_path, value):
    path = tmp_path / "nan.npy"
    np.save(path, np.array([[1, value]]))
    assert "must be finite" in refused(read_response, path)


def test_unknown_suffix(tmp_path):
    path = tmp_path / "response.xlsx"
    assert "must end in .mat, .npz, .npy, but ends in '.xlsx'" in refused(read_response, path)
    assert "must end in .toml" in refused(identify, path)
    assert "must end in .nc" in refused(read_recording, path)


# --- recordings


def test_recording_of_the_wrong_size():
    recording = Recording.from_energies(np.ones((6, 4)))
    check_recording(recording, probes=4, snapshots=6)
    check_recording(recording, probes=4)
    assert "must have 9 probes, but has 4" in refused(check_recording, recording, probes=9)
    assert "must have 8 snapshots, but has 6" in refused(
        check_recording, recording, probes=4, snapshots=8
    )


@pytest.mark.parametrize(
    ("energies", "about", "said"),
    [
        ([[1, -2]], {}, "must not be negative, but one is -2"),
        ([[1, np.nan]], {}, "must be finite"),
        ([1, 2], {}, "must be a matrix"),
        ([[1, 2]], {"columns": 2, "rows": 2}, "must have 2 x 2 probes, but has 2"),
        ([[1, 2]], {"snapshots_x": 3, "snapshots_y": 1}, "must have 3 x 1 snapshots, but has 1"),
        ([[1, 2]], {"columns": 1.5}, "`columns` must be a whole number"),
        ([[1, 2]], {"psi_x_rad": np.inf}, "`psi_x_rad` must be finite"),
    ],
)
def test_impossible_recordings(tmp_path, energies, about, said):
    assert said in refused(Recording.from_energies, np.array(energies), **about)
    path = tmp_path / "recording.npz"
    np.savez(path, energies=energies, **about)
    assert "recording.npz" in refused(read_recording, path)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"power": np.ones((2, 2))}, "must hold `received` or `energies`, but holds `power`"),
        ({"received": np.ones((2, 2)), "energies": np.ones((2, 2))}, "`received`, `energies`"),
        ({"energies": np.ones((2, 2), complex)}, "`energies` must be real"),
        ({"energies": np.ones((2, 2)), "rows": np.ones(2)}, "`rows` must be one real number"),
    ],
)
def test_arrays_that_are_no_recording(tmp_path, arrays, said):
    path = tmp_path / "arrays.mat"
    scipy.io.savemat(path, arrays)
    assert said in refused(read_recording, path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one snapshot"),
        ("energy0,energy1\n", "at least one snapshot"),
        ("1,2\n3\n", "Snapshot 2 must have 2 values, but has 1"),
        ("1,2\n3,x\n", "must hold numbers, but holds 'x'"),
        ("re0,im0,re1,im1\n1,2\n", "must have the 4 columns of its header, but has 2"),
        ("# rows = two\n1,2\n", "must hold numbers, but holds 'two'"),
        ("1,inf\n", "must be finite"),
    ],
)
def test_text_that_is_no_recording(tmp_path, text, said):
    path = tmp_path / "recording.csv"
    path.write_text(text)
    assert said in refused(read_recording, path)


def test_text_of_complex_fields_is_told_by_its_header(tmp_path):
    path = tmp_path / "recording.csv"
    path.write_text("# from the bench\nRe0, Im0, Re1, Im1\n1,2,3,4\n")
    np.testing.assert_array_equal(read_recording(path).received, [[1 + 2j, 3 + 4j]])
    path.write_text("1,2,3,4\n")
    np.testing.assert_array_equal(read_recording(path).energies, [[1, 2, 3, 4]])
    assert identify(path) is FileKind.RECORDING


# --- codes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("layer,row,column,code\n1,0,0,0\n", "`bits` must be a whole number"),
        ("# bits = 2\nlayer,row\n", "The header must be layer,row,column,code"),
        ("# bits = 2\n", "The header must be"),
        ("# bits = 2\nlayer,row,column,code\n", "must have at least one atom"),
        ("# bits = 2\nlayer,row,column,code\n1,0,0,4\n", "`code` must be from 0 to 3, but is 4"),
        ("# bits = 2\nlayer,row,column,code\n1,0,0\n", "must have 4 numbers"),
        ("# bits = 2\nlayer,row,column,code\n1,0,1,0\n", "must have 1 x 1 x 2 atoms, but has 1"),
        ("# bits = 2\nlayer,row,column,code\n1,0,0,0\n1,0,0,0\n2,0,0,0\n", "2 x 1 x 1 atoms"),
        ("# bits = 2\nlayer,row,column,code\n1,0,0,0\n1,1,0,0\n1,0,1,0\n1,1,1,0\n", "in order"),
    ],
)
def test_tables_that_are_no_codes(tmp_path, text, said):
    path = tmp_path / "codes.csv"
    path.write_text(text)
    assert said in refused(read_codes, path)


@pytest.mark.parametrize(
    ("phases", "bits", "said"),
    [
        (np.zeros((1, 3)), 2, "must be layers x 4"),
        (np.full((1, 4), np.nan), 2, "must be finite"),
        (np.zeros((1, 4)), 0, "`bits` must be from 1 to 16, but is 0"),
    ],
)
def test_phases_that_have_no_codes(tmp_path, phases, bits, said):
    csv, npy = tmp_path / "codes.csv", tmp_path / "codes.npy"
    assert said in refused(
        export_codes, phases, columns=2, rows=2, bits=bits, csv_path=csv, npy_path=npy
    )
    assert not list(tmp_path.iterdir())


# --- kinds


def test_kinds_are_told_apart(design_path, tmp_path):
    assert identify(EXAMPLES / "stack_2x2.toml") is FileKind.STACK
    assert identify(EXAMPLES / "atoms_varactor.csv") is FileKind.ATOM_TABLE
    assert identify(design_path) is FileKind.DESIGN
    csv = tmp_path / "codes.csv"
    export_codes(
        np.zeros((1, 1)), columns=1, rows=1, bits=1, csv_path=csv, npy_path=tmp_path / "codes.npy"
    )
    assert identify(csv) is FileKind.CODES
    with h5py.File(tmp_path / "foreign.nc", "w"):
        pass
    assert "but is None" in refused(identify, tmp_path / "foreign.nc")


def test_importing_the_package_imports_nothing_heavy():
    """DESIGN: `metastack --help` answers in a fifth of a second."""
    heavy = "jax xarray scipy h5py pydantic numpy"
    script = (
        "import sys, metastack.files, metastack.files.kinds\n"
        f"sys.exit(' '.join(m for m in '{heavy}'.split() if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr.strip() == ""
