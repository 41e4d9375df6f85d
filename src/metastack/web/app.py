"""The lab as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from .guard import Access, Guard
from .hand import Hand
from .interface import Interface, most_bytes
from .jobs import Jobs, Limits
from .library import Library
from .limits import LimitBody
from .pages import page_routes


@dataclass(frozen=True)
class Lab:
    """A lab over the folder of all runs; its own files are in `lab` there."""

    runs: Path
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=Limits)

    def app(self) -> ASGIApp:
        """The application, guarded."""
        library = Library(self.runs.resolve() / "lab")
        for folder in (library.jobs, library.uploads):
            folder.mkdir(parents=True, exist_ok=True)
        hands = [Hand(library.folder, self.limits.most_bytes) for _ in range(2)]
        interface = Interface(library, Jobs(library, self.limits), *hands)

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            interface.jobs.recover()
            yield
            await interface.jobs.close()
            for hand in hands:
                await hand.close()

        inner = Starlette(routes=[*page_routes(), *interface.routes()], lifespan=lifespan)
        zipped = GZipMiddleware(inner, minimum_size=1000, compresslevel=5)
        return Guard(LimitBody(zipped, most_bytes), self.access)
