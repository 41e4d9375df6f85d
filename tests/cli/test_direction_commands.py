"""Designs for directions as a user types them: from `design --for doa` to a direction and back."""

import json
import warnings
from math import pi, sqrt

import numpy as np
import pytest
from test_commands import answer_of, refusal_of

from metastack.cli.main import run
from metastack.doa import bound_over_view
from metastack.files import read_codes, read_direction_design, read_input_codes

STACK = """
name = "small"
frequency_hz = 60e9
[input]
columns = 2
rows = 2
spacing_wavelengths = {spacing}
[layers]
count = 3
columns = 5
rows = 5
spacing_wavelengths = 0.5
[receivers]
columns = 2
rows = 2
spacing_wavelengths = 0.5
[gaps]
thickness_wavelengths = 4
"""
QUICK = ("--for", "doa", "--physical-snr-db", 30, "--iterations", 30)
SOURCE_OVER_PI = (0.3, -0.2)


def ran(*arguments):
    assert run(list(map(str, arguments))) == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A stack, a design with the protocol's ramps and one with patterns, recordings of both."""
    folder = tmp_path_factory.mktemp("directions")
    for name, spacing in (("stack", 0.5), ("wide", 0.6)):
        (folder / f"{name}.toml").write_text(STACK.format(spacing=spacing))
    stack = folder / "stack.toml"
    ran("design", stack, *QUICK, "-o", folder / "ramps.nc")
    ran("design", stack, *QUICK, "--free-patterns", "-o", folder / "patterns.nc")
    ran("design", stack, "-o", folder / "dft.nc")
    for name in ("ramps", "patterns", "dft"):
        source = ("--psi-over-pi", *SOURCE_OVER_PI, "--physical-snr-db", 40)
        out = folder / f"{name}_seen.nc"
        ran("simulate", "snapshots", folder / f"{name}.nc", "-o", out, *source)
    return folder


@pytest.fixture(params=["ramps", pytest.param("patterns", marks=pytest.mark.slow)])
def pair(request, folder):
    """A design for directions and its recording."""
    return folder / f"{request.param}.nc", folder / f"{request.param}_seen.nc"


