"""One command of metastack in a process of its own, which may take so much memory and no more."""

import os
import resource
import signal
import sys
import threading
import time

from ..cli.main import main

_SECONDS_BETWEEN_LOOKS = 1.0


def work(arguments: list[str]) -> None:
    """Run the command `arguments[1:]` in at most `arguments[0]` bytes, and exit as it does."""
    most = int(arguments[0])
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    # Who starts the lab in the background has it ignored; here it means to stop.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    sys.argv = ["metastack", *arguments[1:]]
    main()


def _end_with(lab: int) -> None:
    """Stop, as by Ctrl-C, once the lab that started this is gone, however it ended."""
    while os.getppid() == lab:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    work(sys.argv[1:])
