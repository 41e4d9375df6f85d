"""Interlayer models in stack files: what they mean, that they come back, what is refused."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from test_stack_file import STACK, message, read

from metastack.errors import InputError
from metastack.files import StackDescription, parse_stack, read_stack, stack_text, write_stack
from metastack.multiport import WireDipoles
from metastack.propagation import (
    GeometricRadar,
    MeasuredHops,
    NearField,
    RayleighSommerfeld,
)

__all__ = ["read"]  # a fixture

CELL_M2 = 0.0025**2  # a quarter of a square wavelength


def with_model(lines, text=STACK):
    return text.replace("# below", f"[model]\n{lines}")


@pytest.mark.parametrize(
    ("lines", "model"),
    [
        ("", RayleighSommerfeld(CELL_M2)),
        ('kind = "radar"', GeometricRadar(np.pi / 2 - 1)),
        ('kind = "radar"\nexponent = 2\ngain_db = -3', GeometricRadar(2.0, 10**-0.3)),
        ('kind = "radar"\nexponent = 0.5\ngain = 0.25', GeometricRadar(0.5, 0.25)),
        ('kind = "near_field"', NearField(CELL_M2)),
        (
            'kind = "near_field"\nelement_area_wavelengths2 = 0.5\ngain = 0.5',
            NearField(1.25e-5, 0.5),
        ),
        ('kind = "dipoles"', WireDipoles(0.0023, 5e-6)),
        (
            'kind = "dipoles"\nlength_wavelengths = 0.25\nradius_m = 1e-5',
            WireDipoles(0.00125, 1e-5),
        ),
    ],
)
def test_models_are_read_and_written(read, tmp_path, lines, model):
    """One wavelength is 5 mm; a radar of λ/2 cells has G = π on axis. Written, it is the same."""
    found = read(with_model(lines)).stack
    assert type(found.model) is type(model)
    np.testing.assert_allclose(jax.tree.leaves(found.model), jax.tree.leaves(model), rtol=1e-14)
    write_stack(StackDescription(found, np.eye(4) + 0j, "x"), tmp_path / "again.toml")
    again = read_stack(tmp_path / "again.toml").stack
    assert jax.tree.leaves(again.model) == jax.tree.leaves(found.model)


SMALL = STACK.replace("count = 7", "count = 2")
MEASURED = """kind = "measured"
first = {file = "first.npz"}
between = {file = "between.npz"}
last = {file = "last.npz"}
"""


@pytest.fixture
def matrices(tmp_path):
    """Into, between and out of layers of 12 atoms, 4 ports on both sides."""
    generator = np.random.default_rng(0)
    shapes = {"first": (12, 4), "between": (12, 12), "last": (4, 12)}
    made = {name: generator.normal(size=(*shape, 2)) @ [1, 1j] for name, shape in shapes.items()}
    for name, matrix in made.items():
        np.savez(tmp_path / f"{name}.npz", matrix)
    return made


def test_measured_matrices_are_read_and_written_out(read, tmp_path, matrices):
    """To the last bit, and without the files beside it."""
    stack = read(with_model(MEASURED, SMALL)).stack
    assert isinstance(stack.model, MeasuredHops)
    for hop, matrix in zip(stack.model.hops, matrices.values(), strict=True):
        np.testing.assert_array_equal(hop.matrix, matrix)
    again = parse_stack(stack_text(stack)).model
    for hop, matrix in zip(again.hops, matrices.values(), strict=True):
        np.testing.assert_array_equal(hop.matrix, matrix)


def test_one_layer_has_no_hop_between(read, matrices):
    text = STACK.replace("count = 7", "count = 1")
    lines = "\n".join(line for line in MEASURED.splitlines() if "between" not in line)
    stack = read(with_model(lines, text)).stack
    assert len(stack.model.hops) == 2
    assert len(parse_stack(stack_text(stack)).model.hops) == 2
    assert message(read, with_model(MEASURED, text)) == (
        "`model.between` must be given for more than one layer, and only then, but is for 1 "
        "(stack.toml)."
    )


def test_a_stack_that_moved_since_it_was_measured_is_not_written(read, matrices, tmp_path):
    stack = read(with_model(MEASURED, SMALL)).stack
    moved = replace(stack, poses=replace(stack.poses, dx_m=np.array([0, 0, 1e-5, 0])))
    with pytest.raises(InputError, match="planes 1 and 2 stand otherwise; mind gaps and poses"):
        stack_text(moved)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('kind = "rader"', "`model.kind` must be one of 'rayleigh_sommerfeld', 'radar', "),
        ("kind = 3", "`model.kind` must be one of"),
        ("exponent = 2", "`model.exponent` is not a known key: "),
        ('kind = "radar"\nexponent = -1', "`model.exponent` must be at least 0, but is -1"),
        ('kind = "radar"\nexponent = 1e4', "`model.exponent` must be at most 1000, but is 10000.0"),
        ('kind = "radar"\nelement_area_m2 = 1', "`model.element_area_m2` is not a known key"),
        ('kind = "radar"\ngain = 0', "`model.gain` must be positive, but is 0"),
        (
            'kind = "radar"\ngain = 1\ngain_db = 0',
            "`model` must have at most one of `gain`, `gain_db`, but has",
        ),
        ('kind = "near_field"\ngain_db = 900', "`model.gain_db` must be at most 200, but is 900"),
        ('kind = "near_field"\nelement_area_m2 = -1', "`model.element_area_m2` must be positive"),
        ('kind = "measured"', "`model.first` is missing"),
        (
            MEASURED.replace("{file", "{real = [[1]], file"),
            "`model.first` must have exactly one of `file`, `real`",
        ),
        (MEASURED.replace("first.npz", "none.npz"), "/none.npz` must be a file, but does not"),
        (
            MEASURED.replace("first.npz", "last.npz"),
            "`model.first` does not fit. A measured matrix must be 12 x 4 here, elements that the "
            "wave reaches x those that it leaves, but is 4 x 12",
        ),
        (
            MEASURED.replace('{file = "first.npz"}', "{real = [[1], [1, 2]], imag = [[1]]}"),
            "`model.first.real` must have rows of one length, but they differ",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(read, matrices, lines, said):
    assert said in message(read, with_model(lines, SMALL))


def test_matrices_may_be_of_planes_out_of_place(read, matrices):
    """They are of the planes as the file has them, poses included."""
    stack = read(with_model(MEASURED + "[[poses]]\nplane = 2\ndx_m = 1e-4", SMALL)).stack
    again = parse_stack(stack_text(stack))
    np.testing.assert_array_equal(again.model.hops[1].matrix, matrices["between"])


def test_one_matrix_cannot_stand_for_unequal_gaps(read, matrices):
    text = STACK.replace("count = 7", "count = 3").replace("thickness_wavelengths = 9", "")
    text = text.replace("[gaps]\n", "").replace("# above", "gaps_wavelengths = [1, 1, 2, 1]")
    assert message(read, with_model(MEASURED, text)) == (
        "`model` must have measured every hop, and one matrix can only stand for hops that are "
        "alike, but planes 2 and 3 stand otherwise; mind gaps and poses (stack.toml)."
    )


def test_a_radar_of_huge_cells_needs_its_exponent(read):
    text = STACK.replace("spacing_m = 0.0025", "spacing_m = 1.0")
    assert "write it out" in message(read, with_model('kind = "radar"', text))
