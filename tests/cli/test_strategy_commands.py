"""Prepared strategies and their comparison, as a user types them."""

import numpy as np
import pytest
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.calibration import Expected
from metastack.cli.main import run
from metastack.cli.strategies import strategies_named
from metastack.errors import InputError
from metastack.files import StackDescription

TOLERANCES = ("--dy-wavelengths", ".02", "--dz-wavelengths", "0", "--rz-deg", "0")
USER = ("--far", "20,35")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A small stack as drawn and as built, pilots of the built one, and what is prepared."""
    folder = tmp_path_factory.mktemp("strategies")
    stack = ms.make_uniform_stack(
        ports=2, atoms_per_side=3, layers=2, thickness_wavelengths=2, spacing_wavelengths=0.5
    )
    ms.write_stack(StackDescription(stack, ms.dft_2d(2, 2), "small"), folder / "stack.toml")
    given = (str(folder / "stack.toml"), str(folder / "plan.nc"), "-o")
    lines = [
        ("calibrate", "plan", given[0], "-o", given[1], "--random", "--slots", "24", "--snr-db",
         "30", *USER, *TOLERANCES),
        ("simulate", "built", given[0], "-o", str(folder / "built.toml"), *TOLERANCES, "--seed",
         "5"),
        ("simulate", "pilots", str(folder / "built.toml"), "-o", str(folder / "pilots.nc"),
         "--plan", given[1], "--snr-db", "30"),
        ("codebook", "build", *given, str(folder / "book.npz"), *TOLERANCES),
        ("learn", "linear", *given, str(folder / "linear.npz"), *TOLERANCES, "--stacks", "64"),
    ]  # fmt: skip
    for line in lines:
        assert run(line) == 0
    return folder


@pytest.mark.parametrize("name", ["book.npz", "linear.npz"])
def test_a_prepared_strategy_calibrates(capsys, tmp_path, bench, name):
    """As near to the built stack as the deviations that it prints; the noise explained."""
    out = tmp_path / "cal.toml"
    line = ("calibrate", bench / "stack.toml", bench / "pilots.nc", "-o", out, *TOLERANCES)
    answer = answer_of(capsys, *line, "--strategy", bench / name, "--truth", bench / "built.toml")
    built, found = (ms.read_stack(path).stack for path in (bench / "built.toml", out))
    error = (found.poses.dy_m - built.poses.dy_m)[1:-1] / built.wavelength_m
    deviations = [row["dy_deviation_wavelengths"] for row in answer["planes"]]
    assert np.all(np.abs(error) < 5 * np.array(deviations))
    assert answer["residual_explained"]


@pytest.mark.slow
def test_strategies_are_compared_on_the_same_stacks(capsys, tmp_path, bench):
    """The prepared ones under the names of their files; memory from 1 MiB to 2 GiB each."""
    figure = tmp_path / "compared.png"
    line = ("calibrate", "compare", bench / "stack.toml", "geometric", bench / "book.npz")
    more = (bench / "linear.npz", "--plan", bench / "plan.nc", "--stacks", "3", "--figure", figure)
    answer = answer_of(capsys, *line, *more, "--snr-db", "30", *TOLERANCES)
    rows = {row["strategy"]: row for row in answer["strategies"]}
    assert list(rows) == ["as designed", "geometric", "book.npz", "linear.npz"]
    for name in ("geometric", "book.npz", "linear.npz"):
        assert rows[name]["held_out_db"] < rows["as designed"]["held_out_db"] - 5
        assert rows[name]["seconds"] > 0
        assert 1 < rows[name]["peak_memory_mib"] < 2048
    assert answer["take"] in ("geometric", "book.npz", "linear.npz")
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_none_is_taken_that_is_no_better_than_the_stack_as_designed(capsys, bench):
    """At -20 dB free entries fit noise."""
    line = ("calibrate", "compare", bench / "stack.toml", "entries", "--snr-db", "-20", *USER)
    answer = answer_of(capsys, *line, "--slots", "24", "--stacks", "4", *TOLERANCES)
    assert answer["take"] == "as designed"
    assert "No strategy comes nearer" in answer["because"]


def test_two_files_of_one_kind_are_two_strategies(tmp_path, bench):
    """Told apart by their names, and where these are alike by their folders; none twice."""
    other = tmp_path / "book.npz"
    other.write_bytes((bench / "book.npz").read_bytes())
    expected = Expected(ms.Pose(dy_m=1e-4))
    named = strategies_named(["geometric", str(bench / "linear.npz"), str(other)], expected)
    assert [each.name for each in named] == ["geometric", "linear.npz", "book.npz"]
    both = [str(bench / "book.npz"), str(other)]
    assert [each.name for each in strategies_named(both, expected)] == both
    with pytest.raises(InputError, match="`geometric` is given twice"):
        strategies_named(["geometric", "geometric"], expected)


def test_a_codebook_costs_no_more_than_it_is_allowed(capsys, tmp_path, bench):
    """Its file keeps that, and what comes of a search that it cuts short says so."""
    book, out = tmp_path / "few.npz", tmp_path / "cal.toml"
    build = ("codebook", "build", bench / "stack.toml", bench / "plan.nc", "-o", book, *TOLERANCES)
    costs = answer_of(capsys, *build, "--candidates", "4")["costs"]
    assert [row["candidates"] for row in costs] == [4, 4, 4]
    assert all(row["cut_short"] for row in costs)
    line = ("calibrate", bench / "stack.toml", bench / "pilots.nc", "-o", out, "--strategy", book)
    assert "were used up before" in answer_of(capsys, *line)["outcome"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategy", "magic"], "A strategy must be `geometric`, `entries`, or a file"),
        (["--strategy", "missing.npz"], "does not exist"),
        (["--strategy", "book.npz", "--gain", "per-port"], "`--gain` must be `one`"),
    ],
)
def test_impossible_strategies_are_refused(capsys, tmp_path, bench, monkeypatch, options, message):
    monkeypatch.chdir(bench)
    line = ("calibrate", "stack.toml", "pilots.nc", "-o", tmp_path / "cal.toml", *options)
    assert message in refusal_of(capsys, *line, *TOLERANCES)


def test_pilots_of_another_plan_are_refused(capsys, tmp_path, bench):
    pilots, out = tmp_path / "other.nc", tmp_path / "cal.toml"
    send = ("simulate", "pilots", bench / "built.toml", "-o", pilots, "--slots", "24", *USER)
    answer_of(capsys, *send, "--snr-db", "30", "--seed", "7")
    line = ("calibrate", bench / "stack.toml", pilots, "-o", out, "--strategy", bench / "book.npz")
    assert "must be those that were prepared for" in refusal_of(capsys, *line)
    assert not out.exists()


def test_only_networks_can_be_tuned(capsys, tmp_path, bench):
    line = ("learn", "tune", bench / "stack.toml", bench / "book.npz", bench / "pilots.nc")
    assert "must hold an unrolled network" in refusal_of(capsys, *line, "-o", tmp_path / "t.npz")


@pytest.mark.parametrize(
    "command", [("codebook", "build"), ("learn", "linear"), ("learn", "train")]
)
def test_outputs_that_cannot_be_are_refused_before_any_work(capsys, tmp_path, bench, command):
    """A picture of another kind, and a result that would overwrite the plan."""
    plan = tmp_path / "plan.npz"
    plan.write_bytes(b"")
    line = (*command, bench / "stack.toml", plan, "-o")
    refused = refusal_of(capsys, *line, tmp_path / "new.npz", "--figure", tmp_path / "f.txt")
    assert "must end in .png or .svg or .pdf" in refused
    assert "must be another file than the input" in refusal_of(capsys, *line, plan)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "options"),
    [
        (("codebook", "build"), ()),
        (("learn", "linear"), ("--stacks", "64")),
        (("learn", "train"), ("--stacks", "64", "--steps", "2", "--batch", "4")),
    ],
)
def test_what_is_prepared_is_drawn(capsys, tmp_path, bench, command, options):
    out, figure = tmp_path / "new.npz", tmp_path / "figure.png"
    line = (*command, bench / "stack.toml", bench / "plan.nc", "-o", out, *TOLERANCES)
    assert answer_of(capsys, *line, *options, "--figure", figure)["figure"] == str(figure)
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert out.exists()
    if command[1] != "train":
        return
    tune = ("learn", "tune", bench / "stack.toml", out, bench / "pilots.nc", "-o")
    figure = tmp_path / "tuned.svg"
    answer_of(capsys, *tune, tmp_path / "tuned.npz", "--steps", "2", "--figure", figure)
    assert "<svg" in figure.read_text()
