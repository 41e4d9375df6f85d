"""`metastack monitor`, `simulate drift` and `calibrate schedule` as a user types them."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.calibration.schedule import Thermal, Together, Vibration
from metastack.cli.drift_options import Drifting, DriftName, drift_of
from metastack.cli.main import run
from metastack.files import StackDescription

USER = ("--near", "30,20,30", "--past-input")


@pytest.fixture(scope="module")
def stack_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("stack") / "stack.toml"
    stack = ms.make_uniform_stack(
        ports=2, atoms_per_side=3, layers=2, thickness_wavelengths=1, spacing_wavelengths=0.5
    )
    ms.write_stack(StackDescription(stack, ms.dft_2d(2, 2), "small"), path)
    return path


@pytest.fixture(scope="module")
def stream(stack_file, tmp_path_factory):
    """Eight blocks of a stack that does not move: 32 slots, then 4 each."""
    path = tmp_path_factory.mktemp("stream") / "blocks.jsonl"
    options = ("--blocks", "8", "--first-slots", "32", "--drift", "jumps", "--jump-rate", "0")
    code = run(["simulate", "drift", str(stack_file), "-o", str(path), *options, *USER])
    assert code == 0
    return path


def watched(capsys, monkeypatch, stack_file, lines, *options):
    """Exit code, decisions and what was said of these lines on standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(lines)))
    capsys.readouterr()
    code = run(["monitor", str(stack_file), "-", "--false-alarms", "0.002", *options, *USER])
    said = capsys.readouterr()
    return code, [json.loads(line) for line in said.out.splitlines()], said.err


def of_noise(line):
    """The same block, of which nothing was received but noise."""
    block, rng = json.loads(line), np.random.default_rng(0)
    for name in ("received_re", "received_im"):
        block[name] = rng.normal(size=np.shape(block[name])).tolist()
    return json.dumps(block) + "\n"


def test_a_stream_is_answered_line_by_line(capsys, monkeypatch, stack_file, stream):
    """A gap is warned of; a block that comes again ends it, after what came before was answered."""
    lines = stream.read_text().splitlines(keepends=True)
    code, decisions, said = watched(
        capsys, monkeypatch, stack_file, [*lines[:3], "\n", *lines[5:7], lines[6]]
    )
    assert code == 2
    assert [each["block"] for each in decisions] == [0, 1, 2, 5, 6]
    assert [each["missed_blocks"] for each in decisions] == [0, 0, 0, 2, 0]
    assert decisions[0]["decision"] == "calibration"
    assert decisions[0]["threshold"] is None
    assert all(each["statistic"] < each["threshold"] for each in decisions[1:])
    warning, refusal = said.splitlines()
    assert "Blocks 3 to 4 are missing" in warning
    assert refusal == "metastack: Every block must come once, but block 6 is repeated (line 7)."


def test_what_is_believed_is_told_kept_and_drawn(capsys, monkeypatch, tmp_path, stack_file, stream):
    """Poses of a line and of the file are the same numbers, and tell less than half a deviation of
    a layer's tolerance after 32 pilots only where pilots tell nothing."""
    output, figure = tmp_path / "believed.toml", tmp_path / "watched.svg"
    lines = stream.read_text().splitlines(keepends=True)
    code, decisions, _ = watched(
        capsys, monkeypatch, stack_file, lines, "-o", str(output), "--figure", str(figure)
    )
    assert code == 0
    stack = ms.read_stack(output).stack
    for plane, row in enumerate(decisions[-1]["planes"], start=1):
        told = [name for name, value in row.items() if name[:2] == "dy" and value is not None]
        assert told == ["dy_wavelengths", "dy_deviation_wavelengths"]
        moved = stack.poses.dy_m[plane] / stack.wavelength_m
        assert row["dy_wavelengths"] == pytest.approx(moved, rel=1e-9)
        assert 0 < row["dy_deviation_wavelengths"] < 0.01 / 3**0.5
    drawn = figure.read_text()
    assert all(word in drawn for word in ("coherence block", "threshold", "alarm (0)"))


