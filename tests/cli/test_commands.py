"""Every command as a user types it, in one process to spare the imports."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io

import metastack
from metastack.cli.main import main, run

ROOT = Path(__file__).parents[2]
STACK_2X2 = ROOT / "examples" / "stack_2x2.toml"
PUBLISHED = ROOT / "src" / "metastack" / "study" / "published" / "jsac2024"
PEAK = ("--estimator", "peak")


def answer_of(capsys, *arguments):
    """The JSON object of a command that must succeed and print nothing else."""
    code = run([*map(str, arguments), "--json"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return json.loads(printed.out)


def refusal_of(capsys, *arguments):
    """The one line of a command that must refuse its input."""
    code = run(list(map(str, arguments)))
    printed = capsys.readouterr()
    assert code == 2, printed.err
    assert printed.out == ""
    assert printed.err.startswith("metastack: ")
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.fixture(scope="module")
def design_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("design") / "design.nc"
    assert run(["design", str(STACK_2X2), "-o", str(path)]) == 0
    return path


def test_design_reaches_its_goal_and_reads_back(capsys, design_file):
    """`show` of the written file tells the same numbers as the run that wrote it."""
    facts = answer_of(capsys, "show", design_file)
    assert facts["kind"] == "design"
    assert facts["nmse_db"] <= -100
    assert facts["outcome"] == "The error reached the goal."
    assert facts["layers"] == 7


def test_the_same_seed_gives_the_same_design(capsys, tmp_path):
    answers = [
        answer_of(capsys, "design", STACK_2X2, "-o", tmp_path / f"{k}.nc", "--seed", seed)
        for k, seed in enumerate((3, 3, 4))
    ]
    assert answers[0]["nmse_db"] == answers[1]["nmse_db"] != answers[2]["nmse_db"]


def test_prescribed_loss_is_the_loss(capsys, tmp_path):
    """An exact response at a prescribed scale has the prescribed loss: .01 dB is its residual."""
    options = ("--insertion-loss-db", 12)
    answer = answer_of(capsys, "design", STACK_2X2, "-o", tmp_path / "d.nc", *options)
    assert answer["insertion_loss_db"] == pytest.approx(12, abs=0.01)
    assert answer["nmse_db"] <= -100


def test_resumed_design_starts_where_the_first_one_stopped(capsys, tmp_path):
    first, second = tmp_path / "first.nc", tmp_path / "second.nc"
    descent = ("--method", "gradient-descent", "--random-start", "--iterations", 5)
    before = answer_of(capsys, "design", STACK_2X2, "-o", first, *descent)
    after = answer_of(
        capsys, "design", STACK_2X2, "-o", second, "--resume", first,
        "--method", "coordinate", "--iterations", 1,
    )  # fmt: skip
    assert before["nmse_db"] > after["nmse_db"]
    from metastack.files import read_design

    assert read_design(second).history_db[0] == pytest.approx(before["nmse_db"], abs=1e-6)


def test_discrete_design_gives_codes(capsys, tmp_path):
    """A design for 2 bits loses nothing when it is exported at 2 bits."""
    design, codes = tmp_path / "d.nc", tmp_path / "codes.csv"
    answer_of(capsys, "design", STACK_2X2, "-o", design, "--bits", 2, "--random-start")
    answer = answer_of(capsys, "export", design, "--bits", 2, "-o", codes)
    assert answer["rounded_nmse_db"] == pytest.approx(answer["nmse_db"], abs=1e-6)
    assert np.load(codes.with_suffix(".npy")).shape == (7, 11, 11)
    assert answer_of(capsys, "check", codes)["verdict"] == "usable"


@pytest.mark.parametrize(
    ("matrix", "source_over_pi", "snapshots", "estimate_over_pi"),
    [
        ("Fig_7a/DFT_2.mat", (-0.51394, -0.77317), 64, (-0.515625, -0.765625)),
        ("Fig_8a/DFT_4.mat", (0.41702, 0.72032), 32, (0.421875, 0.71875)),
    ],
)
def test_published_responses_give_the_published_directions(
    capsys, tmp_path, matrix, source_over_pi, snapshots, estimate_over_pi
):
    """Figs. 6 and 7 of the DOA paper: exact, since an estimate is a bin."""
    recording, picture = tmp_path / "r.nc", tmp_path / "spectrum.png"
    answer_of(
        capsys, "simulate", "snapshots", PUBLISHED / matrix, "-o", recording,
        "--psi-over-pi", *source_over_pi,
        "--snapshots-x", snapshots, "--snapshots-y", snapshots,
    )  # fmt: skip
    answer = answer_of(capsys, "doa", PUBLISHED / matrix, recording, *PEAK, "--spectrum", picture)
    assert (answer["psi_x_over_pi"], answer["psi_y_over_pi"]) == estimate_over_pi
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_direction_survives_the_way_there_and_back(capsys, tmp_path, design_file):
    """Noise-free, the estimate is within half a bin of the source in both electrical angles."""
    recording = tmp_path / "r.npz"
    answer_of(
        capsys, "simulate", "snapshots", design_file, "-o", recording,
        "--direction-deg", 40, 25, "--snapshots-x", 16, "--snapshots-y", 16,
    )  # fmt: skip
    answer = answer_of(capsys, "doa", design_file, recording, *PEAK)
    for axis in "xy":
        error = answer[f"psi_{axis}_over_pi"] - answer[f"true_psi_{axis}_over_pi"]
        assert abs(error) <= answer[f"bin_{axis}_over_pi"] / 2 + 1e-12
    assert answer["theta_deg"] == pytest.approx(40, abs=3)
    assert answer["phi_deg"] == pytest.approx(25, abs=3)


def test_tradeoff_writes_designs_curve_and_picture(capsys, tmp_path):
    folder = tmp_path / "curve"
    answer = answer_of(capsys, "tradeoff", STACK_2X2, "--losses-db", "12,18", "-o", folder)
    assert answer["insertion_loss_db"] == pytest.approx([18, 12], abs=0.01)
    assert max(answer["nmse_db"]) <= -100
    written = {path.name for path in folder.iterdir()}
    assert written == {"loss_12_db.nc", "loss_18_db.nc", "tradeoff.csv", "tradeoff.png"}


def test_check_of_every_example(capsys):
    wires = {ROOT / "examples" / "wires_3x3.toml"}  # of a network, which is no stack
    for path in sorted(set((ROOT / "examples").glob("*.toml")) - wires):
        assert answer_of(capsys, "check", path)["verdict"] == "usable"


def test_refusals_are_one_line_and_exit_2(capsys, tmp_path, design_file):
    """What is wrong, where, the value seen: and no file is left behind."""
    out = tmp_path / "out.nc"
    text = STACK_2X2.read_text()
    bad = tmp_path / "bad.toml"
    bad.write_text(text.replace("columns = 11", "columms = 11"))
    assert "columns" in refusal_of(capsys, "design", bad, "-o", out)
    bad.write_text(text.replace("count = 7", "count = 0"))
    assert "count" in refusal_of(capsys, "design", bad, "-o", out)
    bad.write_text(text.replace("columns = 11", "columns = 1").replace("rows = 11", "rows = 3"))
    assert "Theorem 1" in refusal_of(capsys, "design", bad, "-o", out)
    bad.write_text(text.replace("= 11", "= 900"))
    bad.write_text(bad.read_text() + "\n[[poses]]\nplane = 2\nrx_deg = 1\n")
    assert "memory" in refusal_of(capsys, "design", bad, "-o", out)
    broken = tmp_path / "broken.nc"
    broken.write_bytes(design_file.read_bytes()[:2000])
    refusal_of(capsys, "show", broken)
    refusal_of(capsys, "doa", design_file, broken)
    refusal_of(capsys, "design", tmp_path / "none.toml", "-o", out)
    refusal_of(capsys, "design", STACK_2X2)
    refusal_of(capsys, "design", STACK_2X2, "-o", out, "--starts", "zero")
    refusal_of(capsys, "no-such-command")
    objects = tmp_path / "objects.mat"
    scipy.io.savemat(objects, {"G": np.array([[1, "a"]], dtype=object)})
    refusal_of(capsys, "show", objects)
    wrong = tmp_path / "wrong.npz"
    np.savez(wrong, energies=np.ones((4, 9)))
    assert "must have 4 probes, but has 9" in refusal_of(capsys, "doa", design_file, wrong)
    assert not out.exists()


def test_work_that_could_not_be_written_is_refused_before_it_is_done(capsys, tmp_path):
    """Suffix and folder of every output are checked first: a search takes minutes."""
    text = refusal_of(capsys, "design", STACK_2X2, "-o", tmp_path / "none" / "d.nc")
    assert "folder must exist" in text
    assert ".nc" in refusal_of(capsys, "design", STACK_2X2, "-o", tmp_path / "stack.toml")


def test_probes_that_are_no_dft_bins_are_refused(capsys, tmp_path):
    """The peak estimator reads DFT bins; another target would give a wrong direction."""
    shifted, design = tmp_path / "shifted.toml", tmp_path / "d.nc"
    shifted.write_text(STACK_2X2.read_text() + '\n[target]\nkind = "dft"\nshift_x = 0.5\n')
    answer_of(capsys, "design", shifted, "-o", design)
    recording = tmp_path / "r.npz"
    np.savez(recording, energies=np.ones((4, 4)))
    assert "2D DFT" in refusal_of(capsys, "doa", design, recording, *PEAK)


def test_snapshots_of_unknown_layout_are_refused(capsys, tmp_path, design_file):
    """8 snapshots may be 8 x 1, 4 x 2, …: each gives another direction."""
    recording = tmp_path / "r.npz"
    np.savez(recording, energies=np.ones((8, 4)))
    assert "snapshots_x" in refusal_of(capsys, "doa", design_file, recording)


def test_rounding_keeps_broken_atoms_broken(capsys, tmp_path):
    """Codes fine enough change nothing on a device with lossy and stuck atoms."""
    design, codes = tmp_path / "d.nc", tmp_path / "codes.csv"
    answer_of(capsys, "design", ROOT / "examples" / "stack_measured_atoms.toml", "-o", design)
    answer = answer_of(capsys, "export", design, "--bits", 16, "-o", codes)
    assert answer["rounded_nmse_db"] < -60


def test_internal_error_exits_1(capsys, monkeypatch):
    """A failure of ours is one line too, and names itself."""

    def explode(_):
        raise ZeroDivisionError("boom")

    monkeypatch.setattr("metastack.cli.facts.identify", explode)
    assert run(["show", "whatever.nc"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_ctrl_c_writes_the_best_until_then(capsys, monkeypatch, tmp_path):
    """The exit code is 130, and the file holds a design that says it was stopped."""
    from metastack.cli.progress import DesignProgress

    def stop(self, progress):
        if progress.first_iteration >= 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(DesignProgress, "__call__", stop)
    path = tmp_path / "d.nc"
    descent = ["--method", "gradient-descent", "--goal-db", "-300", "--json"]
    code = run(["design", str(STACK_2X2), "-o", str(path), *descent])
    assert code == 130
    assert json.loads(capsys.readouterr().out)["iterations"] >= 3
    assert "stopped by the user" in answer_of(capsys, "show", path)["outcome"]


def test_help_imports_nothing_heavy():
    """`metastack --help` must answer at once, so JAX, xarray and matplotlib stay out."""
    code = (
        "import sys; from metastack.cli.main import run; run(['--help']);"
        "print([m for m in ('jax', 'xarray', 'matplotlib', 'scipy', 'pydantic')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_the_package_runs_as_a_module():
    """As the script does: the same output, and the exit code of what it refuses."""
    line = [sys.executable, "-m", "metastack"]
    told = subprocess.run([*line, "--version"], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == metastack.__version__
    refused = subprocess.run([*line, "check", "no.nc"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith("metastack: ")


@pytest.mark.parametrize(("given", "used"), [(None, "3"), ("0", "0")])
def test_the_compiler_keeps_quiet_unless_it_is_asked(monkeypatch, given, used):
    """XLA logs that long compilations are slow, below level 3; the user's own level stays."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "")  # so that it is put back
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")
    if given is not None:
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", given)
    monkeypatch.setattr("sys.argv", ["metastack", "--version"])
    # The package's `main` is the function; its module goes by its name alone.
    module = sys.modules["metastack.cli.main"]
    monkeypatch.setattr(module, "keep_compiled_programs", lambda: None)
    with pytest.raises(SystemExit, match="0"):
        main()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == used


def test_too_large_a_wish_is_the_users_fault(capsys, monkeypatch, tmp_path):
    """Out of memory: one line that says what to ask less of, and exit code 2."""

    def greedy(*_, **__):
        raise MemoryError("Unable to allocate 1. PiB")

    monkeypatch.setattr("metastack.files.read_stack", greedy)
    line = refusal_of(capsys, "design", STACK_2X2, "-o", tmp_path / "d.nc")
    assert "more memory than there is" in line
    assert "1. PiB" in line
