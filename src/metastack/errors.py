"""The one error that a user of metastack is meant to see."""


class InputError(ValueError):
    """What was given cannot be used: the message says what, where, the value seen, what to do.

    The command line prints the message as one line and exits with code 2.
    """


def require(condition: object, message: str) -> None:
    """Raise `InputError` with `message` unless `condition` holds."""
    if not condition:
        raise InputError(message)
