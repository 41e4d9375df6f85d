"""A page that stands alone: one HTML file with its figures inside, no scripts, nothing fetched.

Figures go in as vector images, and as sharp bitmaps where the vectors would be larger. Every text
is escaped. The file appears whole or not at all.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from itertools import count
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from ..files.atomic import replacing

_LARGEST_VECTOR_BYTES = 150_000
_BITMAP_DPI = 220
_CSS = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 46rem; padding: 1rem; background: #fff; color: #1b1b1b;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
h1 { margin: .5rem 0 0; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 .5rem; padding-bottom: .2rem; border-bottom: 1px solid #ccc;
  font-size: 1.15rem; }
.lead { margin: .25rem 0 0; color: #444; }
table { width: 100%; border-collapse: collapse; font-size: .95rem; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid #e4e4e4; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
th { width: 38%; font-weight: 600; color: #333; }
td { font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; }
figure img { display: block; width: 100%; max-width: 34rem; height: auto; margin: 0 auto; }
figcaption { margin: .5rem auto 0; max-width: 34rem; color: #333; font-size: .9rem; }
@page { margin: 18mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2, tr, figure { break-inside: avoid; }
  h2 { break-after: avoid; }
  figure img { width: 110mm; max-width: 100%; }
  figcaption { max-width: 140mm; }
}
"""


@dataclass(frozen=True)
class Section:
    """A heading with a paragraph, a table of facts and figures with captions, all optional."""

    heading: str
    text: str = ""
    facts: Mapping[str, str] | Sequence[tuple[str, str]] = ()
    figures: Sequence[tuple[Figure, str]] = ()


def write_page(path: Path, *, title: str, lead: str = "", sections: Sequence[Section]) -> None:
    """Write `sections` as one self-contained page; figures are numbered through."""
    page = _page(title, lead, sections)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _page(title: str, lead: str, sections: Sequence[Section]) -> str:
    numbers = count(1)
    body = "\n".join(_section(section, numbers) for section in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_CSS}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{_paragraph(lead, "lead")}
{body}
</body>
</html>
"""


def _section(section: Section, numbers: Iterator[int]) -> str:
    figures = (_figure(figure, caption, next(numbers)) for figure, caption in section.figures)
    parts = [_paragraph(section.text, "text"), _table(section.facts), *figures]
    return "\n".join(
        ["<section>", f"<h2>{escape(section.heading)}</h2>", *filter(None, parts), "</section>"]
    )


def _paragraph(text: str, kind: str) -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if text else ""


def _table(facts: Mapping[str, str] | Sequence[tuple[str, str]]) -> str:
    pairs = facts.items() if isinstance(facts, Mapping) else facts
    rows = (
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in pairs
    )
    return "<table>\n" + "\n".join(rows) + "\n</table>" if facts else ""


def _figure(figure: Figure, caption: str, number: int) -> str:
    text = escape(caption)
    return (
        f'<figure>\n<img alt="{text}" src="{_image(figure)}">\n'
        f"<figcaption><b>Figure {number}.</b> {text}</figcaption>\n</figure>"
    )


def _image(figure: Figure) -> str:
    """The figure as a data address: vectors, or a bitmap where those would weigh too much."""
    vector = _saved(figure, "svg", {"Date": None})
    if len(vector) <= _LARGEST_VECTOR_BYTES:
        return f"data:image/svg+xml;base64,{b64encode(vector).decode()}"
    return f"data:image/png;base64,{b64encode(_saved(figure, 'png', {})).decode()}"


def _saved(figure: Figure, kind: str, metadata: Mapping[str, str | None]) -> bytes:
    """The same figure gives the same bytes: no date, no random identifiers."""
    buffer = BytesIO()
    with rc_context({"svg.hashsalt": "metastack"}):
        figure.savefig(buffer, format=kind, dpi=_BITMAP_DPI, metadata=dict(metadata))
    return buffer.getvalue()
