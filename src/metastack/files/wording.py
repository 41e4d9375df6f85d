"""How a message about a file is put: one line, the value seen, the file at the end."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError

_LONGEST_VALUE = 60


def one_line(text: str) -> str:
    """`text` with everything that could break a line, or hide in one, escaped."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def shown(value: object) -> str:
    """A value as the user wrote it, near enough, and not longer than fits a line."""
    try:
        text = str(value).lower() if isinstance(value, bool) else repr(value)
    except ValueError:  # Python refuses to write out integers of thousands of digits
        return "a number too long to print"
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def at_file(message: str, path: Path | str) -> InputError:
    """`message` with the file that it is about, in the house form."""
    return InputError(one_line(f"{message.removesuffix('.')} ({path})."))


@contextmanager
def naming(path: Path | str) -> Generator[None]:
    """Add the file to every `InputError` raised inside."""
    try:
        yield
    except InputError as error:
        raise at_file(str(error), path) from error


@contextmanager
def naming_line(number: int) -> Generator[None]:
    """Add the line to every `InputError` raised inside."""
    try:
        yield
    except InputError as error:
        message = str(error).removesuffix(".")
        raise InputError(one_line(f"{message} (line {number}).")) from error


@contextmanager
def opening(path: Path | str) -> Generator[None]:
    """Turn what the operating system says about a file into an `InputError`.

    Raises:
        InputError: the file does not exist, or cannot be opened or decoded.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(one_line(f"`{path}` must be a file, but does not exist.")) from error
    except UnicodeDecodeError as error:
        raise InputError(
            one_line(f"`{path}` must be UTF-8 text, but is not (byte {error.start}).")
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(one_line(f"`{path}` cannot be read: {reason}.")) from error


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without the byte-order mark that some editors write.

    Raises:
        InputError: the file does not exist, or cannot be opened or decoded.
    """
    if "\0" in str(path):
        raise InputError(one_line(f"`{path}` must be a file name, but contains a zero byte."))
    with opening(path):
        return path.read_text(encoding="utf-8-sig")
