"""One command of metastack in a process of its own, which may take so much memory and no more."""

import resource
import signal
import sys

from ..cli.main import main


def work(arguments: list[str]) -> None:
    """Run the command `arguments[1:]` in at most `arguments[0]` bytes, and exit as it does."""
    most = int(arguments[0])
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    # Who starts the lab in the background has it ignored; here it means to stop.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["metastack", *arguments[1:]]
    main()


if __name__ == "__main__":
    work(sys.argv[1:])
