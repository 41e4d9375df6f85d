"""Write a folder of files whole or not at all, without touching what else there may be."""

import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from ..errors import InputError, require
from .wording import one_line, opening


def check_folder(path: Path | str, own: Iterable[str]) -> None:
    """Refuse to replace a folder that holds other files than our `own`, or that is a file.

    Raises:
        InputError: what is there is not ours.
    """
    target = Path(path)
    if not target.exists():
        return
    require(target.is_dir(), one_line(f"`{path}` must be a folder, but is a file."))
    with opening(path):
        foreign = sorted({each.name for each in target.iterdir()} - set(own))
    require(
        not foreign,
        one_line(
            f"`{path}` must be a new folder, or one of pilots, but holds {', '.join(foreign[:3])}."
        ),
    )


@contextmanager
def replacing_folder(path: Path | str, own: Iterable[str]) -> Generator[Path]:
    """A temporary folder beside `path`, which takes its place when the block succeeds.

    Raises:
        InputError: `path` holds other files than our `own`; the operating system refuses.
    """
    check_folder(path, own)
    target = Path(path).resolve()
    fresh, old = (target.with_name(f".{target.name}.{token_hex(4)}") for _ in range(2))
    try:
        fresh.mkdir()
        yield fresh
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(one_line(f"`{path}` cannot be written: {reason}.")) from error
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        for leftover in (fresh, old):
            shutil.rmtree(leftover, ignore_errors=True)
