"""The site: built strictly, no dead link or anchor, nothing from another host."""

import pytest

pytest.importorskip("zensical")

from docs.builder import checks, figures, site

# A whole build: minutes.
pytestmark = pytest.mark.slow

PLACEHOLDER = '<svg xmlns="http://www.w3.org/2000/svg"/>'


def placeholders(folder, cache):
    """In place of figures, which take minutes."""
    folder.mkdir(parents=True)
    for name in figures.figures():
        (folder / f"{name}.svg").write_text(PLACEHOLDER)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    target = tmp_path_factory.mktemp("build")
    assert site.build(target, placeholders) == 0
    return target / "site"


def test_the_site_has_no_dead_link_and_asks_no_other_host(built):
    """`build` refuses them; here once more, in case that it forgets."""
    assert checks.problems(built) == []


def test_every_page_is_there(built):
    written = [path.relative_to(site.DOCS).with_suffix("") for path in site.DOCS.rglob("*.md")]
    assert all((built / f"{page}.html").exists() for page in written)


def test_lazy_packages_are_documented(built):
    """`import metastack` loads names when they are asked for; the reference has them anyway."""
    text = (built / "reference/python/metastack.files.html").read_text()
    assert 'id="metastack.files.stack_file.read_stack"' in text
    assert "read_stack" in (built / "reference/python/metastack.html").read_text()


def test_every_command_is_documented(built):
    text = (built / "reference/commands/simulate.html").read_text()
    assert 'id="simulate-pilots"' in text
    assert "--snr-db" in text


def test_formulas_are_set(built):
    for path in (built / "theory").glob("*.html"):
        text = path.read_text()
        assert "<math" in text
        assert "arithmatex" not in text


@pytest.mark.slow
def test_figures_are_drawn_and_kept(tmp_path):
    """All of them, once; the second time nothing is drawn."""
    figures.draw_figures(tmp_path / "a", tmp_path / "kept")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}
    figures.draw_figures(tmp_path / "b", tmp_path / "kept")
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}
    assert len(times) == len(figures.figures())
