"""Stack files: what they mean, and what is said about those that mean nothing."""

from math import pi
from pathlib import Path

import jax
import numpy as np
import pytest

from metastack.atoms import MeasuredAtoms, QuantisedAtoms, StuckAtoms
from metastack.errors import InputError
from metastack.files import StackDescription, read_stack, write_stack
from metastack.stack import make_uniform_stack
from metastack.targets import dft_2d

EXAMPLES = Path(__file__).parents[2] / "examples"

STACK = """
frequency_hz = 60e9
wave_speed_m_per_s = 3e8
# above
[input]
columns = 2
rows = 2
spacing_wavelengths = 0.5
[layers]
count = 7
columns = 3
rows = 4
spacing_m = 0.0025
[receivers]
columns = 2
rows = 2
spacing_wavelengths = 0.5
[gaps]
thickness_wavelengths = 9
# below
"""


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "stack.toml"
        path.write_text(text, encoding="utf-8")
        return read_stack(path)

    return read_text


def message(read, text):
    """The one line about a bad text, with the folder taken out."""
    with pytest.raises(InputError) as caught:
        read(text)
    assert len(str(caught.value).splitlines()) == 1
    head, _, tail = str(caught.value).rpartition("(")
    return f"{head}({Path(tail).name}"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("2x2", (2, 11, 7, 9.0, 0.5)),
        ("4x4", (4, 15, 13, 12.0, 4 / 9)),
    ],
)
def test_examples_are_the_published_optima(name, arguments):
    """Exactly `make_uniform_stack` of the paper's four-tuple (DESIGN, published optimum)."""
    ports, atoms, layers, thickness, spacing = arguments
    stack = make_uniform_stack(
        ports=ports,
        atoms_per_side=atoms,
        layers=layers,
        thickness_wavelengths=thickness,
        spacing_wavelengths=spacing,
        wave_speed_m_per_s=3e8,
    )
    description = read_stack(EXAMPLES / f"stack_{name}.toml")
    for leaf, expected in zip(
        jax.tree.leaves(description.stack), jax.tree.leaves(stack), strict=True
    ):
        np.testing.assert_array_equal(leaf, expected)
    np.testing.assert_array_equal(description.target, dft_2d(ports, ports))


def test_example_with_measured_and_stuck_atoms():
    stack = read_stack(EXAMPLES / "stack_measured_atoms.toml").stack
    assert isinstance(stack.atoms, StuckAtoms)
    assert isinstance(stack.atoms.base, MeasuredAtoms)
    assert np.argwhere(stack.atoms.is_stuck).tolist() == [[1, 11], [3, 60]]
    assert stack.atoms.transmission[3, 60] == pytest.approx(0.8 * np.exp(0.75j * pi), abs=1e-15)
    assert stack.poses.rz_rad[3] == np.deg2rad(0.2)


def test_units_are_converted(read):
    """One wavelength is 5 mm here. Products of two floats: one part in 1e15."""
    text = STACK.replace(
        "[gaps]\nthickness_wavelengths = 9",
        "[model]\nelement_area_wavelengths2 = 0.5\n"
        "[[poses]]\nplane = 2\ndx_wavelengths = 0.1\nry_deg = 90\n",
    ).replace("# above", "gaps_wavelengths = [1, 2, 3, 4, 5, 6, 7, 8]")
    stack = read(text).stack
    np.testing.assert_allclose(stack.gaps_m, 5e-3 * np.arange(1, 9), rtol=1e-15)
    assert stack.model.element_area_m2 == pytest.approx(1.25e-5, rel=1e-15)
    assert stack.poses.dx_m[2] == pytest.approx(5e-4, rel=1e-15)
    assert stack.poses.ry_rad[2] == pi / 2
    assert stack.input_array.spacing_x_m == pytest.approx(2.5e-3, rel=1e-15)


def test_gaps_are_thickness_over_layers(read):
    """DESIGN: gap T/L everywhere, L + 1 of them."""
    np.testing.assert_allclose(read(STACK).stack.gaps_m, [9 * 5e-3 / 7] * 8, rtol=1e-15)


