"""A folder that one process at a time works in."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from .atomic import replacing


@contextmanager
def alone_in(folder: Path, *, what: str, instead: str) -> Generator[None]:
    """Be the only one in a folder, until the end of the block or of the process.

    `what` is done there by one at a time, `instead` is what to do: both for the refusal.

    Raises:
        InputError: another process is there; the folder cannot be written to.
    """
    from filelock import FileLock, Timeout

    lock, holder = FileLock(folder / ".lock", timeout=0), folder / ".holder"
    try:
        lock.acquire()
    except Timeout:
        whom = holder.read_text(encoding="utf-8") if holder.exists() else "another process"
        raise InputError(
            f"`{folder}` must be {what} by one process at a time, but {whom} is at it; {instead}."
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"`{folder}` cannot be written: {reason}.") from error
    try:
        with replacing(holder) as temporary:
            temporary.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()
