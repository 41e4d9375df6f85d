"""What the documentation is made with: links, mathematics, figures, commands that exist."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from docs.builder import checks, figures
from docs.builder.evidence import write_evidence

from metastack.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PICTURE = re.compile(r"!\[([^]]*)\]\((?:\.\./)*figures/([\w-]+)\.svg\)")


def site_of(folder, **pages):
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text)
    return folder


def test_links_that_lead_somewhere_are_no_problem(tmp_path):
    page = (
        '<h1 id="top"></h1><a href="#top"></a><a href="b.html#there"></a><a href="https://x.y"></a>'
    )
    assert checks.problems(site_of(tmp_path, a=page, b='<p id="there">')) == []


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ('<a href="c.html">', "leads nowhere"),
        ('<a href="#missing">', "no such anchor"),
        ('<a href="b.html#missing">', "no such anchor"),
        ('<script src="https://cdn.example/x.js">', "another host"),
        ('<link href="//fonts.example/x.css">', "another host"),
        ('<img src="missing.svg">', "not there"),
        ("<style>p {background: url('https://x.y/z.png')}</style>", "another host"),
    ],
)
def test_what_must_not_be_in_a_site_is_told(tmp_path, page, problem):
    (found,) = checks.problems(site_of(tmp_path, a=page, b="<p>"))
    assert found.startswith("a.html")
    assert problem in found


def test_formulas_become_mathml_or_are_refused():
    mathematics = pytest.importorskip("docs.builder.mathematics")
    assert "<mfrac>" in mathematics.mathml(r"\frac{1}{2}", display=True)
    with pytest.raises(ValueError, match="without alignment"):
        mathematics.mathml(r"\begin{aligned} a &= b \end{aligned}", display=True)


def test_every_figure_is_shown_and_described_and_every_picture_is_drawn():
    shown = [found for page in PAGES for found in PICTURE.findall(page.read_text())]
    assert all(len(words) > 20 for words, _ in shown)
    assert {name for _, name in shown} == set(figures.figures())


def test_a_figure_is_drawn_once_and_always_the_same(tmp_path):
    figures.draw_figures(tmp_path / "a", tmp_path / "kept", ["conventions"])
    (kept,) = (tmp_path / "kept").iterdir()
    written = kept.stat().st_mtime_ns
    figures.draw_figures(tmp_path / "b", tmp_path / "kept", ["conventions"])
    figures.draw_figures(tmp_path / "c", tmp_path / "anew", ["conventions"])
    assert kept.stat().st_mtime_ns == written
    first, second, third = ((tmp_path / name / "conventions.svg").read_bytes() for name in "abc")
    assert first == second == third


@pytest.mark.parametrize("name", ["own-model", "passivity"])
def test_axes_say_what_they_show(name):
    for axes in figures.figures()[name]().axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()


def commands(text: str) -> Iterator[list[str]]:
    """The words of every metastack command of a page's console blocks."""
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in re.findall(r"^\$ (.*)$", block.replace("\\\n", " "), re.MULTILINE):
            words = shlex.split(line, comments=True)
            if words[0] == "metastack":
                yield words[1:]


def options(words: list[str]) -> set[str]:
    """Those of the command that the words name; where they stop at a group, of all in it."""
    command = typer.main.get_command(app)
    for word in words:
        if word not in getattr(command, "commands", {}):
            break
        command = command.commands[word]
    inner = list(getattr(command, "commands", {}).values())
    params = [each for one in (command, *inner) for each in one.params]
    return {
        "--help",
        "-h",
        *(name for each in params for name in (*each.opts, *each.secondary_opts)),
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_options_of_the_commands_on_the_pages_exist(page):
    for words in commands(page.read_text()):
        used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used <= options(words), f"metastack {' '.join(words)}"


def test_the_page_of_evidence_has_every_verdict(tmp_path):
    """Counted, under its study, bars escaped."""
    rows = [
        {"study": "doa-fig-6", "judgement": "agrees", "verdict": "One |a| there."},
        {"study": "doa-fig-6", "judgement": "agrees", "verdict": "Another."},
        {"study": "doa-fig-7", "judgement": "differs", "verdict": "A third."},
    ]
    (tmp_path / "answer.json").write_text(json.dumps({"verdicts": rows}))
    write_evidence(tmp_path / "answer.json", tmp_path / "page.md", command="metastack reproduce")
    page = (tmp_path / "page.md").read_text()
    assert "| agrees | 2 |\n| differs | 1 |" in page
    assert "| agrees | One \\|a\\| there. |\n| agrees | Another. |" in page
    assert page.index("`doa-fig-6`") < page.index("Another.") < page.index("`doa-fig-7`")
    assert "metastack reproduce\n```" in page