def test_a_quiet_history_tells_the_threshold(capsys, monkeypatch, tmp_path, stack_file, stream):
    """The level of a log of 5000 blocks at one false alarm in 500, ten in all; the same log of
    another monitor, a shorter one, and no log at all are refused before a block is read."""
    lines = stream.read_text().splitlines(keepends=True)[:3]
    quiet = np.random.default_rng(0).standard_normal(5000)
    log = tmp_path / "quiet.jsonl"

    def refusal(text, *options):
        log.write_text(text)
        code, decisions, said = watched(
            capsys, monkeypatch, stack_file, lines, "--history", str(log), *options
        )
        assert code == 2
        assert not decisions
        assert len(said.splitlines()) == 1
        return said

    def written(statistics):
        line = '{{"decision": "none", "monitor": "subspace", "statistic": {!r}}}\n'
        first = '{"decision": "calibration", "monitor": "subspace", "statistic": null}\n'
        return first + "".join(line.format(float(each)) for each in statistics)

    log.write_text(written(quiet))
    code, decisions, _ = watched(
        capsys, monkeypatch, stack_file, lines, "--history", str(log), "--monitor", "subspace"
    )
    assert code == 0
    level = decisions[-1]["threshold"]
    before = np.concatenate([[-np.inf], quiet[:-1]])
    assert np.sum((quiet > level) & (before <= level)) in (9, 10)
    assert "at least 5000 blocks for 0.002 false alarms" in refusal(written(quiet[:4999]))
    assert "that of the monitor `cusum`, but is that of 'subspace' (line 2)" in refusal(
        written(quiet), "--monitor", "cusum"
    )
    assert "must be a decision of a monitor, but is [1] (line 1)" in refusal("[1]\n")
    assert "`statistic` must be a number, but is None (line 2)" in refusal(
        written([]) + '{"decision": "none", "monitor": "subspace"}\n'
    )


def test_noise_that_double_precision_does_not_tell_is_refused(
    capsys, monkeypatch, stack_file, stream
):
    lines = stream.read_text().splitlines(keepends=True)
    code, _, said = watched(capsys, monkeypatch, stack_file, lines, "--noise-variance", "1e-30")
    assert code == 2
    assert "1e-12 of the first block's power, but is 1e-30" in said


def test_a_steps_option_is_refused_as_it_was_given(capsys, stack_file, stream):
    message = refusal_of(capsys, "monitor", stack_file, stream, "--step", "-0.1", *USER)
    assert "`step` must be finite and not negative: -0.1" in message


def test_a_stream_that_is_not_text_is_refused(capsys, monkeypatch, stack_file):
    raw = io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", raw)
    message = refusal_of(capsys, "monitor", stack_file, *USER)
    assert "`standard input` must be UTF-8 text, but is not" in message


def test_what_stops_a_service_leaves_its_stack(stack_file, stream, tmp_path):
    """SIGTERM while the pipe is open, after two answers."""
    output = tmp_path / "left.toml"
    command = [sys.executable, "-m", "metastack", "monitor", str(stack_file), "-", *USER]
    with subprocess.Popen(
        [*command, "--false-alarms", "0.002", "-o", str(output)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        for line in stream.read_text().splitlines(keepends=True)[:2]:
            process.stdin.write(line)
            process.stdin.flush()
            assert json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(60) == 130
    assert ms.read_stack(output).name.endswith("as followed to block 1")


def test_what_no_threshold_can_reach_is_refused_before_a_block(
    capsys, monkeypatch, stack_file, stream
):
    lines = stream.read_text().splitlines(keepends=True)
    code, decisions, said = watched(
        capsys, monkeypatch, stack_file, lines, "--false-alarms", "1e-9"
    )
    assert (code, decisions) == (2, [])
    assert "at least 2.5e-05 to be simulated, but is 1e-09; a history of 10000000000 blocks" in said


def test_a_gain_of_its_own_for_every_block_raises_no_alarm(
    capsys, monkeypatch, tmp_path, stack_file
):
    """With phases of unlocked oscillators, where the option says so; without it, in every block."""
    path = tmp_path / "unlocked.jsonl"
    answer_of(
        capsys, "simulate", "drift", stack_file, "-o", path, "--blocks", "6", "--first-slots",
        "32", "--drift", "jumps", "--jump-rate", "0", "--gain-step", "2", *USER,
    )  # fmt: skip
    lines = path.read_text().splitlines(keepends=True)

    def alarms(*options):
        _, decisions, _ = watched(capsys, monkeypatch, stack_file, lines, *options)
        return sum(each["decision"] == "alarm" for each in decisions)

    assert alarms("--gain-step", "1") == 0
    assert alarms() >= 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [lines[3], lines[1]], "block 1 comes after block 3 (line 2)"),
        (lambda lines: [lines[0], '{"block": 1,\n'], "cannot be read as JSON (line 2)"),
        (lambda lines: ["[1]\n"], "must be a JSON object, but is [1] (line 1)"),
        (lambda lines: ['{"block": "a"}\n'], "whole number below 2^53, but is 'a' (line 1)"),
        (lambda lines: ['{"block": 1' + 400 * "0" + "}\n"], "`block` must be a whole number below"),
        (lambda lines: ['{"block": 1}\n'], "must hold `received_re`, but does not (line 1)"),
        (lambda lines: [lines[0].replace("[[[", "[[[[1],", 1)], "rows of one length"),
        (lambda lines: [], "must hold at least one block, but is empty"),
        (lambda lines: [of_noise(lines[0]), *lines[1:]], "must be explained by the stack, but 9"),
    ],
)
def test_a_stream_that_cannot_be_followed_is_refused(
    capsys, monkeypatch, stack_file, stream, change, message
):
    lines = stream.read_text().splitlines(keepends=True)
    code, _, said = watched(capsys, monkeypatch, stack_file, change(lines))
    assert code == 2
    assert message in said
    assert len(said.splitlines()) == 1


