"""`metastack calibrate`, its plan, its entries, and the loop, as a user types them."""

import json
import subprocess
import sys

import numpy as np
import pytest
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.cli.main import run
from metastack.files import StackDescription

TOLERANCES = ("--dy-wavelengths", ".02", "--dz-wavelengths", "0", "--rz-deg", "0")
USER = ("--far", "20,35")
BENCH = ("--snr-db", "30", "--gain-db", "-7", "--gain-phase-deg", "50")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A folder with a small stack as drawn and as built, and pilots of the built one."""
    folder = tmp_path_factory.mktemp("bench")
    stack = ms.make_uniform_stack(
        ports=2, atoms_per_side=3, layers=3, thickness_wavelengths=3, spacing_wavelengths=0.5
    )
    ms.write_stack(StackDescription(stack, ms.dft_2d(2, 2), "small"), folder / "stack.toml")
    lines = [
        ("simulate", "built", "stack.toml", "-o", "built.toml", *TOLERANCES, "--seed", "5"),
        ("simulate", "pilots", "built.toml", "-o", "pilots.nc", "--slots", "60", *USER, *BENCH),
    ]
    for command, what, source, option, out, *rest in lines:
        line = [command, what, str(folder / source), option, str(folder / out), *rest]
        assert run(line) == 0
    return folder


def test_a_calibrated_stack_is_the_built_one(capsys, tmp_path, bench):
    """Poses within five of the deviations that are printed, the noise explained, what antennas
    receive in other slots right to the noise over the number of pilots; and the file serves
    wherever a stack file does."""
    out, page, matrices = (tmp_path / name for name in ("cal.toml", "cal.html", "cal.npz"))
    files = ("-o", out, "--report", page, "--matrices", matrices)
    truth = ("--truth", bench / "built.toml")
    line = ("calibrate", bench / "stack.toml", bench / "pilots.nc", *files, *truth)
    answer = answer_of(capsys, *line, *TOLERANCES)
    built, found = (ms.read_stack(path).stack for path in (bench / "built.toml", out))
    error = (found.poses.dy_m - built.poses.dy_m)[1:-1] / built.wavelength_m
    deviations = [row["dy_deviation_wavelengths"] for row in answer["planes"]]
    assert np.all(np.abs(error) < 5 * np.array(deviations))
    np.testing.assert_allclose(
        [row["dy_wavelengths"] for row in answer["planes"]],
        found.poses.dy_m[1:-1] / found.wavelength_m,
        rtol=1e-9,
    )
    assert answer["residual_explained"]
    assert answer["improvement_db"] > 10
    assert answer["true_held_out_nmse_db"] < -40 < answer["true_held_out_nmse_as_designed_db"]
    assert answer_of(capsys, "check", out)["verdict"] == "usable"
    assert [np.load(matrices)[f"A_{n}"].shape for n in range(4)] == [(9, 1), (9, 9), (9, 9), (4, 9)]
    assert "What cannot be seen" in page.read_text()


def test_fit_is_what_calibrate_means(capsys, tmp_path, bench):
    outs = [tmp_path / name for name in ("a.toml", "b.toml")]
    for out, words in zip(outs, (("calibrate",), ("calibrate", "fit")), strict=True):
        line = (*words, bench / "stack.toml", bench / "pilots.nc", "-o", out, *TOLERANCES)
        answer_of(capsys, *line)
    assert outs[0].read_text() == outs[1].read_text()


def test_pilots_of_a_network_analyser_are_told_apart(capsys, tmp_path, bench):
    """Conjugated responses: refused with the option that reads them; with it, the same stack."""
    read = ms.read_pilots(bench / "pilots.nc")
    theirs, out = tmp_path / "theirs.npz", tmp_path / "cal.toml"
    np.savez(
        theirs,
        received=read.pilots.received.conj(),
        phases_rad=read.pilots.plan.phases_rad,
        noise_variance=read.pilots.noise_variance,
    )
    line = ("calibrate", bench / "stack.toml", theirs, "-o", out, *TOLERANCES, *USER)
    assert "--conjugate" in refusal_of(capsys, *line)
    assert not out.exists()
    answer_of(capsys, *line, "--conjugate")
    ours = tmp_path / "ours.toml"
    answer_of(
        capsys, "calibrate", bench / "stack.toml", bench / "pilots.nc", "-o", ours, *TOLERANCES
    )
    assert out.read_text() == ours.read_text()


@pytest.mark.slow
def test_a_wrong_model_is_said_to_be_wrong(capsys, tmp_path, bench):
    """Displaced in y, looked for in z: the verdict says so, on stderr too, and the exit is 0."""
    out = tmp_path / "cal.toml"
    options = ("--dy-wavelengths", "0", "--dz-wavelengths", ".001", "--rz-deg", "0", "--json")
    line = ["calibrate", bench / "stack.toml", bench / "pilots.nc", "-o", out, *options]
    assert run(list(map(str, line))) == 0
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert not answer["residual_explained"]
    assert "the model is wrong" in answer["verdict"]
    assert "the model is wrong" in said.err


@pytest.mark.parametrize(
    "options", [("--atoms",), ("--stuck",), ("--no-prior",), ("--gain", "per-port")]
)
def test_further_unknowns_leave_a_sound_stack_alone(capsys, tmp_path, bench, options):
    out = tmp_path / "cal.toml"
    line = ("calibrate", bench / "stack.toml", bench / "pilots.nc", "-o", out)
    answer = answer_of(capsys, *line, *TOLERANCES, *options, "--truth", bench / "built.toml")
    assert answer["residual_explained"]
    assert answer["improvement_db"] > 5
    assert "stuck_atoms" not in answer


def test_stuck_atoms_are_written_into_the_stack(capsys, tmp_path, bench):
    """Two dead atoms of 27, from 240 responses: both found, and no other."""
    built, pilots, out = (tmp_path / name for name in ("built.toml", "p.nc", "cal.toml"))
    stack = ms.read_stack(bench / "built.toml")
    is_stuck = np.zeros(stack.stack.phases_shape, bool)
    is_stuck[[0, 2], [3, 7]] = True
    atoms = ms.StuckAtoms(ms.IdealAtoms(), is_stuck, np.zeros(is_stuck.shape, complex))
    dead = ms.make_stack(
        input_array=stack.stack.input_array,
        layer_array=stack.stack.layer_array,
        receiver_array=stack.stack.receiver_array,
        gaps_m=list(stack.stack.gaps_m),
        frequency_hz=stack.stack.frequency_hz,
        atoms=atoms,
        poses=stack.stack.poses,
    )
    ms.write_stack(StackDescription(dead, stack.target, "dead"), built)
    send = ("simulate", "pilots", built, "-o", pilots, "--slots", "60", *USER, "--snr-db", "30")
    answer_of(capsys, *send)
    line = ("calibrate", bench / "stack.toml", pilots, "-o", out, *TOLERANCES, "--stuck")
    answer = answer_of(capsys, *line)
    assert [(row["layer"], row["atom"]) for row in answer["stuck_atoms"]] == [(1, 3), (3, 7)]
    np.testing.assert_array_equal(ms.read_stack(out).stack.atoms.is_stuck, is_stuck)


@pytest.mark.slow
def test_a_plan_promises_what_calibration_keeps(capsys, tmp_path, bench):
    """Eight designed slots: the improvement that is predicted is met within 5 dB by one stack."""
    plan, pilots, out = (tmp_path / name for name in ("plan.nc", "pilots.nc", "cal.toml"))
    chosen = ("--snr-db", "30", "--slots", "8", "--steps", "30", *USER, *TOLERANCES)
    planned = answer_of(capsys, "calibrate", "plan", bench / "stack.toml", "-o", plan, *chosen)
    assert planned["random_slots_for_as_much"] > 8
    assert ms.read_plan(plan).plan.slots == 8
    built, truth = bench / "built.toml", ("--truth", bench / "built.toml")
    answer_of(capsys, "simulate", "pilots", built, "-o", pilots, "--plan", plan, "--snr-db", "30")
    line = ("calibrate", bench / "stack.toml", pilots, "-o", out, *TOLERANCES, *truth)
    reached_db = answer_of(capsys, *line)["improvement_db"]
    assert reached_db == pytest.approx(planned["expected_improvement_db"], abs=5)


@pytest.mark.slow
def test_the_fewest_random_slots_reach_what_was_wanted(capsys, tmp_path, bench):
    plan = tmp_path / "plan.nc"
    wanted = ("--wanted-improvement-db", "15", "--random", "--snr-db", "20", *USER, *TOLERANCES)
    answer = answer_of(capsys, "calibrate", "plan", bench / "stack.toml", "-o", plan, *wanted)
    assert answer["expected_improvement_db"] == pytest.approx(15, abs=1)
    assert ms.read_plan(plan).plan.slots == answer["slots"] > 1


def test_free_entries_stop_at_the_floor_and_poses_go_on(capsys, tmp_path, bench):
    """The matrices of the paper's way come no nearer than the gauge lets them; the poses that they
    show do."""
    out, matrices = tmp_path / "cal.toml", tmp_path / "m.mat"
    pilots = tmp_path / "pilots.nc"
    send = ("simulate", "pilots", bench / "built.toml", "-o", pilots, "--slots", "200", *USER)
    answer_of(capsys, *send)
    line = ("calibrate", "entries", bench / "stack.toml", pilots, "-o", out, *TOLERANCES)
    more = ("--stages", "2", "--matrices", matrices, "--truth", bench / "built.toml")
    answer = answer_of(capsys, *line, *more)
    assert answer["pilot_nmse_db"] < -60
    assert answer["improvement_db"] < answer["floor_of_the_gauge_db"] + 6
    assert answer["improvement_in_best_gauge_db"] > answer["improvement_db"] + 10
    assert answer["improvement_of_poses_db"] > answer["improvement_db"] + 10
    assert ms.read_stack(out).stack.layers == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--gain", "two"], "two"),
        (["--near", "1,2"], "must be 3 numbers"),
        (["--user-deviation", "-1"], "must not be negative"),
        (
            ["--dy-wavelengths", "0", "--dz-wavelengths", "0", "--rz-deg", "0"],
            "every deviation is 0",
        ),
        (["--dy-wavelengths", "nan"], "`tolerance.dy_m`"),
        (["--noise-variance", "-1"], "`noise_variance`"),
        (["--truth", "missing.toml"], "does not exist"),
        (["--matrices", "m.txt"], "must end in"),
    ],
)
def test_impossible_calibrations_are_refused(capsys, tmp_path, bench, options, message):
    out = tmp_path / "cal.toml"
    line = ("calibrate", bench / "stack.toml", bench / "pilots.nc", "-o", out, *options)
    assert message in refusal_of(capsys, *line)
    assert not out.exists()


def test_pilots_of_another_stack_are_refused(capsys, tmp_path, bench):
    other, out = tmp_path / "other.toml", tmp_path / "cal.toml"
    text = (bench / "stack.toml").read_text()
    other.write_text(text.replace("count = 3", "count = 2").replace("1.0,", "", 1))
    stack = ms.make_uniform_stack(
        ports=2, atoms_per_side=4, layers=3, thickness_wavelengths=3, spacing_wavelengths=0.5
    )
    ms.write_stack(StackDescription(stack, ms.dft_2d(2, 2), "other"), other)
    line = ("calibrate", other, bench / "pilots.nc", "-o", out, *TOLERANCES)
    assert "as the stack" in refusal_of(capsys, *line)


def test_a_plan_is_for_slots_or_for_an_improvement(capsys, tmp_path, bench):
    line = ("calibrate", "plan", bench / "stack.toml", "-o", tmp_path / "p.nc", "--snr-db", "20")
    both = ("--slots", "3", "--wanted-improvement-db", "10")
    assert "not both" in refusal_of(capsys, *line, *both)


@pytest.mark.slow
def test_the_loop_wins_back_what_fabrication_took(tmp_path):
    """The demo, as a user runs it: on the built stack, the target and directions are lost, and the
    design on the calibrated stack has them back: below -40 dB, and an interval that meets that of
    the stack as designed."""
    command = [sys.executable, "-c", "from metastack.cli import main; main()", "demo", "--json"]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path)], capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    perfect, lost, kept, again = answer["ways"]
    assert perfect["nmse_db"] < -100
    assert lost["nmse_db"] > -25
    assert again["nmse_db"] < -40
    assert lost["from_over_pi"] > 3 * perfect["to_over_pi"]
    assert kept["from_over_pi"] < 1.5 * perfect["to_over_pi"]
    assert again["from_over_pi"] < perfect["to_over_pi"]
    assert again["to_over_pi"] > perfect["from_over_pi"]
    assert (tmp_path / "report.html").stat().st_size > 100_000


def test_an_output_that_is_an_input_is_refused(capsys, bench):
    before = (bench / "stack.toml").read_bytes()
    line = ("calibrate", bench / "stack.toml", bench / "pilots.nc", "-o", bench / "stack.toml")
    assert "would be lost" in refusal_of(capsys, *line, *TOLERANCES)
    assert (bench / "stack.toml").read_bytes() == before


def test_a_folder_that_is_a_file_is_refused(capsys, tmp_path, bench):
    taken = tmp_path / "taken"
    taken.write_text("years of work")
    line = ("loop", bench / "stack.toml", "-o", taken, *USER)
    assert "cannot be made" in refusal_of(capsys, *line)
    assert taken.read_text() == "years of work"


def test_a_truth_of_another_size_is_refused(capsys, tmp_path, bench):
    other, out = tmp_path / "other.toml", tmp_path / "cal.toml"
    stack = ms.make_uniform_stack(
        ports=2, atoms_per_side=4, layers=3, thickness_wavelengths=3, spacing_wavelengths=0.5
    )
    ms.write_stack(StackDescription(stack, ms.dft_2d(2, 2), "other"), other)
    line = ("calibrate", bench / "stack.toml", bench / "pilots.nc", "-o", out, "--truth", other)
    assert "of the same size" in refusal_of(capsys, *line, *TOLERANCES)
    assert not out.exists()


def test_a_gain_for_each_slot_needs_more_than_one_antenna(capsys, tmp_path, bench):
    """With a gain for every number that was received, pilots say nothing of poses."""
    read = ms.read_pilots(bench / "pilots.nc")
    stack, pilots = tmp_path / "one.toml", tmp_path / "one.npz"
    whole = ms.read_stack(bench / "stack.toml").stack
    half_m = float(whole.wavelength_m) / 2
    one = ms.make_stack(
        input_array=whole.input_array,
        layer_array=whole.layer_array,
        receiver_array=ms.PlanarArray(1, 1, half_m, half_m),
        gaps_m=list(whole.gaps_m),
        frequency_hz=float(whole.frequency_hz),
    )
    ms.write_stack(StackDescription(one, np.ones((1, 4), complex), "one antenna"), stack)
    received, phases = read.pilots.received[:, :1], read.pilots.plan.phases_rad
    np.savez(pilots, received=received, phases_rad=phases)
    line = ("calibrate", stack, pilots, "-o", tmp_path / "cal.toml", *USER, *TOLERANCES)
    assert "let fewer gains be unknown" in refusal_of(capsys, *line, "--gain", "per-slot")


@pytest.mark.slow
def test_a_user_that_is_looked_for_is_printed(capsys, tmp_path, bench):
    """Its direction, two cosines, within five of the deviations beside them."""
    line = ("calibrate", bench / "stack.toml", bench / "pilots.nc", "-o", tmp_path / "cal.toml")
    answer = answer_of(capsys, *line, *TOLERANCES, "--user-deviation", ".02")
    (row,) = answer["users_found"]
    truth = ms.read_pilots(bench / "pilots.nc").pilots.plan.illumination.waves.coordinates[0]
    for axis, cosine in zip("xy", truth, strict=True):
        assert abs(row[f"{axis}_cosine"] - cosine) < 5 * row[f"{axis}_deviation_cosine"]


@pytest.mark.slow
def test_deviations_are_wider_where_the_noise_is_understated(capsys, tmp_path, bench):
    """A hundredth of the noise that there is: ten times the deviations, so that they stay true."""
    line = ("calibrate", bench / "stack.toml", bench / "pilots.nc", "-o", tmp_path / "cal.toml")
    sound = answer_of(capsys, *line, *TOLERANCES)
    stated = ("--noise-variance", str(sound["noise_variance"] / 100))
    wrong = answer_of(capsys, *line, *TOLERANCES, *stated)
    assert not wrong["residual_explained"]
    assert wrong["expected_improvement_db"] is None
    key = "dy_deviation_wavelengths"
    for one, other in zip(sound["planes"], wrong["planes"], strict=True):
        assert other[key] == pytest.approx(one[key], rel=0.15)


def test_ctrl_c_in_a_calibration_keeps_what_it_has(capsys, tmp_path, bench, monkeypatch):
    """The best so far is written, the exit code is that of the shell."""
    from metastack.calibration import least_squares

    def interrupted(*_arguments, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(least_squares, "damped_step", interrupted, raising=True)
    out = tmp_path / "cal.toml"
    line = ["calibrate", bench / "stack.toml", bench / "pilots.nc", "-o", out, *TOLERANCES]
    assert run(list(map(str, line))) == 130
    assert ms.read_stack(out).stack.layers == 3
