"""`metastack sweep` and `metastack runs` as a user types them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from test_commands import answer_of, refusal_of

from metastack.cli.command_points import numbers_in
from metastack.cli.main import run
from metastack.files.dataset_file import load_dataset

STACK = """
frequency_hz = 60e9
[input]
columns = 2
rows = 2
spacing_wavelengths = 0.5
[layers]
count = 3
columns = 4
rows = 4
spacing_wavelengths = 0.5
[receivers]
columns = 2
rows = 2
spacing_wavelengths = 0.5
[gaps]
thickness_wavelengths = 3
"""
DESCENT = """command = "design"
seeds = 2
[fixed]
stack = "stack.toml"
method = "gradient-descent"
iterations = 6
goal_db = -300
[grid]
decay = [0.6, 0.8]
"stack.gaps.thickness_wavelengths" = [3, 4]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "stack.toml").write_text(STACK)
    return tmp_path


def written(folder, text, name="sweep.toml"):
    (folder / name).write_text(text)
    return folder / name


def swept(capsys, folder, text, *options):
    answer = answer_of(capsys, "sweep", written(folder, text), "-o", folder / "run", *options)
    return answer, load_dataset(folder / "run" / "results.nc", kind="sweep results")


def test_a_point_of_a_sweep_is_what_the_command_answers(capsys, folder):
    """Batches of starts round differently, by 1e-16 in a phase; six iterations amplify that to
    nothing that 1e-9 dB would show."""
    answer, data = swept(capsys, folder, DESCENT)
    assert answer["points"] == 8
    assert data.nmse_db.dims == ("decay", "stack.gaps.thickness_wavelengths", "seed")
    (folder / "stack.toml").write_text(
        STACK.replace("thickness_wavelengths = 3", "thickness_wavelengths = 4")
    )
    alone = answer_of(
        capsys, "design", folder / "stack.toml", "-o", folder / "d.nc", "--seed", "1",
        "--method", "gradient-descent", "--iterations", "6", "--decay", ".8", "--goal-db", "-300",
    )  # fmt: skip
    point = data.sel({"decay": 0.8, "stack.gaps.thickness_wavelengths": 4, "seed": 1})
    for name in ("nmse_db", "insertion_loss_db", "iterations"):
        assert float(point[name]) == pytest.approx(alone[name], abs=1e-9)
    for name in ("figures/sweep.png", "figures/sweep.svg", "log.txt", "inputs/sweep.toml"):
        assert (folder / "run" / name).stat().st_size > 20


def test_what_no_point_can_do_is_said(capsys, folder):
    """Not known to batches, so that every point runs by itself, and is refused by itself."""
    text = DESCENT.replace("[grid]", "snapshots_x = 1\n[grid]")
    message = refusal_of(capsys, "sweep", written(folder, text), "-o", folder / "run")
    assert "No point can be computed: `--snapshots-x` belongs to `--for doa`" in message


def test_results_are_shown_and_checked_like_any_file(capsys, folder):
    swept(capsys, folder, DESCENT)
    shown = answer_of(capsys, "show", folder / "run" / "results.nc")
    assert shown["kind"] == "sweep results"
    assert "decay" in shown["results"][0]["over"]
    assert answer_of(capsys, "check", folder / "run" / "results.nc")["verdict"] == "usable"


def test_a_sweep_file_is_shown_and_checked(capsys, folder):
    sweep_file = written(folder, DESCENT)
    shown = answer_of(capsys, "show", sweep_file)
    assert shown["points"] == 8
    assert shown["axes"] == "decay (2) x stack.gaps.thickness_wavelengths (2) x seed (2)"
    assert answer_of(capsys, "check", sweep_file)["kind"] == "sweep file"
    message = refusal_of(capsys, "check", written(folder, DESCENT.replace("decay =", "dcay =")))
    assert "did you mean `decay`?" in message


def test_any_command_can_be_swept(capsys, folder):
    text = """command = "models compare"
[fixed]
stack = "stack.toml"
[grid]
"stack.gaps.thickness_wavelengths" = [3, 5]
"""
    _, data = swept(capsys, folder, text)
    alone = numbers_in(answer_of(capsys, "models", "compare", folder / "stack.toml"))
    assert alone
    for name, value in alone.items():
        found = data[name].sel({"stack.gaps.thickness_wavelengths": 3})
        np.testing.assert_allclose(found, value, rtol=1e-12)


