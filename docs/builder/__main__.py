"""`python -m docs.builder`: build the site and refuse what is broken.

With `readme` it draws the picture of the README instead, with `evidence ANSWER COMMAND` it writes
the page of evidence from what COMMAND, a `metastack reproduce all --json`, answered; both are
committed.
"""

import sys
from pathlib import Path

from .evidence import write_evidence
from .figures import directions
from .site import DOCS, build

match sys.argv[1:]:
    case ["readme"]:
        directions.write_loop(DOCS / "loop.png")
    case ["evidence", answer, command]:
        write_evidence(Path(answer), DOCS / "evidence.md", command=command)
    case []:
        sys.exit(build())
    case other:
        sys.exit(f"docs.builder knows `readme` and `evidence ANSWER COMMAND`, but not {other}.")
