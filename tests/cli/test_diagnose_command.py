"""Diagnosis on the command line: what is wrong is named, drawn, and written into the stack."""

import json

import equinox as eqx
import pytest

import metastack as ms
from metastack.cli.main import run
from metastack.files import write_stack
from metastack.files.stack_file import StackDescription


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A small stack, and few pilots of the same with two bits a phase: too few for single atoms."""
    folder = tmp_path_factory.mktemp("diagnosis")
    stack = ms.make_uniform_stack(
        ports=2, atoms_per_side=3, layers=2, thickness_wavelengths=1.0, spacing_wavelengths=0.5
    )
    coarse = eqx.tree_at(lambda each: each.atoms, stack, ms.QuantisedAtoms(2))
    for name, each in (("stack", stack), ("coarse", coarse)):
        write_stack(StackDescription(each, ms.dft_2d(2, 2), name), folder / f"{name}.toml")
    line = ["simulate", "pilots", folder / "coarse.toml", "-o", folder / "p.nc", "--snr-db", 30]
    assert run(list(map(str, [*line, "--slots", 5, "--far", "20,35"]))) == 0
    return folder


def diagnose(bench, *more):
    line = ["calibrate", "diagnose", bench / "stack.toml", bench / "p.nc", *more]
    return run(list(map(str, line)))


@pytest.mark.slow
def test_rounded_phases_are_named_drawn_and_written(capsys, bench, tmp_path):
    out, figure = tmp_path / "found.toml", tmp_path / "odds.png"
    capsys.readouterr()
    assert diagnose(bench, "-o", out, "--figure", figure, "--json") == 0
    told = capsys.readouterr()
    answer = json.loads(told.out)
    supported = {each["source"] for each in answer["sources"] if each["supported"]}
    assert supported == {"quantised phases"}
    assert "quantised phases" in answer["verdict"]
    assert "trying" in told.err
    assert ms.read_stack(out).stack.atoms == ms.QuantisedAtoms(2)
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "found.nc"), "must end in .toml"),
        (("--figure", "odds.gif"), "must end in .png or .svg or .pdf"),
        (("--curve", "missing.csv"), "missing.csv"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_fitted(capsys, bench, options, message):
    capsys.readouterr()
    assert diagnose(bench, *options) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "trying" not in error
