"""`metastack doa-study` as a user types it: table, figure, going on, refusals."""

import csv
import json

import numpy as np
import pytest
from test_commands import PUBLISHED, STACK_2X2, answer_of, refusal_of

from metastack.cli.main import run
from metastack.study import mse_study

DEVICE = PUBLISHED / "Fig_7a" / "DFT_2.mat"


def study(folder, *more):
    levels = ("--effective-snr-db", "10,20", "--trials", "200", "--snapshots-x", "2")
    return ["doa-study", DEVICE, "-o", folder, *levels, "--snapshots-y", "2", *more]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    assert run(list(map(str, study(folder)))) == 0
    return folder


def rows_of(folder):
    lines = (folder / "mse.csv").read_text(encoding="utf-8").splitlines()
    return json.loads(lines[0].removeprefix("# ")), list(csv.DictReader(lines[1:]))


def test_a_study_writes_every_point_and_its_figure(finished):
    """Peak and likelihood of one device, and both references, at two SNRs each."""
    settings, rows = rows_of(finished)
    assert settings["snr"] == "effective"
    assert [(row["device"], row["reading"]) for row in rows[::2]] == [
        ("DFT_2", "peak"),
        ("DFT_2", "ml"),
        ("digital array, energies", "ml"),
        ("digital array, with phase", "matched"),
    ]
    for name in ("mse.png", "mse.svg"):
        assert (finished / name).stat().st_size > 10_000


def test_likelihood_is_below_the_peak_and_above_its_bound(finished):
    """At 20 dB the peak is on its floor and likelihood on its bound (99 % of 200 trials)."""
    points = {(r["device"], r["reading"], float(r["snr_db"])): r for r in rows_of(finished)[1]}
    peak, likely = (points["DFT_2", reading, 20.0] for reading in ("peak", "ml"))
    assert float(likely["high"]) < float(peak["low"])
    assert float(likely["low"]) < float(likely["lower_bound"]) < float(likely["high"])
    assert float(peak["low"]) < float(peak["upper_bound"])


def test_a_published_response_is_as_good_as_the_exact_dft(finished):
    """The published 2x2 response is a DFT to rounding: the same trials give the same errors."""
    rows = rows_of(finished)[1]
    ours, exact = (
        np.array([float(r["mse"]) for r in rows if (r["device"], r["reading"]) == (device, "ml")])
        for device in ("DFT_2", "digital array, energies")
    )
    np.testing.assert_allclose(ours, exact, rtol=1e-6)


def test_what_is_found_is_not_computed_again(capsys, finished, monkeypatch):
    """The same study once more runs no trial and answers with the same points."""

    def refuse(*_, **__):
        raise AssertionError("a finished point was computed again")

    before = (finished / "mse.csv").read_text(encoding="utf-8")
    monkeypatch.setattr(mse_study, "monte_carlo", refuse)
    answer = answer_of(capsys, *study(finished))
    assert answer["points"] == 8
    assert (finished / "mse.csv").read_text(encoding="utf-8") == before


def test_an_interrupted_study_goes_on(capsys, tmp_path, monkeypatch):
    """Ctrl-C in the third point keeps two, and the same command finds the rest."""
    real, calls = mse_study.monte_carlo, []

    def stop_at_the_third(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(mse_study, "monte_carlo", stop_at_the_third)
    arguments = study(tmp_path, "--no-references")
    assert run(list(map(str, arguments))) == 130
    assert len(rows_of(tmp_path)[1]) == 2
    assert (tmp_path / "mse.png").exists()
    assert "2 of 4 points are in" in capsys.readouterr().err
    assert answer_of(capsys, *arguments)["points"] == 4
    assert len(calls) == 5


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--trials", "300"], "must hold the same study"),
        (["--seed", "1"], "must hold the same study"),
        (["--estimators", "peak,best"], "`--estimators` must be of peak, start, ml"),
        (["--physical-snr-db", "10"], "either `--physical-snr-db` or `--effective-snr-db`"),
        (["--confidence", "1.5"], "must hold the same study"),
    ],
)
def test_other_studies_do_not_mix(capsys, finished, more, message):
    before = (finished / "mse.csv").read_text(encoding="utf-8")
    assert message in refusal_of(capsys, *study(finished, *more))
    assert (finished / "mse.csv").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("levels", ["ten", "10:0:20", "20:5:10", "", "10:5", "nan"])
