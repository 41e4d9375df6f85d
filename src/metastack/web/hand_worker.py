"""The warm process itself: questions on standard input, answers on what was standard output."""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from ..cli.compiled_programs import keep_compiled_programs
from ..errors import InputError
from .answers import answer_to
from .library import Library


def serve(folder: Path, most_bytes: int) -> None:
    """Answer until nobody asks any more."""
    resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most_bytes))
    # Nothing that is printed by chance may come between answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    keep_compiled_programs()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for line in sys.stdin:
        asked = json.loads(line)
        said = _said(Library(folder), asked["question"], asked["given"])
        answers.write(json.dumps(said) + "\n")
        answers.flush()


def _said(library: Library, question: str, given: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"answer": answer_to(library, question, given)}
    except InputError as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": "This needs more memory than there is; ask for less."}
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
