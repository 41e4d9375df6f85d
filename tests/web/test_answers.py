"""What the warm process answers, asked in this process, where shapes are checked."""

import asyncio
import json
import os

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the lab needs metastack[lab]")

from metastack.errors import InputError
from metastack.files import read_design, read_stack
from metastack.study.runs import RunFolder, RunInputs
from metastack.web.answers import answer_to
from metastack.web.hand import Hand
from metastack.web.library import EXAMPLES, Library, new_id

DESIGN = "example/stack_2x2.nc"
SOURCE = [0.3, -0.2, 0.0]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return Library(tmp_path_factory.mktemp("runs") / "lab")


def framed(library, *sources, **more):
    given = {"design": DESIGN, "sources": list(sources), "snr_db": 60, "snapshots": 4, **more}
    return answer_to(library, "frame", given)


def test_a_strong_source_is_read_where_it_is(library):
    """Within its error bars; the ellipse is around the estimate; all of it is JSON."""
    told = framed(library, SOURCE)
    (estimate,) = told["estimates"]
    ellipse = np.array(estimate["ellipse"])
    assert np.hypot(estimate["u"] - SOURCE[0], estimate["v"] - SOURCE[1]) < 0.02
    assert ellipse.mean(axis=0)[0] == pytest.approx(estimate["u"], abs=0.01)
    assert abs(ellipse - [estimate["u"], estimate["v"]]).max() < 0.1
    assert told["columns"] == told["rows"] == 8
    assert json.loads(json.dumps(told)) == told


def test_the_peak_is_the_papers(library):
    """On the grid of its protocol, half a bin away at most where noise is low."""
    peak = framed(library, SOURCE, snr_db=200)["peak"]
    assert abs(peak["u"] - SOURCE[0]) <= 1 / 8 + 1e-9
    assert peak["psi_x_over_pi"] * 4 == pytest.approx(round(peak["psi_x_over_pi"] * 4))


def test_errors_are_what_the_error_bars_say(library):
    """Forty runs of noise: squared errors over variances are chi-square, mean 1."""
    ratios = []
    for seed in range(40):
        (estimate,) = framed(library, SOURCE, seed=seed)["estimates"]
        deviation = estimate["psi_x_deviation_over_pi"]
        ratios.append(((estimate["psi_x_over_pi"] - SOURCE[0]) / deviation) ** 2)
    assert 0.4 < np.mean(ratios) < 2.0


def test_a_picture_alone_waits_for_no_estimate(library):
    told = framed(library, SOURCE, only_picture=True)
    assert told["estimates"] == []
    assert told["picture"] == framed(library, SOURCE)["picture"]


def test_waves_pass_through_the_device_as_it_is_built(library, tmp_path):
    """Through the designed stack nothing changes; through one that is off, the picture does."""
    job = library.jobs / new_id()
    job.mkdir(parents=True)
    text = (EXAMPLES / "stack_2x2.toml").read_text()
    (job / "same.toml").write_text(text)
    (job / "built.toml").write_text(text + "\n[[poses]]\nplane = 3\ndy_wavelengths = 0.3\n")
    before = framed(library, SOURCE)
    same = framed(library, SOURCE, through=f"job/{job.name}/same.toml")
    built = framed(library, SOURCE, through=f"job/{job.name}/built.toml")
    assert same["picture"] == before["picture"]
    assert built["picture"] != before["picture"]


@pytest.mark.parametrize(
    "more",
    [
        {"sources": []},
        {"sources": [[2, 0, 0]]},
        {"sources": [[0, 0]]},
        {"sources": [["a", 0, 0]]},
        {"sources": [[0, 0, 0]] * 4},
        {"sources": None},
        {"snapshots": 0},
        {"snapshots": 1000},
        {"snr_db": "loud"},
        {"snr_db": 1e9},
        {"seed": -1},
        {"design": "example/stack_2x2.toml"},
        {"design": "../x.nc"},
        {"design": 7},
        {"through": "example/stack_4x4.toml"},
        {"sources": [[0, 0, 0], [0.5, 0.5, 0]], "previous": [[0, 0]]},
    ],
)
def test_frames_that_cannot_be(library, more):
    with pytest.raises(InputError):
        framed(library, SOURCE, **more)


def test_a_stack_is_a_form_and_elements_in_space(library):
    told = answer_to(library, "stack", {"stack": "example/stack_2x2.toml"})
    form = {each["name"]: each["value"] for each in told["form"]}
    assert form["layers.count"] == "7"
    assert form["frequency_hz"] == "6e10"
    assert [len(each["x"]) for each in told["planes"]] == [4, *[121] * 7, 4]
    assert told["facts"]["layers"] == 7