def warned(capsys, *arguments):
    """The answer of a command that must succeed, and the one line that it warns with."""
    code = run([*map(str, arguments), "--json"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    # On a busy machine there are lines of progress as well.
    lines = [line for line in printed.err.splitlines() if not line.startswith("design: start")]
    assert len(lines) == 1
    assert lines[0].startswith("metastack: warning: ")
    return json.loads(printed.out), lines[0]


def test_show_tells_what_the_design_told(capsys, folder, tmp_path):
    """The same numbers from the run and from its file."""
    path = tmp_path / "d.nc"
    told = answer_of(capsys, "design", folder / "stack.toml", *QUICK, "-o", path)
    shown = answer_of(capsys, "show", path)
    assert shown["kind"] == "direction design"
    for key in told.keys() - {"starts_run", "output"}:
        assert shown[key] == told[key], key
    assert shown["deviation_bound_over_pi"] == sqrt(read_direction_design(path).bound_rad2) / pi
    assert shown["outcome_code"] == "FINISHED"
    assert answer_of(capsys, "check", path)["verdict"] == "usable"


def test_options_of_the_goal_reach_the_design(capsys, folder, tmp_path):
    path, page = tmp_path / "d.nc", tmp_path / "d.html"
    answer = answer_of(
        capsys, "design", folder / "stack.toml", *QUICK, "-o", path, "--worst", "--bits", 2,
        "--snapshots-x", 3, "--snapshots-y", 2, "--field-of-view-over-pi", 0.5, "--starts", 2,
        "--report", page,
    )  # fmt: skip
    assert answer["weighs"] == "Worst"
    assert answer["field_of_view_over_pi"] == pytest.approx(0.5)
    assert (answer["snapshots_x"], answer["snapshots_y"], answer["starts_run"]) == (3, 2, 2)
    assert type(read_direction_design(path).stack.atoms).__name__ == "QuantisedAtoms"
    assert "6 (3 × 2)" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("design", ["ramps", "patterns", "dft"])
def test_maximum_likelihood_finds_the_source(capsys, folder, design):
    """Within five standard deviations in both angles: one in two million runs misses."""
    answer = answer_of(capsys, "doa", folder / f"{design}.nc", folder / f"{design}_seen.nc")
    for axis, true in zip("xy", SOURCE_OVER_PI, strict=True):
        deviation = answer[f"psi_{axis}_deviation_over_pi"]
        assert answer[f"true_psi_{axis}_over_pi"] == pytest.approx(true)
        assert 0 < deviation < 0.05
        assert abs(answer[f"psi_{axis}_over_pi"] - true) < 5 * deviation
    assert answer["physical_snr_db"] == pytest.approx(40, abs=3)


def test_the_closed_form_start_is_near(capsys, pair):
    """Within a quarter of a main lobe, from where the likelihood can be climbed."""
    answer = answer_of(capsys, "doa", *pair, "--estimator", "start")
    for axis, true in zip("xy", SOURCE_OVER_PI, strict=True):
        assert abs(answer[f"psi_{axis}_over_pi"] - true) < 0.25


@pytest.mark.slow
def test_a_known_noise_is_taken_as_it_is(capsys, pair):
    answer = answer_of(capsys, "doa", *pair, "--noise-variance", 1e-4)
    assert answer["noise_variance"] == pytest.approx(1e-4)


@pytest.mark.slow
def test_the_number_of_sources_is_found(capsys, folder):
    """One steady source at 40 dB is not mistaken for none or two at a false alarm of 1e-3."""
    pair = folder / "patterns.nc", folder / "patterns_seen.nc"
    answer = answer_of(capsys, "doa", *pair, "--sources", "auto")
    assert answer["sources_found"] == 1
    (source,) = answer["sources"]
    assert source["psi_x_over_pi"] == pytest.approx(SOURCE_OVER_PI[0], abs=0.05)


def test_two_sources_are_both_found(capsys, folder, tmp_path):
    """Half a turn apart in both angles and of equal power, in either order."""
    design, seen = folder / "ramps.nc", tmp_path / "two.csv"
    answer_of(
        capsys, "simulate", "snapshots", design, "-o", seen, "--psi-over-pi", 0.4, 0.4,
        "--also-psi-over-pi=-0.5,-0.4", "--physical-snr-db", 50,
    )  # fmt: skip
    answer = answer_of(capsys, "doa", design, seen, "--sources", 2)
    found = sorted((row["psi_x_over_pi"], row["psi_y_over_pi"]) for row in answer["sources"])
    np.testing.assert_allclose(found, [(-0.5, -0.4), (0.4, 0.4)], atol=0.05)


def test_pictures_are_drawn(capsys, folder, pair, tmp_path):
    """The likelihood for any design; the angular spectrum only where probes are DFT bins."""
    likelihood, spectrum = tmp_path / "likelihood.png", tmp_path / "spectrum.svg"
    answer_of(capsys, "doa", *pair, "--likelihood", likelihood)
    assert likelihood.read_bytes().startswith(b"\x89PNG")
    answer_of(capsys, "doa", folder / "dft.nc", folder / "dft_seen.nc", "--spectrum", spectrum)
    assert "<svg" in spectrum.read_text()


def test_codes_of_ramps_are_those_of_the_layers(capsys, folder, tmp_path):
    """At 16 bits, errors of up to 5e-5 rad change the bound by less than a thousandth."""
    answer = answer_of(
        capsys, "export", folder / "ramps.nc", "--bits", 16, "-o", tmp_path / "codes.csv"
    )
    assert answer["rounded_deviation_bound_over_pi"] == pytest.approx(
        answer["deviation_bound_over_pi"], rel=1e-3
    )
    assert {path.name for path in tmp_path.iterdir()} == {"codes.csv", "codes.npy"}
    assert answer_of(capsys, "check", tmp_path / "codes.csv")["verdict"] == "usable"


def test_codes_of_patterns_bring_those_of_the_input_layer(capsys, folder, tmp_path):
    """Each code is the nearest of 8 phases, and the bound said is the one with all rounded."""
    path = folder / "patterns.nc"
    answer = answer_of(capsys, "export", path, "--bits", 3, "-o", tmp_path / "codes.csv")
    table = tmp_path / "codes_input.csv"
    rows = [line for line in table.read_text().splitlines() if line[:1] != "#"]
    assert rows[0] == "snapshot,row,column,code"
    assert rows[1].startswith("0,0,0,")
    assert rows[-1].startswith("15,1,1,")
    assert answer["input_output"] == str(table)
    design = read_direction_design(path)
    for asked, given in (
        (design.phases_rad, read_codes(tmp_path / "codes.csv")),
        (design.input_phases_rad, read_input_codes(table)),
    ):
        assert np.abs(np.angle(np.exp(1j * (asked - given)))).max() <= pi / 8 + 1e-12
    assert answer_of(capsys, "show", table) == {
        "kind": "table of codes of the input layer",
        "snapshots": 16,
        "inputs": 4,
    }
    assert answer["rounded_deviation_bound_over_pi"] == pytest.approx(
        _bound_over_pi(design, tmp_path), rel=1e-9
    )
    assert answer["rounded_deviation_bound_over_pi"] > answer["deviation_bound_over_pi"]


def _bound_over_pi(design, folder):
    """The bound with the phases of the tables, put together by hand."""
    from metastack import response
    from metastack.doa import DirectionModel

    G = response(design.stack, read_codes(folder / "codes.csv"))
    patterns = read_input_codes(folder / "codes_input.csv")
    model = DirectionModel.of_patterns(np.asarray(G), patterns, columns=2, rows=2)
    return sqrt(np.mean(bound_over_view(model, design.goal))) / pi


def test_a_report_tells_the_design_and_the_direction(capsys, pair, tmp_path):
    design, seen = pair
    page = tmp_path / "report.html"
    answer_of(capsys, "report", design, "-o", page)
    assert "Direction of arrival" not in page.read_text(encoding="utf-8")
    answer_of(capsys, "report", design, "-o", page, "--snapshots", seen)
    text = page.read_text(encoding="utf-8")
    facts = answer_of(capsys, "show", design)
    assert f"{facts['deviation_bound_over_pi']:.3g} π" in text
    assert "Direction of arrival" in text
    assert "Design made by command" in text


@pytest.mark.slow
def test_spacing_above_half_a_wavelength_warns_and_answers(capsys, folder, tmp_path):
    """ψ is still told; only the angles in space fold."""
    design, seen = tmp_path / "d.nc", tmp_path / "r.nc"
    answer_of(capsys, "design", folder / "wide.toml", *QUICK, "-o", design)
    source = ("--psi-over-pi", *SOURCE_OVER_PI, "--physical-snr-db", 40)
    answer_of(capsys, "simulate", "snapshots", design, "-o", seen, *source)
    answer, line = warned(capsys, "doa", design, seen)
    assert "0.6 wavelengths is above one half" in line
    assert answer["psi_x_over_pi"] == pytest.approx(SOURCE_OVER_PI[0], abs=0.05)


@pytest.mark.slow
def test_an_ambiguous_direction_warns_and_answers(capsys, folder, tmp_path):
    """At 0 dB another direction is within a few nats of the best."""
    seen = tmp_path / "r.nc"
    source = ("--psi-over-pi", 0.2, 0.3, "--physical-snr-db", 0)
    answer_of(capsys, "simulate", "snapshots", folder / "ramps.nc", "-o", seen, *source)
    _, line = warned(capsys, "doa", folder / "ramps.nc", seen)
    assert "almost as likely" in line


@pytest.mark.slow
def test_a_design_that_leaves_directions_untold_warns(capsys, folder, tmp_path):
    """One snapshot and three iterations: 3 ratios of energies for two angles, and blind spots."""
    _, line = warned(
        capsys, "design", folder / "stack.toml", "--for", "doa", "--physical-snr-db", -20,
        "--iterations", 3, "--snapshots-x", 1, "--snapshots-y", 1, "-o", tmp_path / "d.nc",
    )  # fmt: skip
    assert "do not tell every direction" in line


@pytest.mark.slow
def test_deviations_that_say_nothing_are_unknown(capsys, folder, tmp_path):
    """Energies a thousandfold below the known noise: null in JSON, with a picture all the same."""
    seen, picture = tmp_path / "r.csv", tmp_path / "l.png"
    np.savetxt(seen, 1e-3 * np.random.default_rng(0).random((16, 4)), delimiter=",")
    arguments = ("doa", folder / "ramps.nc", seen, "--noise-variance", 1e3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer, _ = warned(capsys, *arguments, "--likelihood", picture)
    assert answer["psi_x_deviation_over_pi"] is None
    assert answer["theta_deviation_deg"] is None
    assert picture.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "`--for doa` needs `--physical-snr-db`"),
        (["--physical-snr-db", "nan"], "`--physical-snr-db` must be from"),
        (["--physical-snr-db", "-1e9"], "but is -1000000000.0"),
        (["--physical-snr-db", "30", "--sources", "3"], "`sources` must be from 1 to 2"),
        (["--physical-snr-db", "30", "--sources", "0"], "--sources"),
        (["--physical-snr-db", "30", "--field-of-view-over-pi", "0"], "`field_of_view_rad`"),
        (["--physical-snr-db", "30", "--report", "none/x.html"], "folder must exist"),
        *(
            (["--physical-snr-db", "30", *option], f"`{option[0]}` belongs to `--for target`")
            for option in (
                ["--method", "adam"],
                ["--insertion-loss-db", "3"],
                ["--decay", "0.5"],
                ["--resume", "d.nc"],
                ["--random-start"],
            )
        ),
    ],
)
def test_designs_that_make_no_sense_are_refused(capsys, folder, tmp_path, options, message):
    out = tmp_path / "d.nc"
    line = refusal_of(capsys, "design", folder / "stack.toml", "--for", "doa", "-o", out, *options)
    assert message in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--estimator", "peak"], "designed for information"),
        (["--spectrum", "PICTURE"], "designed for information"),
        (["--sources", "9"], "from 1 to 2 for energies of 2 x 2 elements, but is 9"),
        (["--sources", "0"], "`--sources` must be a whole number of at least 1 or auto"),
        (["--sources", "two"], "`--sources` must be a whole number"),
        (["--sources", "auto", "--estimator", "start"], "needs `--estimator` ml"),
        (["--sources", "2", "--fading"], "`--fading` must go with one source"),
        (["--sources", "auto", "--false-alarm", "2"], "must be between 0 and 1"),
        (["--noise-variance", "-1"], "`--noise-variance` must be positive and finite, but is -1.0"),
        (["--noise-variance", "nan"], "`--noise-variance` must be positive"),
        (["--likelihood", "PICTURE", "--estimator", "start"], "`--likelihood` belongs to ml"),
        (["--subarray", "2", "2"], "`--subarray` belongs to music and esprit"),
    ],
)
def test_readings_that_make_no_sense_are_refused(capsys, pair, tmp_path, options, message):
    picture = str(tmp_path / "picture.png")
    options = [picture if option == "PICTURE" else option for option in options]
    assert message in refusal_of(capsys, "doa", *pair, *options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1.0, "`energies` must not be negative, but one is -1"),
        (np.nan, "must be finite"),
        (np.inf, "must be finite"),
    ],
)
def test_energies_that_cannot_be_are_refused(capsys, folder, tmp_path, value, message):
    seen, energies = tmp_path / "r.csv", np.ones((16, 4))
    energies[3, 2] = value
    np.savetxt(seen, energies, delimiter=",")
    line = refusal_of(capsys, "doa", folder / "ramps.nc", seen)
    assert message in line
    assert "r.csv" in line


