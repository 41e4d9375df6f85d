"""Write a file whole or not at all."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from ..errors import InputError
from .wording import one_line


@contextmanager
def replacing(path: Path | str) -> Generator[Path]:
    """A temporary path beside `path`, which takes its place when the block succeeds.

    When the block fails, or is interrupted, the temporary file is removed and `path` is as it
    was. The temporary path ends like `path`: some libraries look at the suffix.

    Raises:
        InputError: the operating system refuses to write there.
    """
    target = Path(path).resolve()
    temporary = target.with_name(f".{target.stem}.{token_hex(4)}{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(one_line(f"`{path}` cannot be written: {reason}.")) from error
    finally:
        temporary.unlink(missing_ok=True)
