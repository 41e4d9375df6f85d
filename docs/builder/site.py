"""From the pages in `docs` to the site in `build/site`: stage, render, set the mathematics, check.

Zensical renders. Tried beside it was mkdocs-material, which renders the same pages as well and as
fast; its end of life is announced for 2027, with Zensical as successor by the same authors.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from . import api, checks, commands, mathematics
from .figures import draw_figures

ROOT = Path(__file__).parents[2]
DOCS, EXAMPLES = ROOT / "docs", ROOT / "examples"
BUILD = ROOT / "build"
DrawFigures: TypeAlias = Callable[[Path, Path], None]
_PAGES_AND_PICTURES = ("*.md", "*.png", "*.css")


def build(target: Path = BUILD, draw: DrawFigures = draw_figures) -> int:
    """Build `target/site` and return an exit code; what is wrong is printed to standard error.

    `draw` puts the figures into a folder, and keeps in another what need not be drawn again.
    """
    staged = stage(target)
    draw(staged / "figures", target / "figures")
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "-f", target / "mkdocs.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout, done.stderr, file=sys.stderr)
        return done.returncode
    site = target / "site"
    mathematics.bundle_font(site / "assets" / "mathematics.woff")
    mathematics.render(site)
    found = checks.problems(site)
    print("\n".join(found), file=sys.stderr)
    return min(len(found), 1)


def stage(target: Path) -> Path:
    """Everything that is rendered, in one folder: written pages, generated pages, examples."""
    staged = target / "docs"
    shutil.rmtree(staged, ignore_errors=True)
    for pattern in _PAGES_AND_PICTURES:
        for path in DOCS.rglob(pattern):
            _copy(path, staged / path.relative_to(DOCS))
    shutil.copytree(EXAMPLES, staged / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    _point_into(staged)
    command_nav = _written(commands.pages(), staged)
    python_nav = _written(api.pages(), staged)
    settings = _settings(command_nav, python_nav)
    (target / "mkdocs.yml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return staged


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _point_into(staged: Path) -> None:
    """Links to examples lead out of `docs` in the repository, and to copies on the site."""
    for path in staged.rglob("*.md"):
        up = "../" * len(path.relative_to(staged).parents[:-1])
        path.write_text(path.read_text().replace(f"](../{up}examples/", f"]({up}examples/"))


def _written(pages: dict[str, tuple[str, str]], staged: Path) -> list[dict[str, str]]:
    """Write pages, {path: (title, text)}; their part of the navigation."""
    for name, (_, text) in pages.items():
        path = staged / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [{title: name} for name, (title, _) in pages.items()]


def _settings(command_nav: list[Any], python_nav: list[Any]) -> dict[str, Any]:
    settings = yaml.safe_load((DOCS / "mkdocs.yml").read_text())
    reference = {"Command line": command_nav}, {"Python": python_nav}
    next(section for section in settings["nav"] if "Reference" in section)["Reference"].extend(
        reference
    )
    return settings
