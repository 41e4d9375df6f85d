"""TeX to MathML, which browsers set by themselves: no script, no request, readable aloud.

Not every system has a font for it, so STIX Two Math, which comes with the package `ziamath` (SIL
Open Font License), is cut down to what formulas here can need and served with the pages.
"""

import html
import re
from importlib.util import find_spec
from pathlib import Path

from fontTools import subset
from latex2mathml.converter import convert

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
# Letters, Greek, letterlike, arrows, operators, delimiters, alphabets, spaces and accents.
_CHARACTERS = (
    "U+0020-007E,U+00A0-00FF,U+02C6-02DC,U+0300-0338,U+0391-03F5,U+2000-206F,U+20D0-20D7,"
    "U+2100-2138,U+2190-21FF,U+2200-22FF,U+2308-230B,U+23B4-23E1,U+27E8-27EF,U+2A00-2A0D,"
    "U+1D400-1D7FF"
)


def render(site: Path) -> None:
    """Set every formula of the pages of a site."""
    for path in site.rglob("*.html"):
        text = path.read_text()
        if 'class="arithmatex"' in text:
            path.write_text(_FORMULA.sub(_in_mathml, text))


def mathml(tex: str, *, display: bool) -> str:
    """One formula.

    Raises:
        ValueError: TeX that was not understood, or that would show markup.
    """
    result = convert(tex, display="block" if display else "inline")
    if re.search(r"<m[io]>(&(?!#)|\\)|newline", result):
        raise ValueError(f"TeX must be without alignment and unknown commands, but is {tex!r}.")
    return result


def bundle_font(path: Path) -> None:
    """Write the font of the formulas as WOFF."""
    options = subset.Options(flavor="woff", layout_features=["*"], notdef_outline=True)
    source = _package("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf"
    path.parent.mkdir(parents=True, exist_ok=True)
    with subset.load_font(str(source), options) as font:
        chosen = subset.Subsetter(options)
        chosen.populate(unicodes=subset.parse_unicodes(_CHARACTERS))
        chosen.subset(font)
        subset.save_font(font, path, options)


def _package(name: str) -> Path:
    """Folder of a package that is not imported: importing this one warns."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"`{name}` must be installed: it is in the extra `docs`.")
    return Path(spec.origin).parent


def _in_mathml(found: re.Match[str]) -> str:
    _, opened, tex = found.groups()
    return mathml(html.unescape(tex).strip(), display=opened == "[")
