"""Which metastack computes: its version, and a digest of its code, which may have been edited."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from ... import __version__


@lru_cache(maxsize=1)
def code_version() -> str:
    """Such as "0.1.0+3f2a9c1d"; another one after any change to the code."""
    package = Path(__file__).parents[2]
    digest = sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(file.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:8]}"
