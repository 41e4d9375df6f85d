"""`python -m docs.builder`: build the site and refuse what is broken.

With `readme` it draws the picture of the README instead, which is committed.
"""

import sys

from .figures import directions
from .site import DOCS, build

if sys.argv[1:] == ["readme"]:
    directions.write_loop(DOCS / "loop.png")
else:
    sys.exit(build())