def test_target_of_the_file_is_used(read, tmp_path):
    matrix = np.arange(16).reshape(4, 4) * (1 + 2j)
    np.savez(tmp_path / "target.npz", matrix)
    description = read(STACK.replace("# below", '[target]\nfile = "target.npz"'))
    np.testing.assert_array_equal(description.target, matrix)


def test_shifted_target(read):
    target = read(STACK.replace("# below", '[target]\nkind = "dft"\nshift_y = 0.25')).target
    np.testing.assert_array_equal(target, dft_2d(2, 2, shift_y=0.25))


def test_default_name_is_that_of_the_file(read):
    assert read(STACK).name == "stack"


def test_windows_text_is_read(tmp_path):
    path = tmp_path / "stack.toml"
    path.write_bytes(b"\xef\xbb\xbf" + STACK.replace("\n", "\r\n").encode())
    assert read_stack(path).stack.layers == 7


def test_numpy_and_jax_numbers_are_written(read, tmp_path):
    stack = read(STACK.replace("# below", '[atoms]\nkind = "quantised"\nbits = 2')).stack
    assert isinstance(stack.atoms, QuantisedAtoms)
    as_arrays = jax.tree.map(np.float64, stack)
    path = tmp_path / "written.toml"
    write_stack(StackDescription(as_arrays, dft_2d(2, 2), ""), path)
    assert "[target]" not in path.read_text()
    assert read_stack(path).stack.frequency_hz == 60e9


BAD = [
    ("rows = 2", "rows = 0", "`input.rows` must be at least 1, but is 0 (stack.toml)."),
    ("rows = 2", "rows = 2.5", "`input.rows` must be a whole number, but is 2.5 (stack.toml)."),
    ("rows = 2", "rows = true", "`input.rows` must be a whole number, but is true (stack.toml)."),
    ("rows = 2", "", "`input.rows` is missing (stack.toml)."),
    (
        "rows = 2",
        "rosw = 2",
        "`input.rosw` is not a known key: did you mean `rows`? (stack.toml).",
    ),
    (
        "0.0025",
        "-0.002",
        "`layers.spacing_m` must be positive, but is -0.002 (stack.toml).",
    ),
    ("0.0025", "0", "`layers.spacing_m` must be positive, but is 0 (stack.toml)."),
    (
        "0.0025",
        "[0.1, nan]",
        "`layers.spacing_m[1]` must be finite, but is nan (stack.toml).",
    ),
    (
        "0.0025",
        "[0.1]",
        "`layers.spacing_m` must have at least 2 entries, but is [0.1] (stack.toml).",
    ),
    (
        "spacing_m = 0.0025",
        "spacing_m = 1\nspacing_wavelengths = 1",
        "`layers` must have exactly one of `spacing_m`, `spacing_wavelengths`, but has "
        "`spacing_m`, `spacing_wavelengths` (stack.toml).",
    ),
    (
        "spacing_m = 0.0025",
        "",
        "`layers` must have exactly one of `spacing_m`, `spacing_wavelengths`, but has none "
        "(stack.toml).",
    ),
    ("60e9", "inf", "`frequency_hz` must be finite, but is inf (stack.toml)."),
    ("60e9", "'60 GHz'", "`frequency_hz` must be a number, but is '60 GHz' (stack.toml)."),
    ("frequency_hz = 60e9", "", "`frequency_hz` is missing (stack.toml)."),
    (
        "count = 7",
        "count = 7\nfrequency_hz = 1",
        "`layers.frequency_hz` is not a known key: it belongs at the top of the file, above the "
        "first [section] (stack.toml).",
    ),
    (
        "thickness_wavelengths = 9",
        "",
        "`gaps` must have exactly one of `thickness_m`, `thickness_wavelengths`, but has none "
        "(stack.toml).",
    ),
    (
        "# above",
        "gaps_m = [0.1]",
        "A stack file must have exactly one of `gaps`, `gaps_m`, `gaps_wavelengths`, but has "
        "`gaps`, `gaps_m` (stack.toml).",
    ),
    (
        "# below",
        '[atoms]\nkind = "perfect"',
        "`atoms.kind` must be one of 'ideal', 'quantised', 'measured', but is 'perfect' "
        "(stack.toml).",
    ),
    (
        "# below",
        '[atoms]\nkind = "quantised"\nbit = 2',
        "`atoms.bit` is not a known key: did you mean `bits`? (stack.toml).",
    ),
    (
        "# below",
        '[atoms]\nkind = "ideal"\nstuck = [{layer = 8, atom = 0, amplitude = 0}]',
        "`atoms.stuck[0].layer` must be from 1 to 7, but is 8 (stack.toml).",
    ),
    (
        "# below",
        '[atoms]\nkind = "ideal"\nstuck = [{layer = 1, atom = 12, amplitude = 0}]',
        "`atoms.stuck[0].atom` must be from 0 to 11, but is 12 (stack.toml).",
    ),
    (
        "# below",
        "[[poses]]\nplane = 9",
        "`poses[0].plane` must be from 0 to 8, but is 9 (stack.toml).",
    ),
    (
        "# below",
        "[[poses]]\nplane = 1\ndz_m = 0.5",
        "`poses` must leave plane 2 behind plane 1, but `dz` brings it 0.493571 m in front "
        "(stack.toml).",
    ),
    (
        "# below",
        "[target]\nreal = [[1, 2]]\nimag = [[0, 0]]",
        "`target` must be a matrix of 4 receivers x 4 inputs, but is 1 x 2 (stack.toml).",
    ),
    (
        "# below",
        "[target]\nreal = [[1, 2], [3]]\nimag = [[0, 0]]",
        "`target.real` must have rows of one length, but they differ (stack.toml).",
    ),
    ("count = 7", "count = 7\ncount = 8", "The file must be TOML, but is not"),
]


