"""`metastack design-robust` as a user types it."""

import pytest
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.files import StackDescription


@pytest.fixture(scope="module")
def stack_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("stack") / "stack.toml"
    stack = ms.make_uniform_stack(
        ports=2, atoms_per_side=4, layers=3, thickness_wavelengths=4, spacing_wavelengths=0.5
    )
    ms.write_stack(StackDescription(stack, ms.dft_2d(2, 2), "small"), path)
    return path


@pytest.mark.slow
def test_a_robust_design_is_a_design_file_like_any_other(capsys, tmp_path, stack_file):
    """It reads back, says what to expect of a built stack, and goes on from another design with a
    lower expected error."""
    first, out = tmp_path / "design.nc", tmp_path / "robust.nc"
    answer_of(capsys, "design", stack_file, "-o", first)
    few = ("--samples", "8", "--iterations", "8", "--stacks", "40", "--dy-wavelengths", ".05")
    answer = answer_of(capsys, "design-robust", stack_file, "-o", out, *few, "--resume", first)
    assert answer["expected_nmse_db"] < answer["expected_nmse_before_db"]
    assert answer["expected_nmse_db"] < answer["nmse_of_90_percent_db"]
    assert ms.read_design(out).nmse_db == pytest.approx(answer["nmse_db"])
    assert answer_of(capsys, "show", out)["nmse_db"] == pytest.approx(answer["nmse_db"])


def test_atoms_that_round_are_refused(capsys, tmp_path, stack_file):
    text = stack_file.read_text().replace('kind = "ideal"', 'kind = "quantised"\nbits = 2')
    rounding, out = tmp_path / "two_bits.toml", tmp_path / "robust.nc"
    rounding.write_text(text)
    assert "follows a gradient" in refusal_of(capsys, "design-robust", rounding, "-o", out)
    assert not out.exists()
