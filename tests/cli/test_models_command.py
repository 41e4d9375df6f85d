"""`metastack models compare`, as a user types it."""

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
