"""The commands of the tutorials run as printed, and answer what is printed below them."""

import re
import shlex
from pathlib import Path

import pytest

from metastack.cli.main import run

ROOT = Path(__file__).parents[2]
SLOW = pytest.mark.slow
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def steps(page):
    """Each command of the console blocks, with the lines that it should print."""
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        first, *others = block.replace("\\\n", " ").split("\n$ ")
        for step in (first.removeprefix("$ "), *others):
            command, *lines = step.strip().splitlines()
            yield shlex.split(command), lines


def says(line: str, output: str) -> bool:
    """The same words, and numbers to a hundredth; decibels to one, below -100 dB to twenty.

    Noise is the same everywhere; rounding of a long search is not.
    """

    def parts(text):
        numbers = [float(each) for each in NUMBER.findall(text)]
        return re.sub(r"\s+", "", NUMBER.sub("#", text)), numbers

    words, numbers = parts(line)
    decibels = 20 if "dB" in line and numbers[0] < -100 else 1
    tolerance = decibels if "dB" in line else 0.02
    return any(
        words == other and numbers == pytest.approx(found, rel=1e-2, abs=tolerance)
        for other, found in map(parts, output.splitlines())
        if len(found) == len(numbers)
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("start", marks=SLOW),
        pytest.param("tutorials/design", marks=SLOW),
        "tutorials/prototype",
    ],
)
def test_a_tutorial_runs_as_printed(name, tmp_path, monkeypatch, capsys):
    pytest.importorskip("skrf")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for words, lines in steps(ROOT / "docs" / f"{name}.md"):
        if words[0] != "metastack":
            continue
        assert run(words[1:]) == 0, " ".join(words)
        output = capsys.readouterr().out
        for line in lines:
            assert says(line, output), f"{line!r} of `{' '.join(words)}` in {output}"