@pytest.mark.parametrize(("old", "new", "said"), BAD)
def test_what_is_wrong_is_said_in_one_line(read, old, new, said):
    assert message(read, STACK.replace(old, new, 1)).startswith(said)


def test_wrong_number_of_gaps(read):
    text = STACK.replace("[gaps]\nthickness_wavelengths = 9", "")
    said = message(read, text.replace("# above", "gaps_m = [0.1, 0.1, 0.1]"))
    assert said == (
        "`gaps_m` must have one entry more than `layers.count`, 8, but has 3 (stack.toml)."
    )


def test_number_of_errors_is_said(read):
    text = STACK.replace("60e9", "-1").replace("count = 7", "count = 0")
    said = message(read, text)
    assert said == "`frequency_hz` must be positive, but is -1 (and 1 more) (stack.toml)."


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"must be a file, but does not exist\."):
        read_stack(tmp_path / "nothing.toml")


def test_folder_instead_of_a_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_stack(tmp_path)


def test_binary_file(tmp_path):
    path = tmp_path / "stack.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="must be UTF-8 text"):
        read_stack(path)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("setting_deg,amplitude\n0,1\n", "`phase_deg` is missing"),
        ("setting_deg,amplitude,phase_deg\n0,1,x\n", "`phase_deg` must be a number, but is 'x'"),
        ("setting_deg,amplitude,phase_deg\n0,1,0\n180,1\n", "`phase_deg` must be a number"),
        ("setting_deg,amplitude,phase_deg\n0,1,0\n180,-1,0\n", "must not be negative"),
        ("setting_deg,amplitude,phase_deg\n0,1,nan\n180,1,0\n", "must be finite"),
        ("", "`setting_deg` is missing"),
    ],
)
def test_bad_table_of_atoms(read, tmp_path, table, said):
    (tmp_path / "atoms.csv").write_text(table)
    text = STACK.replace("# below", '[atoms]\nkind = "measured"\ntable = "atoms.csv"')
    with pytest.raises(InputError, match=r"atoms\.csv") as caught:
        read(text)
    assert said in str(caught.value)
