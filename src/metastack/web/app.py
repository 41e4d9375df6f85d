"""The lab as one ASGI application."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from ..errors import InputError
from .guard import Access, Guard
from .hand import Hand, HandError
from .interface import REFUSALS, Interface, most_bytes
from .jobs import Jobs, Limits
from .library import Library
from .limits import LimitBody
from .pages import page_routes

# As the directions page begins.
FIRST_FRAME = {
    "design": "example/stack_4x4.nc",
    "sources": [[0.4, 0.25, 0]],
    "snr_db": 40,
    "snapshots": 8,
}


@dataclass(frozen=True)
class Lab:
    """A lab over the folder of all runs; its own files are in `lab` there.

    `warm`: compile what the directions page shows first, while nobody waits for it.
    """

    runs: Path
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=Limits)
    warm: bool = True

    def app(self) -> ASGIApp:
        """The application, guarded."""
        library = Library(self.runs.resolve() / "lab")
        for folder in (library.jobs, library.uploads):
            folder.mkdir(parents=True, exist_ok=True)
        hands = [Hand(library.folder, self.limits.most_bytes) for _ in range(2)]
        interface = Interface(library, Jobs(library, self.limits), *hands)

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncGenerator[None]:
            interface.jobs.recover()
            warming = asyncio.create_task(_warm(hands[0])) if self.warm else None
            yield
            if warming is not None:
                warming.cancel()
            await interface.jobs.close()
            for hand in hands:
                await hand.close()

        inner = Starlette(
            routes=[*page_routes(), *interface.routes()],
            lifespan=lifespan,
            exception_handlers=REFUSALS,
        )
        zipped = GZipMiddleware(inner, minimum_size=1000, compresslevel=5)
        return Guard(LimitBody(zipped, most_bytes), self.access)


async def _warm(hand: Hand) -> None:
    with suppress(InputError, HandError):
        await hand.ask("frame", FIRST_FRAME)
