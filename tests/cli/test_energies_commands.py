"""Energies on the command line: simulated, shown, calibrated; what cannot be is told in a line."""

import json

import numpy as np
import pytest

import metastack as ms
from metastack.cli.main import run
from metastack.files import write_stack
from metastack.files.stack_file import StackDescription


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A small stack, one that is built, and energies of it at 30 dB."""
    folder = tmp_path_factory.mktemp("energies")
    stack = ms.make_uniform_stack(
        ports=2, atoms_per_side=3, layers=2, thickness_wavelengths=1.0, spacing_wavelengths=0.5
    )
    write_stack(StackDescription(stack, ms.dft_2d(2, 2), "small"), folder / "stack.toml")
    line = ["simulate", "built", folder / "stack.toml", "-o", folder / "built.toml"]
    assert run(list(map(str, [*line, "--dy-wavelengths", ".02", "--dz-wavelengths", "0"]))) == 0
    line = ["simulate", "energies", folder / "built.toml", "-o", folder / "e.nc", "--snr-db", 30]
    assert run(list(map(str, [*line, "--slots", 80, "--far", "20,35"]))) == 0
    return folder


TOLERANCES = ("--dy-wavelengths", ".02", "--dz-wavelengths", "0", "--rz-deg", "0")


def calibrate(bench, *more):
    line = ["calibrate", "energies", bench / "stack.toml", bench / "e.nc", *TOLERANCES, *more]
    return run(list(map(str, line)))


def test_energies_find_the_built_stack(capsys, bench, tmp_path):
    """Within 5 deviations, and the noise explains what is left."""
    out, page = tmp_path / "cal.toml", tmp_path / "page.html"
    capsys.readouterr()
    more = ("--truth", bench / "built.toml", "--report", page)
    assert calibrate(bench, "-o", out, *more, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    built = np.asarray(ms.read_stack(bench / "built.toml").stack.poses.dy_m)[1:-1]
    found = ms.read_stack(out).stack
    error = np.asarray(found.poses.dy_m)[1:-1] - built
    deviation = [plane["dy_deviation_wavelengths"] for plane in answer["planes"]]
    assert np.all(np.abs(error) < 5 * np.array(deviation) * float(found.wavelength_m))
    assert answer["residual_explained"]
    assert answer["improvement_db"] > 3
    assert "Is the noise explained?" in page.read_text()
    assert page.read_text().count("<svg") + page.read_text().count("<img") >= 2


def test_fields_and_energies_name_the_command_for_the_other(capsys, bench, tmp_path):
    line = ["calibrate", "fit", bench / "stack.toml", bench / "e.nc", "-o", tmp_path / "x.toml"]
    assert run(list(map(str, line))) == 2
    assert "use `metastack calibrate energies`" in capsys.readouterr().err
    assert not (tmp_path / "x.toml").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--noise-variance", "0"), "`noise_variance` of energies must be positive"),
        (("--noise-variance", "-1"), "`noise_variance` of energies must be positive"),
        (("--far", "10,20", "--far", "20,30"), "must be of 4 antennas, the stack's"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(capsys, bench, tmp_path, more, message):
    assert calibrate(bench, "-o", tmp_path / "x.toml", *more) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line or "of the 2 users" in line


def test_energies_are_shown(capsys, bench):
    assert run(["show", str(bench / "e.nc"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "energies of pilots"
    assert facts["mean_energy"] > facts["noise_variance"] > 0


@pytest.mark.slow
def test_a_plan_for_energies_expects_less_than_one_for_fields(capsys, bench, tmp_path):
    """The same random slots: the field tells more than its energy."""
    line = ["calibrate", "plan", bench / "stack.toml", "-o", tmp_path / "plan.nc", "--snr-db", 20]
    line += ["--slots", 30, "--random", "--far", "20,35", *TOLERANCES, "--json"]
    capsys.readouterr()
    expected = []
    for receivers in ("energies", "fields"):
        assert run(list(map(str, [*line, "--receivers", receivers]))) == 0
        answer = json.loads(capsys.readouterr().out)
        expected.append(answer["expected_improvement_db"])
        assert 20 <= answer["random_slots_for_as_much"] <= 45
    assert expected[0] < expected[1]
