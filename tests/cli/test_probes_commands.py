"""Probes between layers and few directions, as a user types them, and files of probes."""

import numpy as np
import pytest
import scipy.io
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.calibration import FromInputPorts, PilotPlan, Pilots, PowerProbes
from metastack.cli.main import run
from metastack.files import FileKind, StackDescription, identify

TOLERANCES = ("--dy-wavelengths", ".02", "--dz-wavelengths", "0", "--rz-deg", "0", "--gaussian")
RNG = np.random.default_rng(0)
PLAN = PilotPlan(RNG.uniform(0, 2 * np.pi, (4, 2, 6)), FromInputPorts())
PILOTS = Pilots.measured(PLAN, RNG.normal(size=(4, 3, 2, 2)) @ [1, 1j], 0.25)
READINGS = RNG.normal(size=(4, 3, 2))
PROBES = (
    PowerProbes(1, RNG.normal(size=(2, 3)), np.array([0.1, 0.3])),
    PowerProbes(2, RNG.normal(size=(1, 3)), np.array([0.2])),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A small stack as drawn and as built; pilots of the built one, and readings of probes."""
    folder = tmp_path_factory.mktemp("probes")
    stack = ms.make_uniform_stack(
        ports=2, atoms_per_side=3, layers=2, thickness_wavelengths=2, spacing_wavelengths=0.5
    )
    ms.write_stack(StackDescription(stack, ms.dft_2d(2, 2), "small"), folder / "stack.toml")
    built, probed = str(folder / "built.toml"), str(folder / "probed.nc")
    drawn = str(folder / "stack.toml")
    assert run(["simulate", "built", drawn, "-o", built, *TOLERANCES, "--seed", "5"]) == 0
    how = ("--slots", "6", "--far", "20,35", "--gain-db", "-7", "--behind", "1")
    assert run(["simulate", "probes", built, "-o", probed, *how, "--probe-snr-db", "35"]) == 0
    return folder


def test_a_stack_calibrated_with_probes_is_the_built_one(capsys, tmp_path, bench):
    """Poses within five of the deviations that are printed; readings and pilots explained; what
    probes bought is what both expectations differ by."""
    out = tmp_path / "cal.toml"
    line = ("calibrate", "probes", bench / "stack.toml", bench / "probed.nc", "-o", out)
    answer = answer_of(capsys, *line, *TOLERANCES, "--truth", bench / "built.toml")
    built, found = (ms.read_stack(path).stack for path in (bench / "built.toml", out))
    error = (found.poses.dy_m - built.poses.dy_m)[1:-1] / built.wavelength_m
    deviations = [row["dy_deviation_wavelengths"] for row in answer["planes"]]
    assert np.all(np.abs(error) < 5 * np.array(deviations))
    assert (answer["probes"], answer["residual_explained"]) == (3, True)
    with_probes, without = (
        answer[f"expected_improvement{which}_db"] for which in ("", "_without_probes")
    )
    np.testing.assert_allclose(answer["probes_bought_db"], with_probes - without)
    assert answer["probes_bought_db"] > 1
    for row in answer["deviations"]:
        assert row["left_with_probes_percent"] < row["left_without_probes_percent"]
    assert [row["behind_layer"] for row in answer["probe_readings"]] == [1, 1, 1]


def test_probes_said_to_read_less_noise_are_warned_of(capsys, tmp_path, bench):
    """A hundredth of what they read in the dark: one line names what to look at."""
    stored = ms.read_probed_pilots(bench / "probed.nc")
    (probes,) = stored.probes
    bold = PowerProbes(1, probes.positions_m, np.asarray(probes.noise_variance) / 100)
    ms.write_probed_pilots(stored.pilots, [bold], stored.readings, tmp_path / "bold.mat")
    line = ("calibrate", "probes", bench / "stack.toml", tmp_path / "bold.mat")
    assert run([*map(str, line), "-o", str(tmp_path / "cal.toml"), *TOLERANCES]) == 0
    printed = capsys.readouterr()
    assert "what it reads in the dark" in printed.err
    assert printed.err.count("\n") == 1


def test_few_directions_stand_beside_the_full_fit(capsys, tmp_path, bench):
    """Of two unknowns one direction: what it leaves is not less than what the full fit leaves, and
    no deviation is smaller. Pilots serve though there are probes beside them, with a warning."""
    line = ("calibrate", "few", bench / "stack.toml", bench / "probed.nc", "-o")
    answer = answer_of(
        capsys, *line, tmp_path / "few.toml", "--directions", "1", *TOLERANCES,
        "--truth", bench / "built.toml",
    )  # fmt: skip
    few, free, whole = answer["fits"]
    assert (few["fit"], free["fit"], whole["fit"]) == ("few, prior", "few, no prior", "all, prior")
    assert few["unexplained_db"] >= whole["unexplained_db"] - 1e-6
    assert few["expected_improvement_db"] <= whole["expected_improvement_db"] + 1e-6
    assert free["expected_improvement_db"] is None
    assert all(row["ratio"] > 1 - 1e-9 for row in answer["deviations"])
    assert answer_of(capsys, "check", tmp_path / "few.toml")["verdict"] == "usable"
    assert run([*map(str, line), str(tmp_path / "no.toml"), "--directions", "3", *TOLERANCES]) == 2
    *_, refused = capsys.readouterr().err.splitlines()
    assert "`--directions` must be from 1 to 2, the unknowns, but is 3" in refused


@pytest.mark.slow
@pytest.mark.parametrize("command", ["probes", "few"])
def test_both_are_drawn(capsys, tmp_path, bench, command):
    figure = tmp_path / "figure.png"
    line = ("calibrate", command, bench / "stack.toml", bench / "probed.nc", "-o")
    more = ("--figure", figure, "--stacks", "2")
    few = ("--directions", "1") if command == "few" else ()
    answer_of(capsys, *line, tmp_path / "cal.toml", *TOLERANCES, *more, *few)
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_pilots_with_probes_say_what_they_are(capsys, bench):
    """In `show`."""
    facts = answer_of(capsys, "show", bench / "probed.nc")
    assert (facts["kind"], facts["antennas"], facts["probes"]) == ("pilots", 4, 3)


@pytest.mark.parametrize("name", ["probed.nc", "probed.npz", "probed.mat"])
def test_readings_of_probes_keep_everything(tmp_path, name):
    """Exactly, in every format."""
    ms.write_probed_pilots(PILOTS, PROBES, READINGS, tmp_path / name, frequency_hz=28e9)
    assert identify(tmp_path / name) is FileKind.PILOTS
    stored = ms.read_probed_pilots(tmp_path / name)
    np.testing.assert_array_equal(stored.pilots.received, PILOTS.received)
    np.testing.assert_array_equal(stored.readings, READINGS)
    for each, other in zip(stored.probes, PROBES, strict=True):
        assert each.layer == other.layer
        np.testing.assert_array_equal(each.positions_m, other.positions_m)
        np.testing.assert_array_equal(each.noise_variance, other.noise_variance)
    assert (stored.frequency_hz, stored.warnings) == (28e9, [])
    (warning,) = ms.read_pilots(tmp_path / name).warnings
    assert "`metastack calibrate probes` takes them" in warning


def foreign(**other):
    """As MATLAB's users write it: one user, one number for all noise, rows for columns."""
    return {
        "phases_rad": PLAN.phases_rad,
        "received": PILOTS.received[..., 0],
        "lit_plane": 0,
        "noise_variance": 0.25,
        "probe_readings": READINGS[..., 0],
        "probe_layers": [[1, 1, 2]],
        "probe_positions_m": np.ones((3, 3)),
        "probe_noise": 0.1,
        **other,
    }


def test_a_foreign_file_may_leave_out_axes_of_one(tmp_path):
    scipy.io.savemat(tmp_path / "f.mat", foreign())
    stored = ms.read_probed_pilots(tmp_path / "f.mat")
    assert stored.readings.shape == (4, 3, 1)
    assert [(each.layer, len(each.positions_m)) for each in stored.probes] == [(1, 2), (2, 1)]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"probe_readings": READINGS[:2, :, 0]}, "must be slots x probes x users, 4 x 3 x users"),
        ({"probe_readings": READINGS}, "must be of as many users as `received`, 1, but are of 2"),
        ({"probe_readings": 1j * READINGS[..., 0]}, "`probe_readings` must be real numbers"),
        ({"probe_readings": np.nan * READINGS[..., 0]}, "`probe_readings` must be finite"),
        ({"probe_layers": [[1, 1, 1.5]]}, "`probe_layers` must be whole numbers from 1"),
        ({"probe_positions_m": np.ones((3, 2))}, "must be 3 probes x 3, but have shape (3, 2)"),
        ({"probe_noise": [0.1, 0.2]}, "one number or one for each of 3 probes, but are 2"),
        ({"probe_noise": 0.0}, "`probe_noise` must be positive, but is 0"),
    ],
)
def test_probes_that_contradict_themselves_are_refused(tmp_path, other, said):
    scipy.io.savemat(tmp_path / "f.mat", foreign(**other))
    with pytest.raises(ms.InputError) as caught:
        ms.read_probed_pilots(tmp_path / "f.mat")
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_files_without_probes_or_with_half_of_them_are_refused(capsys, tmp_path, bench):
    """What is missing is named."""
    ms.write_pilots(PILOTS, tmp_path / "plain.nc")
    line = ("calibrate", "probes", bench / "stack.toml")
    out = ("-o", tmp_path / "cal.toml")
    assert "must hold `probe_readings`" in refusal_of(capsys, *line, tmp_path / "plain.nc", *out)
    arrays = foreign()
    del arrays["probe_noise"]
    scipy.io.savemat(tmp_path / "half.mat", arrays)
    assert "`probe_noise`, but holds" in refusal_of(capsys, *line, tmp_path / "half.mat", *out)
    refused = refusal_of(
        capsys, *line, bench / "probed.nc", *out, "--no-prior", "--figure", "f.png"
    )
    assert "`--figure` must go with tolerances" in refused


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--behind", "3"), "`--behind` must be from 1 to 2, but is 3"),
        (("--behind", "1", "--behind", "1"), "must name layers once"),
        (("--probes", "10"), "must be from 1 to 9, its atoms, but are 10"),
        (("--atom", "9"), "`atoms` must be from 0 to 8"),
        (("--distance-wavelengths", "5"), "must be between 0 and"),
        (("--probe-snr-db", "nan"), "`--probe-snr-db` must be"),
    ],
)
def test_impossible_probes_are_refused(capsys, tmp_path, bench, options, said):
    """In one line, before anything is written."""
    out = tmp_path / "probed.nc"
    line = ("simulate", "probes", bench / "stack.toml", "-o", out, *options)
    assert said in refusal_of(capsys, *line)
    assert not out.exists()
