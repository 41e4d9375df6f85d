"""`metastack simulate built` as a user types it."""

import numpy as np
import pytest
from test_commands import STACK_2X2, answer_of, refusal_of

import metastack as ms


def test_a_built_stack_is_a_stack_file_like_any_other(capsys, tmp_path):
    """It reads back with the displacements that were printed, within the paper's tolerances."""
    out = tmp_path / "built.toml"
    answer = answer_of(capsys, "simulate", "built", STACK_2X2, "-o", out, "--seed", "3")
    stack = ms.read_stack(out).stack
    assert answer["stuck_or_dead_atoms"] == 0
    told = [[row["dy_wavelengths"], row["dz_wavelengths"]] for row in answer["layers"]]
    read = np.stack([stack.poses.dy_m, stack.poses.dz_m], -1)[1:-1] / stack.wavelength_m
    np.testing.assert_allclose(told, read, rtol=1e-12)
    assert np.abs(read).max(axis=0) == pytest.approx([0.01, 0.001], rel=0.5)
    assert (np.abs(read) <= [0.01, 0.001]).all()
    assert answer_of(capsys, "check", out)["verdict"] == "usable"


def test_faults_of_atoms_survive_the_file(capsys, tmp_path):
    """What is designed on the built stack knows them: the response of the file is that of the
    stack in memory."""
    out = tmp_path / "built.toml"
    faults = ("--stuck-share", ".02", "--dead-share", ".01", "--amplitude-deviation", ".05")
    answer = answer_of(capsys, "simulate", "built", STACK_2X2, "-o", out, *faults)
    atoms = ms.read_stack(out).stack.atoms
    assert isinstance(atoms, ms.StuckAtoms)
    assert np.sum(atoms.is_stuck) == answer["stuck_or_dead_atoms"] > 0
    assert isinstance(atoms.base, ms.UnequalAtoms)
    assert np.std(np.abs(atoms.base.gain)) == pytest.approx(0.05, rel=0.1)


def test_the_same_seed_builds_the_same_stack(capsys, tmp_path):
    texts = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        out = tmp_path / f"{name}.toml"
        answer_of(capsys, "simulate", "built", STACK_2X2, "-o", out, "--seed", seed)
        texts.append(out.read_text())
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dy-wavelengths=-1"], "`tolerance.dy_m` must not be negative"),
        (["--rz-deg", "nan"], "`tolerance.rz_rad`"),
        (["--stuck-share", "2"], "must be probabilities"),
        (["--dz-wavelengths", "3", "--gaussian"], "must leave plane"),
    ],
)
def test_impossible_tolerances_are_refused(capsys, tmp_path, options, message):
    out = tmp_path / "built.toml"
    assert message in refusal_of(capsys, "simulate", "built", STACK_2X2, "-o", out, *options)
    assert not out.exists()


@pytest.mark.parametrize(
    ("gain", "message"),
    [
        ("real = [[1.0]]\nimag = [[0.0]]", "`atoms.gain.real` must have 7 rows of 121 numbers"),
        ("real = [[1.0]]", "`atoms.gain.imag`"),
    ],
)
def test_gains_that_fit_no_layer_are_refused(capsys, tmp_path, gain, message):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(STACK_2X2.read_text() + f'\n[atoms]\nkind = "ideal"\n[atoms.gain]\n{gain}\n')
    assert message in refusal_of(capsys, "check", wrong)
