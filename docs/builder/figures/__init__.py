"""Every figure of the site: one short function each, drawn anew only where code has changed."""

import hashlib
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
from matplotlib.figure import Figure

from . import calibration, devices, directions

_PACKAGE = Path(__file__).parents[3] / "src" / "metastack"
_MODULES: tuple[ModuleType, ...] = (calibration, devices, directions)
# Without these two, the same figure is another file every time.
_SAME = {"svg.hashsalt": "metastack"}
_NO_DATE = {"Date": None}


def figures() -> dict[str, Callable[[], Figure]]:
    """What draws each figure, by the name of its file."""
    return {
        name.replace("_", "-"): draw
        for module in _MODULES
        for name, draw in inspect.getmembers(module, inspect.isfunction)
        if draw.__module__ == module.__name__ and not name.startswith(("_", "write"))
    }


def draw_figures(folder: Path, cache: Path, names: Iterable[str] | None = None) -> None:
    """Put figures into `folder`, all if not told; `cache` keeps what need not be drawn again."""
    drawers = figures()
    cache.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    for name in drawers if names is None else names:
        kept = cache / f"{name}-{_fingerprint(drawers[name])}.svg"
        if not kept.exists():
            write(drawers[name](), kept)
        (folder / f"{name}.svg").write_bytes(kept.read_bytes())


def write(figure: Figure, path: Path) -> None:
    """The same bytes for the same figure, whole or not at all."""
    part = path.with_suffix(".part")
    with mpl.rc_context(_SAME):
        figure.savefig(part, format="svg", metadata=_NO_DATE)
    part.replace(path)


def _fingerprint(draw: Callable[[], Figure]) -> str:
    """Changes where the package, or the module that draws, does."""
    sources = [Path(inspect.getfile(inspect.unwrap(draw))), *sorted(_PACKAGE.rglob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