@pytest.mark.parametrize(
    ("energies", "message"),
    [
        (np.zeros((16, 4)), "must hold some energy"),
        (np.ones((9, 4)), "must have the 16 snapshots that the design is for, but has 9"),
        (np.ones((16, 5)), "must have 4 probes, but has 5"),
    ],
)
def test_recordings_of_something_else_are_refused(capsys, folder, tmp_path, energies, message):
    seen = tmp_path / "r.csv"
    np.savetxt(seen, energies, delimiter=",")
    design, page = folder / "ramps.nc", tmp_path / "page.html"
    assert message in refusal_of(capsys, "doa", design, seen)
    assert message in refusal_of(capsys, "report", design, "-o", page, "--snapshots", seen)
    assert not page.exists()


@pytest.mark.parametrize("estimator", ["ml", "start"])
def test_one_snapshot_of_a_dft_is_refused_with_the_number_that_it_takes(
    capsys, folder, tmp_path, estimator
):
    """|a DFT bin|² of 2 x 2 elements is even in ψ: 2N - 1 = 3 points an axis take T = 2."""
    seen, one = tmp_path / "r.nc", ("--snapshots-x", 1, "--snapshots-y", 1)
    design = folder / "dft.nc"
    answer_of(capsys, "simulate", "snapshots", design, "-o", seen, "--psi-over-pi", 0.2, 0.3, *one)
    line = refusal_of(capsys, "doa", design, seen, "--estimator", estimator)
    assert "`snapshots_x` and `snapshots_y` of at least 2" in line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Give the source"),
        (["--psi-over-pi", "nan", "0"], "must be finite, but are (nan, 0.0)"),
        (["--direction-deg", "10", "nan"], "must be finite, but are (10.0, nan)"),
        (["--direction-deg", "95", "0"], "from 0 to 90 degrees"),
        (["--psi-over-pi", "0", "0", "--effective-snr-db", "10"], "a design for directions has"),
        (["--psi-over-pi", "0", "0", "--physical-snr-db", "inf"], "`--physical-snr-db` must be"),
        (["--psi-over-pi", "0", "0", "--physical-snr-db", "-1e9"], "`--physical-snr-db` must be"),
        (["--psi-over-pi", "0", "0", "--also-psi-over-pi", "1"], "`--also-psi-over-pi` must be"),
        (["--psi-over-pi", "0", "0", "--also-psi-over-pi", "1,1,1e9"], "from -300 to 300 dB"),
    ],
)
def test_recordings_that_make_no_sense_are_refused(capsys, folder, tmp_path, options, message):
    design, out = folder / "ramps.nc", tmp_path / "r.nc"
    assert message in refusal_of(capsys, "simulate", "snapshots", design, "-o", out, *options)
    assert not out.exists()