def test_outputs_of_points_are_not_kept(capsys, folder):
    text = 'command = "simulate built"\nseeds = 3\n[fixed]\nstack = "stack.toml"\n'
    _, data = swept(capsys, folder, text)
    assert data.sizes["seed"] == 3
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["run", "stack.toml", "sweep.toml"]


def test_a_sweep_goes_on_where_it_was_and_resumes_by_its_folder(capsys, folder):
    first, data = swept(capsys, folder, DESCENT)
    stamps = {path: path.stat().st_mtime_ns for path in (folder / "run" / "units").iterdir()}
    lost = sorted(stamps)[0]
    lost.unlink()
    (folder / "run" / "results.nc").unlink()
    again = answer_of(capsys, "sweep", "--resume", folder / "run")
    assert again == first
    after = {path: path.stat().st_mtime_ns for path in (folder / "run" / "units").iterdir()}
    stored = load_dataset(folder / "run" / "results.nc", kind="sweep results")
    assert after.keys() == stamps.keys()
    assert [path for path in stamps if after[path] != stamps[path]] == [lost]
    xr.testing.assert_identical(data.drop_attrs(), stored.drop_attrs())


def test_workers_give_the_same_bits(capsys, folder):
    swept(capsys, folder, DESCENT)
    answer_of(capsys, "sweep", folder / "sweep.toml", "-o", folder / "other", "--workers", "2")
    compared = answer_of(
        capsys, "runs", "compare", folder / "run", folder / "other", "--runs", folder
    )
    assert compared["inputs"] == "the same"
    assert all(row["same"] == row["points"] == 8 for row in compared["results"])


