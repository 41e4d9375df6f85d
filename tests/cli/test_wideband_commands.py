"""Wideband pilots and calibration, as a user types them, and their files."""

import numpy as np
import pytest
import scipy.io
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.calibration import FromInputPorts, PilotPlan, WidebandPilots
from metastack.cli.main import run
from metastack.files import FileKind, StackDescription, identify, read_dispersion

TOLERANCES = ("--dy-wavelengths", ".02", "--dz-wavelengths", "0", "--rz-deg", "0")
BAND = ("--bandwidth-percent", "10", "--frequencies", "5", "--resonator-q", "8")
BENCH = ("--far", "20,35", "--snr-db", "30", "--gain-db", "-7", "--delay-ns", "3")
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A folder with a small stack as drawn and as built, and pilots of the built one."""
    folder = tmp_path_factory.mktemp("bench")
    stack = ms.make_uniform_stack(
        ports=2, atoms_per_side=3, layers=2, thickness_wavelengths=2, spacing_wavelengths=0.5
    )
    ms.write_stack(StackDescription(stack, ms.dft_2d(2, 2), "small"), folder / "stack.toml")
    for line in (
        ("simulate", "built", "stack.toml", "-o", "built.toml", *TOLERANCES, "--seed", "5"),
        ("simulate", "wideband", "built.toml", "-o", "band.nc", "--slots", "12", *BAND, *BENCH),
        ("simulate", "pilots", "built.toml", "-o", "one.nc", "--slots", "12", *BENCH[:4]),
    ):
        files = [str(folder / each) if "." in each and each[0] != "-" else each for each in line]
        files[5:] = line[5:]
        assert run(files) == 0
    return folder


@pytest.fixture
def table(bench):
    """The resonator of the bench as a measured table, in the wrong order."""
    centre = 60e9
    lines = ["# measured at night", "setting_deg,frequency_hz,amplitude,phase_deg"]
    for setting in range(355, -1, -5):
        for share in np.linspace(1.06, 0.94, 25):
            half = np.radians((setting + 180) % 360 - 180) / 2
            reach = np.hypot(np.sin(half), 16 * np.cos(half))
            turned = np.sin(half) * (share + 1 / share) / 2 + reach * (share - 1 / share) / 2
            phase = np.degrees(2 * np.arctan2(turned, np.cos(half)))
            lines.append(f"{setting},{centre * share},1,{phase % 360}")
    path = bench / "atoms.csv"
    path.write_text("\n".join(lines))
    return path


def test_a_stack_calibrated_over_a_band_is_the_built_one(capsys, tmp_path, bench):
    """Poses within five of the deviations that are printed, the noise explained, matrices nearer by
    10 dB at least; the file serves wherever a stack file does."""
    out = tmp_path / "cal.toml"
    line = ("calibrate", "wideband", bench / "stack.toml", bench / "band.nc", "-o", out)
    page = tmp_path / "page.html"
    how = ("--resonator-q", "8", "--truth", bench / "built.toml", "--report", page)
    answer = answer_of(capsys, *line, *TOLERANCES, *how)
    built, found = (ms.read_stack(path).stack for path in (bench / "built.toml", out))
    error = (found.poses.dy_m - built.poses.dy_m)[1:-1] / built.wavelength_m
    deviations = [row["dy_deviation_wavelengths"] for row in answer["planes"]]
    assert np.all(np.abs(error) < 5 * np.array(deviations))
    assert (answer["slots"], answer["frequencies"], answer["residual_explained"]) == (12, 5, True)
    assert answer["improvement_db"] > 10
    assert len(answer["matrices"]) == 3
    assert answer_of(capsys, "check", out)["verdict"] == "usable"
    assert "Is the noise explained?" in page.read_text()


def test_the_wrong_dispersion_is_warned_of(capsys, tmp_path, bench):
    """One line on standard error names the options to try; the answer stands."""
    line = ("calibrate", "wideband", bench / "stack.toml", bench / "band.nc")
    assert run([*map(str, line), "-o", str(tmp_path / "cal.toml"), *TOLERANCES]) == 0
    printed = capsys.readouterr()
    assert "--resonator-q, --dispersion" in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.slow
def test_a_measured_table_serves_as_the_resonator(capsys, tmp_path, bench, table):
    """Pilots of the resonator explained by its table: interpolation between settings 5° apart is
    below the noise. `check` and `show` know the table."""
    facts = answer_of(capsys, "show", table)
    assert (facts["kind"], facts["settings"], facts["frequencies"]) == (
        "table of measured dispersion", 72, 25,
    )  # fmt: skip
    measured = read_dispersion(table, centre_hz=60e9)
    shown = np.asarray(measured.gain)[:, 12]
    np.testing.assert_allclose(shown, 0, atol=1e-9)
    line = ("calibrate", "wideband", bench / "stack.toml", bench / "band.nc")
    answer = answer_of(
        capsys, *line, "-o", tmp_path / "cal.toml", *TOLERANCES, "--dispersion", table
    )
    assert answer["residual_explained"]


def test_pilots_of_a_band_say_what_they_are(capsys, bench):
    """In `show`: frequencies beside antennas and users."""
    facts = answer_of(capsys, "show", bench / "band.nc")
    assert (facts["kind"], facts["antennas"], facts["users"]) == ("pilots", 4, 1)
    np.testing.assert_allclose(facts["frequencies_hz"], 60e9 * np.linspace(0.95, 1.05, 5))
    assert facts["frequency_hz"] == 60e9


@pytest.mark.parametrize("name", ["pilots.nc", "pilots.npz", "pilots.mat"])
@pytest.mark.parametrize("frequencies", [1, 3])
def test_pilots_of_a_band_keep_everything(tmp_path, name, frequencies):
    """Exactly, in every format."""
    plan = PilotPlan(RNG.uniform(0, 2 * np.pi, (4, 2, 6)), FromInputPorts())
    received = RNG.normal(size=(4, 3, 2, frequencies, 2)) @ [1, 1j]
    places = 28e9 + 1e9 * np.arange(frequencies)
    pilots = WidebandPilots.measured(plan, places, received, 0.25)
    ms.write_wideband_pilots(pilots, tmp_path / name, frequency_hz=28e9)
    assert identify(tmp_path / name) is FileKind.PILOTS
    stored = ms.read_wideband_pilots(tmp_path / name)
    np.testing.assert_array_equal(stored.pilots.received, received)
    np.testing.assert_array_equal(stored.pilots.frequencies_hz, places)
    np.testing.assert_array_equal(stored.pilots.plan.phases_rad, plan.phases_rad)
    assert (stored.frequency_hz, stored.pilots.noise_variance, stored.warnings) == (28e9, 0.25, [])


def test_a_foreign_file_may_leave_out_axes_of_one(tmp_path):
    """One user, as MATLAB's users write it; or one frequency, as MATLAB itself does."""
    phases = RNG.uniform(0, 2 * np.pi, (4, 2, 6))
    for shape, places, full in (
        ((4, 3, 5), 28e9 + np.arange(5), (4, 3, 1, 5)),
        ((4, 3, 2), [28e9], (4, 3, 2, 1)),
    ):
        arrays = {"received": RNG.normal(size=shape) + 1j, "phases_rad": phases}
        scipy.io.savemat(tmp_path / "f.mat", {**arrays, "frequencies_hz": places, "lit_plane": 0})
        assert ms.read_wideband_pilots(tmp_path / "f.mat").pilots.received.shape == full


