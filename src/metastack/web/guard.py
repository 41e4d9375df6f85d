"""Who may ask: one token, one host, one origin; and what a page may do.

The token comes once, in the address that the lab prints, and moves to a cookie that no script and
no other site can use. Asking with another host's name is refused, or a name that an attacker points
at this machine would be trusted; so is a change that another site's page asks for.

Source: OWASP cheat sheets on CSRF, DNS rebinding and content security policies.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Of nothing: plotly makes an empty style sheet and adds its rules one by one.
_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' {_EMPTY_STYLE}",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HARMLESS = ("GET", "HEAD")
_NO_TOKEN = (
    "This is a metastack lab, which needs its token: open the address that `metastack lab` printed."
)


@dataclass(frozen=True)
class Access:
    """The token, and the names by which this lab may be called; any IP address is one."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    hosts: tuple[str, ...] = ("localhost",)
    port: int = 8765

    @property
    def cookie(self) -> str:
        """Name of the cookie; labs on other ports of this machine have their own."""
        return f"metastack_lab_{self.port}"

    def knows(self, given: str | None) -> bool:
        """Whether this is the token, told in a time that says nothing of it."""
        return given is not None and secrets.compare_digest(given.encode(), self.token.encode())

    def is_host(self, name: str | None) -> bool:
        """Whether a request may call the lab by this name."""
        return name is not None and (name in self.hosts or _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Guard:
    """Lets a request through to `app`, or says in one line why not."""

    app: ASGIApp
    access: Access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = self._instead(Request(scope)) or self.app
        await answer(scope, receive, _with_headers(send))

    def _instead(self, request: Request) -> Response | None:
        """What is answered instead of what was asked for; nothing if that may be had."""
        if not self.access.is_host(_host(request.headers)):
            return PlainTextResponse("This lab is not called by that name.", 421)
        if request.method not in _HARMLESS and not _is_own(request):
            return _refused(request, "Only the lab's own pages may ask for that.")
        if self.access.knows(request.query_params.get("token")):
            return self._welcomed(request)
        if not self.access.knows(request.cookies.get(self.access.cookie)):
            return _refused(request, _NO_TOKEN)
        return None

    def _welcomed(self, request: Request) -> Response:
        """To the same address without the token, which stays in a cookie."""
        left = [(k, v) for k, v in request.query_params.multi_items() if k != "token"]
        place = "/" + request.url.path.lstrip("/")
        answer = RedirectResponse(f"{place}?{urlencode(left)}" if left else place, 303)
        # Lax, so that a link elsewhere to a page of the lab opens it; it can do nothing but look.
        answer.set_cookie(
            self.access.cookie, self.access.token, httponly=True, samesite="lax", path="/"
        )
        return answer


def _host(headers: Headers) -> str | None:
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:
        return None


def _is_own(request: Request) -> bool:
    """Whether a page of this lab asks; browsers say so for whatever changes something."""
    origin = request.headers.get("origin")
    return origin == f"{request.url.scheme}://{request.headers.get('host', '')}"


def _refused(request: Request, sentence: str) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"refused": sentence}, 403)
    return PlainTextResponse(sentence, 403)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            _add(MutableHeaders(scope=message), HEADERS.items())
        await send(message)

    return sending


def _add(headers: MutableHeaders, pairs: Iterable[tuple[str, str]]) -> None:
    for name, value in pairs:
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", "no-store")