def test_what_is_typed_in_the_form_counts(library):
    typed = {"layers.count": "3", "input.spacing_wavelengths": "0.5, 0.4"}
    told = answer_to(library, "stack", {"stack": "example/stack_2x2.toml", "changes": typed})
    assert len(told["planes"]) == 5
    wrong = {"layers.count": "three"}
    told = answer_to(library, "stack", {"stack": "example/stack_2x2.toml", "changes": wrong})
    assert told["field"] == "layers.count"
    assert "must be a whole number, but is 'three'" in told["refused"]


def test_a_design_is_phases_as_bytes(library):
    from base64 import b64decode

    told = answer_to(library, "design", {"design": DESIGN})
    phases = np.frombuffer(b64decode(told["phases"][2]), np.uint8) / 256 * 2 * np.pi
    exact = read_design(EXAMPLES / "stack_2x2.nc").phases_rad[2]
    assert np.abs(phases - exact).max() <= 2 * np.pi / 256
    assert told["facts"]["insertion_loss_db"] == pytest.approx(10, abs=0.01)


def test_matrices_of_a_calibration_show_what_it_won(library):
    """What is found exactly leaves no error; large matrices are shown by blocks."""
    job = library.jobs / new_id()
    job.mkdir(parents=True)
    text = (EXAMPLES / "stack_2x2.toml").read_text()
    moved = text + "\n[[poses]]\nplane = 3\ndy_wavelengths = 0.05\n"
    for name, content in (("stack", text), ("calibrated", moved), ("built", moved)):
        (job / f"{name}.toml").write_text(content)
    told = answer_to(library, "matrices", {"job": job.name})
    assert [each["name"] for each in told["matrices"]] == [f"A_{k}" for k in range(8)]
    third = told["matrices"][2]
    assert np.shape(third["designed"]) == (48, 48)
    assert np.max(third["error_after"]) == told["floor_db"]
    assert np.max(third["error_before"]) > -40
    assert np.max(told["matrices"][5]["error_before"]) == told["floor_db"]


@pytest.mark.parametrize("name", ["", "..", "lab", "../x", "nothing", "x/y"])
def test_runs_that_are_none(library, name):
    library.folder.mkdir(parents=True, exist_ok=True)
    with pytest.raises(InputError):
        answer_to(library, "run", {"run": name})


@pytest.mark.parametrize(
    ("kind", "command", "line"),
    [
        ("sweep", "metastack sweep s.toml", ["sweep", "--resume", "{run}"]),
        (
            "study",
            "metastack reproduce all --full --runs there -o page.html --seed=3",
            ["reproduce", "fig_x", "--full", "--seed=3", "--runs={runs}"],
        ),
    ],
)
def test_a_run_goes_on_by_its_own_command(tmp_path, kind, command, line):
    inputs = RunInputs(kind, "fig_x", "print", 0, 1, 1, command)
    RunFolder.begin(tmp_path / "one", inputs, {})
    told = answer_to(Library(tmp_path / "lab"), "resuming", {"run": "one"})
    names = {"run": (tmp_path / "one").resolve(), "runs": tmp_path.resolve()}
    assert told == [word.format(**names) for word in line]


@pytest.mark.parametrize("command", ["rm -rf /", "metastack system cost x", "metastack", ""])
def test_other_commands_are_not_run(tmp_path, command):
    RunFolder.begin(tmp_path / "one", RunInputs("cost", "x", "print", 0, 1, 1, command), {})
    with pytest.raises(InputError):
        answer_to(Library(tmp_path / "lab"), "resuming", {"run": "one"})


def test_what_is_no_question(library):
    with pytest.raises(InputError):
        answer_to(library, "shutdown", {})


def test_the_warm_process_comes_back_after_it_was_killed(library):
    """Whatever ended it: the next question starts another."""
    library.folder.mkdir(parents=True, exist_ok=True)

    async def asked():
        hand = Hand(library.folder, 2**33)
        first = await hand.ask("runs", {})
        with pytest.raises(InputError, match="is no question"):
            await hand.ask("nothing", {})
        process = await hand._started()
        os.kill(process.pid, 9)
        await process.wait()
        again = await hand.ask("runs", {})
        await hand.close()
        return first, again

    assert asyncio.run(asked()) == ([], [])


def test_examples_are_read():
    assert read_stack(EXAMPLES / "stack_4x4.toml").stack.layers == 13