def test_the_two_kinds_of_pilots_are_not_taken_for_each_other(capsys, tmp_path, bench):
    """Each refusal names the command that reads the file."""
    out = ("-o", tmp_path / "cal.toml")
    of_one = refusal_of(
        capsys, "calibrate", "wideband", bench / "stack.toml", bench / "one.nc", *out
    )
    assert "for `metastack calibrate`" in of_one
    of_many = refusal_of(capsys, "calibrate", bench / "stack.toml", bench / "band.nc", *out)
    assert "`metastack calibrate wideband`" in of_many


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--resonator-q", "-1"), "`--resonator-q` must be positive"),
        (("--resonator-q", "3", "--dispersion", "x.csv"), "not both"),
        (("--bandwidth-percent", "0"), "more than 0"),
        (("--delay-ns", "nan"), "`--delay-ns` must be finite"),
    ],
)
def test_impossible_bands_are_refused(capsys, tmp_path, bench, options, said):
    """In one line, before anything is written."""
    out = tmp_path / "band.nc"
    line = ("simulate", "wideband", bench / "stack.toml", "-o", out, *options)
    assert said in refusal_of(capsys, *line)
    assert not out.exists()


def test_a_table_with_holes_is_refused(capsys, tmp_path, bench, table):
    """It says how many lines are missing."""
    short = tmp_path / "short.csv"
    short.write_text("\n".join(table.read_text().splitlines()[:-1]))
    line = ("simulate", "wideband", bench / "stack.toml", "-o", tmp_path / "band.nc")
    assert "1 are missing" in refusal_of(capsys, *line, "--dispersion", short)
