"""`metastack calibrate stages` as a user types it."""

import pytest
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.files import StackDescription

USER = ("--near", "30,20,30", "--past-input")


@pytest.fixture
def stack_file(tmp_path):
    path = tmp_path / "stack.toml"
    stack = ms.make_uniform_stack(
        ports=2, atoms_per_side=3, layers=2, thickness_wavelengths=1, spacing_wavelengths=0.5
    )
    ms.write_stack(StackDescription(stack, ms.dft_2d(2, 2), "small"), path)
    return path


@pytest.mark.slow
def test_every_way_is_told_stage_by_stage(capsys, stack_file):
    answer = answer_of(
        capsys, "calibrate", "stages", stack_file, "--stages", "2", "--slots", "25", "--stacks",
        "1", "--method", "gauss-newton", *USER,
    )  # fmt: skip
    rows = [(row["way"], row["stage"], row["pilots"]) for row in answer["stages"]]
    staged, at_once = [(0, 0), (1, 12), (2, 25)], [(0, 0), (1, 25)]
    assert rows == [
        *(("entries, own slots", *each) for each in staged),
        *(("entries, all so far", *each) for each in staged),
        *(("entries, at once", *each) for each in at_once),
        *(("poses, in stages", *each) for each in staged),
        *(("poses, at once", *each) for each in at_once),
    ]
    starts = {row["matrices_db"] for row in answer["stages"] if row["stage"] == 0}
    assert max(starts) - min(starts) < 1e-6


def test_fewer_slots_than_stages_are_refused(capsys, stack_file):
    message = refusal_of(
        capsys, "calibrate", "stages", stack_file, "--slots", "5", "--stacks", "1", *USER
    )
    assert "`stages` must be from 1 to the number of slots, 5, but are 10" in message
