"""Compiled programs are kept between commands: compiling takes most of a short command's time.

JAX keeps them, by program and by machine; it reads the settings from the environment, so that this
must run before it is imported. What the user has set there stays.
"""

import os
import warnings
from pathlib import Path

from platformdirs import user_cache_path

_MOST_BYTES = 2**29
_WORTH_KEEPING_S = 0.1


def keep_compiled_programs() -> None:
    """Let JAX keep compiled programs in the user's cache folder, if it can be written to."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ or not _is_ready(_folder()):
        return
    _remove_half_written(_folder())
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(_folder())
    os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(_MOST_BYTES))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", str(_WORTH_KEEPING_S))
    # A program that cannot be read or kept is compiled, as if there were no store.
    warnings.filterwarnings("ignore", message="Error .* persistent compilation cache")


def _folder() -> Path:
    return user_cache_path("metastack") / "compiled"


def _is_ready(folder: Path) -> bool:
    """Whether the folder is there and ours: who can write to it could have us run anything."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK) and not folder.stat().st_mode & 0o022


def _remove_half_written(folder: Path) -> None:
    """JAX stamps every program once it is written; one without would keep it from storing more."""
    for program in folder.glob("*-cache"):
        if not program.with_name(program.name.removesuffix("-cache") + "-atime").exists():
            program.unlink(missing_ok=True)
