"""`metastack lab`: the lab in the browser."""

from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import require_folder
from .output import warn
from .run_options import RunsFolder, runs_folder

if TYPE_CHECKING:
    from collections.abc import Generator
    from socket import socket

_LEAST_TOKEN = 16
_SECONDS_FOR_LAST_ANSWERS = 2


def lab(
    host: Annotated[
        str, typer.Option(help="Address to listen at; one other than loopback needs --token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any.")] = 8765,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="METASTACK_LAB_TOKEN",
            help="What the address must say; else drawn at random. Others on this machine can read "
            "command lines: better set METASTACK_LAB_TOKEN.",
            show_default=False,
        ),
    ] = None,
    runs: RunsFolder = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open the page in a browser.")
    ] = False,
) -> None:
    """Open the lab in the browser: design, directions, calibration and runs.

    Prints the address with its token; who has it can run commands of metastack on this machine, and
    nobody else can. Ctrl-C ends the lab and every job in it.
    """
    from urllib.parse import quote

    from ..errors import InputError
    from ..files.exclusive import alone_in

    _check_reach(host, token)
    try:
        import uvicorn

        from ..web.app import Lab
        from ..web.guard import Access
    except ImportError as error:
        raise InputError("The lab needs starlette and uvicorn; install metastack[lab].") from error

    folder = runs_folder(runs)
    own = folder / "lab"
    require_folder(own)
    with (
        alone_in(own, what="kept open", instead="end that, or give other `--runs`"),
        _listening(host, port) as listening,
        suppress(KeyboardInterrupt),
    ):
        bound = listening.getsockname()[1]
        access = Access(**{"token": token} if token else {}, hosts=("localhost", host), port=bound)
        address = f"http://{_shown_host(host)}:{bound}/?token={quote(access.token, safe='')}"
        config = uvicorn.Config(
            Lab(folder, access).app(),
            log_level="warning",
            timeout_graceful_shutdown=_SECONDS_FOR_LAST_ANSWERS,
        )
        typer.echo(f"metastack lab: {address}\nCtrl-C ends it.")
        with nullcontext() if no_browser else _browser_at(address, own / "open.html"):
            uvicorn.Server(config).run(sockets=[listening])


def _check_reach(host: str, token: str | None) -> None:
    """Refuse to be reached from other machines by a token that nobody chose."""
    from ..errors import require

    require(
        token is None or (len(token) >= _LEAST_TOKEN and token.isascii() and token.isprintable()),
        f"`--token` must be at least {_LEAST_TOKEN} plain letters.",
    )
    if _is_loopback(host):
        return
    require(
        token is not None,
        f"`--host` other than this machine itself needs a `--token`, but `{host}` has none; "
        "better, leave it out and reach the lab by `ssh -L`.",
    )
    warn(
        f"the lab listens at {host} without encryption: who reads along learns the token, and can "
        "run metastack on this machine; `ssh -L` is safer."
    )


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listening(host: str, port: int) -> "socket":
    """A socket at this address.

    Raises:
        InputError: it is taken, or not of this machine.
    """
    import socket

    from ..errors import InputError

    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"`--host` and `--port` must be an address that is free here, but {host}:{port} is "
            f"not ({reason}); give another `--port`."
        ) from error


def _shown_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def _browser_at(address: str, page: Path) -> "Generator[None]":
    """Open a browser once the lab answers; a machine without one is no error.

    It is given a page that only this user can read, which leads to the address: command lines, with
    a token in them, could be read by everybody.
    """
    import os
    import threading
    import webbrowser
    from html import escape

    page.unlink(missing_ok=True)
    with os.fdopen(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(
            f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={escape(address)}">\n'
        )
    timer = threading.Timer(0.8, webbrowser.open, (page.absolute().as_uri(),))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        page.unlink(missing_ok=True)
