"""How much a request may bring."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class TooLargeError(Exception):
    """A request brings more than it may."""


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
        refusal = JSONResponse({"refused": _sentence(most)}, 413, {"Connection": "close"})
        told = Request(scope).headers.get("content-length", "0")
        if not told.isdigit() or int(told) > most:
            await refusal(scope, receive, send)
            return

        async def limited() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > most:
                raise TooLargeError
            return message

        try:
            await self.app(scope, limited, send)
        except TooLargeError:
            await refusal(scope, receive, send)


def _sentence(most: int) -> str:
    return f"An upload must be at most {most / 2**20:g} MiB, but is larger."