@pytest.mark.slow
def test_the_same_seed_gives_the_same_stream(capsys, tmp_path, stack_file, stream):
    other = tmp_path / "again.jsonl"
    answer = answer_of(
        capsys, "simulate", "drift", stack_file, "-o", other, "--blocks", "8", "--first-slots",
        "32", "--drift", "jumps", "--jump-rate", "0", *USER,
    )  # fmt: skip
    assert answer["jumps_in_blocks"] == []
    assert other.read_bytes() == stream.read_bytes()


@pytest.mark.slow
def test_schedules_are_compared(capsys, tmp_path, stack_file):
    page = tmp_path / "page.html"
    answer = answer_of(
        capsys, "calibrate", "schedule", stack_file, "--blocks", "12", "--slots", "30",
        "--false-alarms", "0.002", "--report", page, *USER,
    )  # fmt: skip
    rows = {row["schedule"]: row for row in answer["schedules"]}
    assert list(rows) == [
        "single-stage",
        "multi-stage",
        "state-driven",
        "tracking",
        "tracking, random pilots",
    ]
    assert rows["single-stage"]["pilots_a_block"] == 5.0
    assert rows["single-stage"]["overhead"] == 5.0 / 200
    assert all(row["nmse_db"] < answer["uncalibrated_nmse_db"] for row in rows.values())
    assert page.read_text().count("<figure>") == 1


def test_pilots_that_do_not_fit_are_refused(capsys, stack_file):
    message = refusal_of(capsys, "calibrate", "schedule", stack_file, "--block-slots", "50", *USER)
    assert "must fit a coherence block of 50 slots, but sends 100 pilots" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--thermal-period", "0"), "`period_blocks` must be positive, but is 0.0"),
        (("--thermal-amplitude", "-1"), "`amplitude` must be finite and not negative, but is -1.0"),
        (("--thermal-trend", "nan"), "`trend` must be finite and not negative, but is nan"),
        (("--vibration-period", "-3"), "`period_blocks` must be positive, but is -3.0"),
        (("--vibration-amplitude", "-1"), "`amplitude` must be finite and not negative"),
    ],
)
def test_a_drift_that_cannot_be_is_refused(capsys, tmp_path, stack_file, options, message):
    refusal = refusal_of(
        capsys, "simulate", "drift", stack_file, "-o", tmp_path / "no.jsonl", *options, *USER
    )
    assert message in refusal


def test_sizes_of_heat_and_vibration_are_options():
    """Each option reaches the one field that it names."""
    drifting = Drifting(
        [DriftName.THERMAL, DriftName.VIBRATION],
        thermal_amplitude=0.2,
        thermal_period=300.0,
        thermal_trend=1e-3,
        vibration_amplitude=0.3,
        vibration_period=5.0,
    )
    assert drift_of(drifting) == Together((Thermal(0.2, 300.0, 1e-3), Vibration(0.3, 5.0)))
    assert drift_of(Drifting([DriftName.THERMAL])) == Together((Thermal(),))
    assert drift_of(Drifting([DriftName.VIBRATION])) == Together((Vibration(),))