@pytest.mark.parametrize("kind", ["truncated", "foreign", "recording", "missing"])
def test_files_that_are_no_design_are_refused(capsys, folder, tmp_path, kind):
    """By every command that reads one; nothing is written."""
    whole, bad, seen = folder / "ramps.nc", tmp_path / "bad.nc", folder / "ramps_seen.nc"
    contents = {
        "truncated": whole.read_bytes()[: len(whole.read_bytes()) // 2],
        "foreign": b"\x89PNG\r\n\x1a\nhello",
        "recording": seen.read_bytes(),
    }
    if kind in contents:
        bad.write_bytes(contents[kind])
    before = set(tmp_path.iterdir())
    for arguments in (
        ("doa", bad, seen),
        ("export", bad, "--bits", 3, "-o", tmp_path / "codes.csv"),
        ("report", bad, "-o", tmp_path / "page.html"),
        ("simulate", "snapshots", bad, "-o", tmp_path / "r.nc", "--psi-over-pi", 0, 0),
        *([] if kind == "recording" else [("show", bad), ("check", bad)]),
    ):
        assert "bad.nc" in refusal_of(capsys, *arguments)
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("snapshot,row", "layer,row"),
        lambda text: text.replace("\n1,0,0,", "\n1,0,0,9"),
        lambda text: "\n".join(text.splitlines()[:-1]),
    ],
)
def test_broken_codes_of_the_input_layer_are_refused(capsys, folder, tmp_path, change):
    """Another header, a code that 3 bits do not have, an element that is missing."""
    answer_of(capsys, "export", folder / "patterns.nc", "--bits", 3, "-o", tmp_path / "codes.csv")
    table = tmp_path / "codes_input.csv"
    table.write_text(change(table.read_text()))
    refusal_of(capsys, "show", table)


