"""How much a request may bring."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True)
class LimitBody:
    """Refuses what is longer than `most(path)` bytes, before or while it arrives."""

    app: ASGIApp
    most: Callable[[str], int]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most, arrived = self.most(scope["path"]), 0
        told = Request(scope).headers.get("content-length", "0")
        if not told.isdigit() or int(told) > most:
            refusal = JSONResponse({"refused": _sentence(most)}, 413, {"Connection": "close"})
            await refusal(scope, receive, send)
            return

        async def limited() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > most:
                raise HTTPException(413, _sentence(most))
            return message

        await self.app(scope, limited, send)


def _sentence(most: int) -> str:
    return f"An upload must be at most {most / 2**20:g} MiB, but is larger."
