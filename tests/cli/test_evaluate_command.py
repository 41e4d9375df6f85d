"""What the phases of a design do in a stack as it was built."""

import numpy as np
import pytest
from test_commands import ROOT, STACK_2X2, answer_of, refusal_of

import metastack as ms
from metastack.files import read_design, read_stack

OTHER = ROOT / "examples" / "stack_4x4.toml"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    from metastack.cli.main import run

    folder = tmp_path_factory.mktemp("evaluated")
    design, informed, built = (folder / name for name in ("d.nc", "i.nc", "built.toml"))
    assert run(["design", str(STACK_2X2), "-o", str(design), "--insertion-loss-db", "10"]) == 0
    few = ["--for", "doa", "--iterations", "5", "--physical-snr-db", "40"]
    assert run(["design", str(STACK_2X2), "-o", str(informed), *few]) == 0
    errors = ["--dy-wavelengths", "0.05", "--dz-wavelengths", "0", "--rz-deg", "0"]
    assert run(["simulate", "built", str(STACK_2X2), "-o", str(built), *errors]) == 0
    return design, informed, built


def test_errors_ruin_the_dft_and_the_answer_is_that_of_the_equations(files, capsys, tmp_path):
    design, _, built = files
    there = tmp_path / "there.nc"
    answer = answer_of(capsys, "evaluate", design, built, "-o", there)
    read = read_design(design)
    G = np.asarray(ms.response(read_stack(built).stack, read.phases_rad))
    scale = np.vdot(G, read.target) / np.linalg.norm(G) ** 2
    error = np.linalg.norm(scale * G - read.target) ** 2 / np.linalg.norm(read.target) ** 2
    assert answer["nmse_db"] == pytest.approx(10 * np.log10(error), abs=1e-6)
    loss_db = -10 * np.log10(np.linalg.norm(G) ** 2 / 4)
    assert answer["insertion_loss_db"] == pytest.approx(loss_db, abs=1e-6)
    assert answer["designed_nmse_db"] < -100 < -40 < answer["nmse_db"]
    np.testing.assert_allclose(read_design(there).response, G, rtol=1e-9, atol=1e-12)


def test_in_its_own_stack_a_design_is_what_it_was(files, capsys):
    design, informed, _ = files
    for path, key in ((design, "insertion_loss_db"), (informed, "deviation_bound_over_pi")):
        answer = answer_of(capsys, "evaluate", path, STACK_2X2)
        assert answer[key] == pytest.approx(answer[f"designed_{key}"], rel=1e-6)


def test_a_design_for_directions_in_a_built_stack(files, capsys, tmp_path):
    _, informed, built = files
    report = tmp_path / "there.html"
    answer = answer_of(capsys, "evaluate", informed, built, "--report", report)
    assert answer["deviation_bound_over_pi"] != answer["designed_deviation_bound_over_pi"]
    assert report.exists()


def test_a_stack_of_other_ports_is_refused(files, capsys, tmp_path):
    """As many layers and atoms, but nine receivers."""
    text = STACK_2X2.read_text()
    start, end = text.split("[receivers]")
    more = end.replace("columns = 2", "columns = 3", 1).replace("rows = 2", "rows = 3", 1)
    (tmp_path / "nine.toml").write_text(f"{start}[receivers]{more}")
    for path in files[:2]:
        said = refusal_of(capsys, "evaluate", path, tmp_path / "nine.toml")
        assert "must have receivers x inputs (4, 4), as the design, but has (9, 4)" in said


def test_a_stack_of_another_size_is_refused(files, capsys):
    for path in files[:2]:
        assert "must have layers x atoms" in refusal_of(capsys, "evaluate", path, OTHER)
