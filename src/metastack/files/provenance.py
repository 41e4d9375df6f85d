"""Where a file comes from: which metastack, which command, when, on what."""

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version


@dataclass(frozen=True)
class Provenance:
    """What wrote a file. `created_utc` is in ISO 8601."""

    version: str
    command: str
    created_utc: str
    python: str
    platform: str

    @classmethod
    def current(cls, command: str) -> "Provenance":
        """Provenance of a file that `command` writes now, here."""
        return cls(
            version=version("metastack"),
            command=command,
            created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            python=platform.python_version(),
            platform=platform.platform(),
        )
