"""The pages: HTML around forms of `recipes`; what is in them is asked for by their scripts."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from .. import __version__
from ..errors import InputError
from .recipes import RECIPES

_HERE = Path(__file__).parent
_PAGES = {
    "design": "Design",
    "directions": "Directions",
    "calibrate": "Calibrate",
    "runs": "Runs",
}
_A_YEAR = "public, max-age=31536000, immutable"


def page_routes() -> list[BaseRoute]:
    """Every page, and what pages are made of."""
    return [
        Route("/", _first),
        *(Route(f"/{name}", _page) for name in _PAGES),
        Route("/plotly.js", _plotly),
        Mount("/static", StaticFiles(directory=_HERE / "static")),
    ]


def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_ENVIRONMENT = _templates()


async def _first(request: Request) -> Response:
    return RedirectResponse("/design", 303)


async def _page(request: Request) -> Response:
    name = request.url.path.strip("/")
    template = _ENVIRONMENT.get_template(f"{name}.html")
    return HTMLResponse(
        template.render(
            page=name, title=_PAGES[name], pages=_PAGES, recipes=RECIPES, version=__version__
        )
    )


async def _plotly(request: Request) -> Response:
    """The script of the installed plotly; asked for with its version, it is kept for good."""
    path = _plotly_script()
    return FileResponse(path, media_type="text/javascript", headers={"Cache-Control": _A_YEAR})


def _plotly_script() -> Path:
    try:
        import plotly
    except ImportError as error:
        raise InputError("Drawing in 3D needs plotly; install metastack[lab].") from error
    return Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
