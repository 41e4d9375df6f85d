"""Figures are taken out of a report as they went in, and nothing else is taken for a report."""

from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure
from matplotlib.image import imread

from metastack.cli.main import run
from metastack.errors import InputError
from metastack.report import Section, page_figures, write_page


def drawn(points):
    figure = Figure()
    x = np.random.default_rng(points).normal(size=(2, points))
    figure.add_subplot().plot(*x, ".")
    return figure


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "report.html"
    figures = [(drawn(5), 'few <points> & "quotes"'), (drawn(20_000), "many")]
    write_page(path, title="t", sections=[Section("s", figures=figures)])
    return path


def test_light_figures_are_vectors_and_heavy_ones_bitmaps(page, tmp_path):
    few, many = page_figures(page)
    assert (few.file_name, many.file_name) == ("figure_1.svg", "figure_2.png")
    assert few.caption == 'few <points> & "quotes"'
    assert ElementTree.fromstring(few.content).tag.endswith("svg")
    (tmp_path / "many.png").write_bytes(many.content)
    assert imread(tmp_path / "many.png").shape[2] == 4


def test_the_command_writes_every_figure_with_its_caption(page, tmp_path, capsys):
    folder = tmp_path / "a" / "figures"
    assert run(["figures", str(page), "-o", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["figure_1.svg", "figure_2.png"]
    assert 'few <points> & "quotes"' in capsys.readouterr().out
    for figure in page_figures(page):
        assert (folder / figure.file_name).read_bytes() == figure.content


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<p>no picture</p>", "holds none"),
        ('<img src="https://example.org/a.png">', "Image 1 of the page must lie in it"),
        ('<img src="data:image/png;base64,@@@@">', "Image 1 of the page is damaged"),
        ('<img src="data:image/png;base64,QQ=">', "Image 1 of the page is damaged"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path, text, said):
    path = tmp_path / "page.html"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        page_figures(path)


def test_a_file_in_the_place_of_the_folder_is_refused(page, tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert run(["figures", str(page), "-o", str(tmp_path / "taken")]) == 2
    assert "must be a folder" in capsys.readouterr().err
