"""`metastack system cost` as a user types it, on a stack that is quick to compute."""

import numpy as np
import pytest
import xarray as xr
from test_commands import answer_of, refusal_of

from metastack.files.dataset_file import load_dataset

STACK = """
frequency_hz = 28e9
[input]
columns = 2
rows = 2
spacing_wavelengths = 0.5
[layers]
count = 2
columns = 3
rows = 3
spacing_wavelengths = 0.5
[receivers]
columns = 2
rows = 2
spacing_wavelengths = 0.5
[gaps]
thickness_wavelengths = 2
"""
QUICK = ("--tolerances", "0,5", "--stacks", 2, "--pilots", 30, "--users", 2, "--channels", 1)


@pytest.fixture(scope="module")
def stack_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("cost") / "stack.toml"
    path.write_text(STACK)
    return path


def cost(stack_file, *options):
    return "system", "cost", "downlink", stack_file, *QUICK, "--runs", stack_file.parent, *options


def test_every_tolerance_has_its_row_its_data_and_its_picture(capsys, tmp_path, stack_file):
    """The table is the mean of what is written; the perfect stack is the same at every tolerance.
    A second call computes nothing and says the same."""
    out, picture = tmp_path / "cost.nc", tmp_path / "cost.png"
    command = cost(stack_file, "--starts", 1, "-o", out, "--figure", picture)
    answer = answer_of(capsys, *command)
    none, some = answer["tolerances"]
    assert (none["tolerance_percent"], some["tolerance_percent"]) == (0, 5)
    assert none["built"] == none["perfect"] == some["perfect"]
    assert none["won_back_percent"] is None
    assert some["built"] < some["calibrated"]
    data = load_dataset(out, kind="study results")
    assert isinstance(data, xr.Dataset)
    for way in ("perfect", "built", "calibrated", "known"):
        means = [row[way] for row in answer["tolerances"]]
        assert np.allclose(data[way].mean("draw"), means, rtol=1e-12)
    assert data.attrs["unit"] == answer["unit"] == "bit/s/Hz"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert answer_of(capsys, *command) == answer


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tolerances", "-1"), "must be finite and not negative"),
        (("--tolerances", "much"), "--tolerances"),
        (("--power-dbm", "-200"), "-200"),
        (("--figure", "cost.txt"), "must end in"),
    ],
)
def test_what_cannot_be_used_is_one_line(capsys, stack_file, options, said):
    assert said in refusal_of(capsys, *cost(stack_file), *options)


def test_a_classifier_that_is_not_there_is_one_line(capsys, tmp_path):
    said = refusal_of(capsys, "system", "cost", "classify", tmp_path / "none.nc")
    assert "none.nc" in said


def test_more_users_than_antennas_are_refused(capsys, stack_file):
    said = refusal_of(capsys, *cost(stack_file, "--users", 5))
    assert "antenna" in said