def test_snrs_that_are_none_are_refused(capsys, tmp_path, levels):
    line = refusal_of(
        capsys, "doa-study", DEVICE, "-o", tmp_path / "out", "--effective-snr-db", levels
    )
    assert "`--effective-snr-db`" in line or "`db` must be finite" in line
    assert not (tmp_path / "out").exists()


def test_damaged_tables_are_refused(capsys, finished, tmp_path):
    text = (finished / "mse.csv").read_text(encoding="utf-8")
    (tmp_path / "mse.csv").write_text(text[:-40].replace("peak", "peak,", 1), encoding="utf-8")
    assert "is damaged; remove it" in refusal_of(capsys, *study(tmp_path))


def test_the_papers_arrays_end_on_the_floor_of_their_grid(capsys, tmp_path):
    """Without noise to speak of both answer with the nearest of 4 bins a side: the mean over ±.7
    of the squared distance to a multiple of 1/2 (in ψ/π, 99.9 % of 200 trials)."""
    arguments = study(tmp_path, "--no-references", "--paper-arrays", "--estimators", "ml")
    arguments[arguments.index("10,20")] = "60"
    capsys.readouterr()
    rows = answer_of(capsys, *arguments, "--confidence", "0.999")["results"][1:]
    assert [row["device"] for row in rows] == [
        "2 x 2 array, 4 snapshots",
        "4 x 4 array, 1 snapshot",
    ]
    psi = np.linspace(-0.7, 0.7, 14001)
    floor = np.mean((psi - np.round(2 * psi) / 2) ** 2)
    for row in rows:
        assert row["reading"] == "strongest bin"
        assert row["low"] < floor < row["high"]
        assert row["lower_bound"] is None


@pytest.mark.slow
def test_a_study_of_nothing_is_refused(capsys, tmp_path):
    """A design that is no DFT has no peak: with nothing else asked for, there is nothing to do."""
    design, out = tmp_path / "design.nc", tmp_path / "out"
    goal = ("--for", "doa", "--physical-snr-db", "30", "--iterations", "1")
    answer_of(capsys, "design", STACK_2X2, "-o", design, *goal)
    snr = ("--physical-snr-db", "10")
    line = refusal_of(capsys, "doa-study", design, "-o", out, *snr, "--estimators", "peak")
    assert "the peak needs a DFT" in line
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "snapshots"), [(2, 4), (4, 1)])
def test_the_papers_arrays_have_the_noise_of_the_probes(capsys, tmp_path, columns, snapshots):
    """A second formulation in NumPy at 0 dB: unit fields on the elements, noise of power 1 in each
    reading, powers of the padded 2D DFT added over the snapshots. The ratio of the errors is 1
    within what both runs leave open at 99.9 %."""
    arguments = study(tmp_path, "--no-references", "--paper-arrays", "--estimators", "ml")
    arguments[arguments.index("10,20")] = "0"
    arguments[arguments.index("200")] = "4000"
    capsys.readouterr()
    rows = answer_of(capsys, *arguments)["results"]
    (row,) = (row for row in rows if row["device"].startswith(f"{columns} x {columns} array"))
    rng = np.random.default_rng(0)
    psi = rng.uniform(-0.7 * np.pi, 0.7 * np.pi, (4000, 1, 2))
    n = np.arange(columns)
    field = np.exp(1j * (psi[..., 1, None, None] * n[:, None] + psi[..., 0, None, None] * n))
    u = rng.standard_normal((2, 4000, snapshots, columns, columns)) / np.sqrt(2)
    powers = np.sum(np.abs(np.fft.fft2(field + u[0] + 1j * u[1], (4, 4))) ** 2, axis=1)
    k_y, k_x = np.divmod(powers.reshape(4000, -1).argmax(axis=1), 4)
    error = np.stack([k_x, k_y], -1) / 2 - psi[:, 0] / np.pi
    squared = np.mean(((error + 1) % 2 - 1) ** 2, axis=1)
    ours = np.log(row["high"] / row["mse"]) / 2.576
    spread = np.hypot(ours, squared.std() / squared.mean() / np.sqrt(4000))
    assert abs(np.log(row["mse"] / squared.mean())) < 3.29 * spread
