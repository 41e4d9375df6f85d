"""Processes of the lab: the same Python and the same metastack as the lab itself."""

import os
import sys
from pathlib import Path

_PACKAGES = Path(__file__).parents[2]


def python_module(name: str) -> tuple[str, ...]:
    """How a module of metastack is run."""
    return sys.executable, "-m", f"metastack.web.{name}"


def environment(**more: str) -> dict[str, str]:
    """The lab's own, in which this metastack is found from any folder."""
    path = os.pathsep.join(filter(None, (str(_PACKAGES), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **more}
