"""The report page: whole, self-contained, escaped, and honest about its numbers."""

import re
from base64 import b64decode
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure
from test_report_figures import a_design

from metastack.errors import InputError
from metastack.report import MarkedSpectrum, Section, write_page, write_report

HOSTILE = '<script>alert("x")</script> & "quotes" \'single\' </title>'
WRITTEN = datetime(2025, 1, 2, 3, 4, tzinfo=UTC)


class Reader(HTMLParser):
    """Collects tags, attributes and text, and that every tag is closed by its own."""

    VOID = frozenset({"meta", "img", "br", "link", "input"})

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.addresses, self.text = [], [], [], ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def a_report(path, title="A report", **more):
    write_report(path, title=title, design=a_design(), written=WRITTEN, **more)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    spectrum = MarkedSpectrum(np.arange(4.0), np.arange(3.0), np.arange(12.0).reshape(3, 4))
    more = {"sweep": [a_design(), a_design(start=1)], "spectrum": spectrum}
    path = tmp_path_factory.mktemp("report") / "report.html"
    return a_report(path, HOSTILE, facts={"Command": HOSTILE, HOSTILE: "name"}, **more)


def test_the_page_is_well_formed_and_fetches_nothing(page):
    """Every address is a data address; no scripts, links, styles or frames from elsewhere."""
    reader = Reader(page)
    assert all(re.match(r"data:image/(svg\+xml|png);base64,", a) for a in reader.addresses)
    assert len(reader.addresses) == 6
    assert not {"script", "link", "iframe", "object"} & set(reader.tags)
    assert "@import" not in page
    assert "url(" not in page
    assert len(page) < 1_500_000


def test_hostile_text_is_shown_and_not_obeyed(page):
    reader = Reader(page)
    assert "<script" not in page
    assert reader.text.count(HOSTILE) == 4  # title, heading, a fact's name, a fact's value


def test_figures_are_numbered_through_and_are_images(page):
    assert re.findall(r"Figure (\d+)\.", page) == list("123456")
    for address in Reader(page).addresses:
        content = b64decode(address.split(",")[1])
        assert content.startswith(b"\x89PNG") or b"<svg" in content


def test_the_page_states_the_numbers_with_units_and_where_it_comes_from(page):
    design = a_design()
    for text in (
        f"{design.nmse_db:.2f} dB",
        f"{design.insertion_loss_db:.2f} dB",
        design.outcome.value,
        "60 GHz",
        "4 × 3, spacing 2 mm (0.4 λ) in x, 2.5 mm (0.5 λ) in y, rotated by 5.73°",
        "4, 5, 6 mm",
        "2025-01-02 03:04 UTC",
    ):
        assert text in page


def test_the_same_run_gives_the_same_page(tmp_path):
    """No random identifiers and no hidden dates in the figures."""
    assert a_report(tmp_path / "a.html", facts={}) == a_report(tmp_path / "b.html", facts={})


def test_a_page_that_fails_leaves_the_old_one_and_no_remains(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    class BrokenFigure(Figure):
        def savefig(self, *args, **kwargs):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_page(path, title="t", sections=[Section("h", figures=[(BrokenFigure(), "c")])])
    monkeypatch.setattr("pathlib.Path.write_text", _half_a_page)
    with pytest.raises(InputError, match="No space"):
        write_page(path, title="t", sections=[Section("h")])
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def _half_a_page(path, text, encoding):
    path.write_bytes(text[: len(text) // 2].encode(encoding))
    raise OSError(28, "No space left on device")


def test_a_folder_that_does_not_exist_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_page(tmp_path / "nowhere" / "report.html", title="t", sections=[])
