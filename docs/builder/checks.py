"""What must not be in a built site: dead links, dead anchors, requests to other hosts."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes that make a browser fetch, by element; links (`a`) are followed by readers only.
_FETCHED = {
    ("link", "href"),
    ("script", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("source", "src"),
    ("source", "srcset"),
    ("iframe", "src"),
    ("video", "src"),
    ("object", "data"),
    ("use", "href"),
}
_IN_STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?(https?:|//)")


class Page(HTMLParser):
    """Ids, links and fetched addresses of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        self.links += [values["href"]] if tag == "a" and "href" in values else []
        self.fetched += [value for name, value in values.items() if (tag, name) in _FETCHED]


def problems(site: Path) -> list[str]:
    """One line for each dead link, dead anchor or request to another host."""
    pages = {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    found = [
        f"{path.relative_to(site)}: {problem}"
        for path, page in pages.items()
        for problem in _problems(page, path, pages, site)
    ]
    return found + [
        f"{path.relative_to(site)}: a style fetches from another host."
        for path in [*site.rglob("*.css"), *pages]
        if _IN_STYLES.search(path.read_text())
    ]


def _problems(page: Page, path: Path, pages: dict[Path, Page], site: Path) -> Iterator[str]:
    for link in page.links:
        yield from _dead(link, path, pages, site)
    for address in page.fetched:
        yield from _unfetchable(address, path, site)


def _dead(link: str, path: Path, pages: dict[Path, Page], site: Path) -> Iterator[str]:
    """What is wrong with a link, if anything; other hosts are not asked."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return
    target, anchor = _file(parts.path, path, site), unquote(parts.fragment)
    if not target.exists():
        yield f"{link} leads nowhere."
    elif anchor and target in pages and anchor not in pages[target].ids:
        yield f"{link} has no such anchor."


def _unfetchable(address: str, path: Path, site: Path) -> Iterator[str]:
    parts = urlsplit(address)
    if parts.scheme == "data":
        return
    if parts.scheme or parts.netloc:
        yield f"{address} is fetched from another host."
    elif not _file(parts.path, path, site).exists():
        yield f"{address} is not there."


def _file(address: str, path: Path, site: Path) -> Path:
    """The file behind an address on a page."""
    if not address:
        return path
    base = site if address.startswith("/") else path.parent
    target = (base / unquote(address).lstrip("/")).resolve()
    return target / "index.html" if target.is_dir() else target
