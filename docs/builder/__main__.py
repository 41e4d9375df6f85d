"""`python -m docs.builder`: build the site and refuse what is broken."""

import sys

from .site import build

sys.exit(build())