def test_ctrl_c_keeps_what_is_finished(folder):
    """Interrupted after the first unit; the same command then says all eight points."""
    sweep_file = written(folder, DESCENT)
    command = [
        sys.executable,
        "-m",
        "metastack",
        "sweep",
        str(sweep_file),
        "-o",
        str(folder / "run"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    units = folder / "run" / "units"
    while not list(units.glob("*.npz")) and process.poll() is None:
        pass
    process.send_signal(2)
    _, error = process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    if process.returncode == 130:
        assert b"Stopped." in error
    done = subprocess.run([*command, "--json"], capture_output=True, check=True)
    assert json.loads(done.stdout)["points"] == 8


def test_a_search_draws_its_front(capsys, folder):
    pytest.importorskip("optuna")
    text = """command = "design"
[fixed]
stack = "stack.toml"
method = "gradient-descent"
iterations = 4
[search]
trials = 6
together = 3
[search.objectives]
nmse_db = "minimise"
thickness_wavelengths = "minimise"
[search.parameters]
decay = {low = 0.5, high = 0.9}
"stack.gaps.thickness_wavelengths" = {low = 2.0, high = 6.0}
"""
    answer, data = swept(capsys, folder, text)
    assert answer["points"] == data.sizes["trial"] == 6
    thickness = data["stack.gaps.thickness_wavelengths"]
    np.testing.assert_allclose(data.thickness_wavelengths, thickness, rtol=1e-12)
    assert (folder / "run" / "figures" / "sweep.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("iterations = 6", 'random_start = "no"', "must be true or false, but is 'no'"),
        ('"gradient-descent"', '["adam", "lbfgs"]', "must be one value"),
        ('"design"', '"sweep"', "`sweep` must be a command, but is not"),
        ("decay =", "dcay =", "`dcay` must be a parameter of `design`, but is not: did you mean"),
        ('"design"', '"desing"', "did you mean `design`?"),
        ('"design"', '"codebook"', "must answer with `--json`"),
        ("[0.6, 0.8]", "[0.6, 80]", "decay = 80"),
        ("[0.6, 0.8]", '["x"]', "should be a valid number"),
        ("[3, 4]", "[3, -4]", "gaps.thickness_wavelengths = -4"),
        ("gaps.thickness_wavelengths", "gaps.thick", "gaps.thick"),
        ("stack.gaps.", "device.gaps.", "or `stack.` and a key of its stack file"),
        ('stack = "stack.toml"', 'stack = "none.toml"', "does not exist"),
        ('stack = "stack.toml"', "", "Missing argument 'STACK'"),
        ("seeds = 2", "seeds = 1000000", "at most 100,000 points, but has 4,000,000"),
        ('"gradient-descent"', '"levenberg-marquardt"', "belongs to `--method gradient-descent`"),
    ],
)  # fmt: skip
def test_a_sweep_that_cannot_run_is_refused_before_it_begins(capsys, folder, old, new, words):
    sweep_file = written(folder, DESCENT.replace(old, new))
    message = refusal_of(capsys, "sweep", sweep_file, "-o", folder / "run")
    assert words in message
    assert not (folder / "run").exists()


def test_options_that_exclude_each_other(capsys, folder):
    sweep_file = written(folder, DESCENT)
    assert "Give either a sweep file" in refusal_of(capsys, "sweep")
    assert "Give either `--workers`" in refusal_of(
        capsys, "sweep", sweep_file, "--workers", "2", "--scheduler", "tcp://127.0.0.1:1"
    )
    assert "`--output` belongs to a new run" in refusal_of(
        capsys, "sweep", "--resume", folder, "-o", folder / "x"
    )
    assert "must be the folder of a run, but is none" in refusal_of(
        capsys, "sweep", "--resume", folder
    )


def test_a_search_goes_on_past_stacks_that_cannot_be_built_and_knows_its_stack(capsys, folder):
    pytest.importorskip("optuna")
    text = """command = "design"
[fixed]
stack = "stack.toml"
method = "gradient-descent"
iterations = 3
[search]
trials = 12
[search.objectives]
nmse_db = "minimise"
[search.parameters]
"stack.gaps.thickness_wavelengths" = {low = -9.0, high = 6.0}
"""
    code = run(["sweep", str(written(folder, text)), "-o", str(folder / "run"), "--json"])
    printed = capsys.readouterr()
    assert code == 0
    answer = json.loads(printed.out)
    assert 0 < answer["refused"] < 12
    data = load_dataset(folder / "run" / "results.nc", kind="sweep results")
    refused = np.isnan(data.nmse_db.values)
    np.testing.assert_array_equal(refused, data["stack.gaps.thickness_wavelengths"].values <= 0)
    assert "points are NaN" in printed.err
    assert (folder / "run" / "inputs" / "stack.toml").read_text() == STACK
    (folder / "stack.toml").write_text(STACK.replace("60e9", "61e9"))
    message = refusal_of(capsys, "sweep", folder / "sweep.toml", "-o", folder / "run")
    assert "was begun with others" in message


def test_a_stack_value_may_be_a_list(capsys, folder):
    text = DESCENT.replace("[grid]", '"stack.layers.spacing_wavelengths" = [0.5, 0.4]\n[grid]')
    assert swept(capsys, folder, text)[0]["points"] == 8


def test_a_changed_stack_is_another_sweep(capsys, folder):
    swept(capsys, folder, DESCENT)
    (folder / "stack.toml").write_text(STACK.replace("count = 3", "count = 2"))
    message = refusal_of(capsys, "sweep", folder / "sweep.toml", "-o", folder / "run")
    assert "was begun with others" in message


# ---- runs


def test_runs_are_listed_shown_compared_and_deleted(capsys, folder, monkeypatch):
    monkeypatch.setenv("METASTACK_RUNS", str(folder / "all"))
    sweep_file = written(folder, DESCENT)
    first = answer_of(capsys, "sweep", sweep_file)["output"]
    written(folder, DESCENT.replace("0.8]", "0.7]"))
    second = answer_of(capsys, "sweep", sweep_file)["output"]
    names = [Path(path).name for path in (first, second)]
    listed = answer_of(capsys, "runs", "list")
    assert [row["run"] for row in listed["list"]] == names
    shown = answer_of(capsys, "runs", "show", names[0])
    assert shown["finished"]
    assert shown["points"] == 8
    compared = answer_of(capsys, "runs", "compare", *names)
    assert "0.7]" in compared["inputs"]
    # They share one decay: half of the points.
    assert {row["points"] for row in compared["results"]} == {4}
    assert all(row["same"] == 4 for row in compared["results"])
    answer_of(capsys, "runs", "delete", names[0], "--yes")
    assert answer_of(capsys, "runs", "rebuild")["runs"] == 1


def test_nothing_is_deleted_without_being_asked(capsys, folder, monkeypatch):
    swept(capsys, folder, DESCENT)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    message = refusal_of(capsys, "runs", "delete", "run", "--runs", folder)
    assert "Nothing was deleted" in message
    assert (folder / "run" / "results.nc").exists()


def test_what_is_no_run_is_refused(capsys, folder):
    assert "there is none" in refusal_of(capsys, "runs", "show", "x", "--runs", folder)
    assert "there is none" in refusal_of(capsys, "runs", "list", "--runs", folder / "typo")
    assert not (folder / "typo").exists()
    (folder / "begun").mkdir()
    message = refusal_of(capsys, "runs", "delete", "begun", "--yes", "--runs", folder)
    assert "there is none" in message
