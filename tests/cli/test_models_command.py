"""`metastack models compare`, as a user types it."""

import numpy as np
import pytest
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.cli.main import run
from metastack.files import StackDescription


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Three hops of λ/2 gaps: nearer than the near field and radar hold for."""
    path = tmp_path_factory.mktemp("models") / "stack.toml"
    near = ms.make_uniform_stack(
        ports=2, atoms_per_side=3, layers=2, thickness_wavelengths=1, spacing_wavelengths=0.5
    )
    ms.write_stack(StackDescription(near, ms.dft_2d(2, 2), "near"), path)
    return path


def test_every_model_is_compared_on_every_kind_of_hop(capsys, stack, tmp_path):
    figure = tmp_path / "models.png"
    answer = answer_of(capsys, "models", "compare", stack, "--figure", figure)
    assert answer["own_model"] == "rayleigh_sommerfeld"
    assert [row["hop"] for row in answer["hops"]] == ["0-1", "1-2", "2-3"]
    assert all(row["gap_wavelengths"] == pytest.approx(0.5) for row in answer["hops"])
    assert len(answer["models"]) == 12
    for row in answer["models"]:
        is_own = row["model"] == "rayleigh_sommerfeld"
        assert (row["difference_db"] is None) == is_own
        assert row["in_range"] == (is_own or row["model"] == "dipoles")
        assert row["passive"] == (row["largest_gain"] <= 1)
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_people_read_a_table_and_are_warned(capsys, stack):
    """A line for each model and trouble, with hops, what is seen, and the limit."""
    assert run(["models", "compare", str(stack)]) == 0
    printed = capsys.readouterr()
    assert "hop  model                difference" in printed.out
    warned = printed.err.splitlines()
    assert (
        "metastack: warning: radar does not hold on hops 0-1, 1-2, 2-3: the gap is 0.5 λ, below "
        "1 λ, and it needs the far field of an element, 2D²/λ."
    ) in warned
    created = [line for line in warned if "radar creates power on hop" in line]
    assert len(created) == 1
    assert created[0].endswith("above 1 no device is passive.")


def test_a_picture_that_could_not_be_written_is_refused_first(capsys, stack):
    said = refusal_of(capsys, "models", "compare", stack, "--figure", "x.bmp")
    assert "must end in .png or .svg or .pdf" in said


def pilots_of(stack, path):
    """Of the stack itself, in engineers' time."""
    device = ms.read_stack(stack).stack
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (6, *device.phases_shape))
    response = np.conj(np.asarray(ms.response(device, phases)))
    np.savez(path, phases_rad=-phases, response=response)
    return path


def test_products_need_pilots_to_be_judged_by(capsys, stack, tmp_path):
    pilots = pilots_of(stack, tmp_path / "pilots.npz")
    said = refusal_of(capsys, "models", "fit", stack, pilots, "--shown", "6")
    assert "`shown` must be from 1 to 5, but is 6" in said


@pytest.mark.slow
def test_products_are_fitted_to_pilots_of_a_device(capsys, stack, tmp_path):
    """A stack's own model explains its pilots, held out too, and every model has a row."""
    pilots = pilots_of(stack, tmp_path / "pilots.npz")
    answer = answer_of(capsys, "models", "fit", stack, pilots, "--shown", "4", "--starts", "1")
    fits = {row["model"]: row for row in answer["products"]}
    assert list(fits) == [
        *("rayleigh_sommerfeld", "radar", "near_field", "dipoles"),
        "any product",
    ]
    assert fits["rayleigh_sommerfeld"]["held_out_nmse_db"] < -100
    assert fits["radar"]["held_out_nmse_db"] > -30