@pytest.mark.slow
def test_more_sources_than_there_are_can_be_drawn(capsys, folder, tmp_path):
    """Each estimate has a panel, unless its error is no ellipse: a source that is not there may
    have one that is nearly a line."""
    for seed in range(3):
        recording, picture = tmp_path / f"r{seed}.nc", tmp_path / f"p{seed}.png"
        source = ("--psi-over-pi", "0.3", "0.2", "--physical-snr-db", "60", "--seed", seed)
        steps = ("--snapshots-x", "4", "--snapshots-y", "4")
        answer_of(
            capsys, "simulate", "snapshots", folder / "dft.nc", *source, *steps, "-o", recording
        )
        drawn = ("--sources", "2", "--likelihood", picture)
        answer = answer_of(capsys, "doa", folder / "dft.nc", recording, *drawn)
        assert answer["sources_found"] == 2
        assert picture.stat().st_size > 10_000


@pytest.mark.slow
def test_without_a_source_there_is_no_likelihood_to_draw(capsys, folder, tmp_path):
    """Noise alone: the answer says so, and a warning that nothing was drawn."""
    noise, picture = tmp_path / "noise.npz", tmp_path / "p.png"
    np.savez(noise, energies=np.random.default_rng(0).exponential(size=(64, 4)))
    options = ("--sources", "auto", "--likelihood", picture, "--json")
    assert run(list(map(str, ("doa", folder / "dft.nc", noise, *options)))) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["sources_found"] == 0
    assert "`--likelihood` has nothing to draw" in printed.err
    assert not picture.exists()
