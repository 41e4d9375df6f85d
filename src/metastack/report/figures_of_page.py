"""The figures of a report, taken out of its page again, for a paper or a talk."""

from base64 import b64decode
from binascii import Error as NotBase64Error
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from ..errors import InputError, require
from ..files.atomic import replacing
from ..files.wording import at_file, read_text

_KINDS = {"data:image/svg+xml;base64": ".svg", "data:image/png;base64": ".png"}


@dataclass(frozen=True)
class PageFigure:
    """A figure of a page: its number there, its caption, its ending and its bytes."""

    number: int
    caption: str
    suffix: str
    content: bytes

    @property
    def file_name(self) -> str:
        """What it is called as a file."""
        return f"figure_{self.number}{self.suffix}"


def page_figures(path: Path) -> list[PageFigure]:
    """The figures of a report, in the order of the page.

    Raises:
        InputError: no report of metastack, or one without figures.
    """
    parser = _Images()
    parser.feed(read_text(path))
    if not parser.found:
        message = "The file must be a report of metastack with figures, but holds none."
        raise at_file(message, path.name)
    return parser.found


def write_page_figures(path: Path, folder: Path) -> list[PageFigure]:
    """Write every figure of a report to a file of its own, and say which there are.

    Raises:
        InputError: no report of metastack, or a folder that cannot be written.
    """
    figures = page_figures(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} must be a folder, but {error.strerror}.") from error
    for figure in figures:
        with replacing(folder / figure.file_name) as temporary:
            temporary.write_bytes(figure.content)
    return figures


class _Images(HTMLParser):
    """Takes in the images that lie in the page itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[PageFigure] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in an image."""
        if tag != "img":
            return
        told = dict(attrs)
        kind, _, code = (told.get("src") or "").partition(",")
        number = len(self.found) + 1
        require(kind in _KINDS, f"Image {number} of the page must lie in it, but does not.")
        try:
            content = b64decode(code, validate=True)
        except NotBase64Error as error:
            raise InputError(f"Image {number} of the page is damaged: {error}.") from error
        self.found.append(PageFigure(number, told.get("alt") or "", _KINDS[kind], content))
