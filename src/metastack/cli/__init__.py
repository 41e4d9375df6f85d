"""The command line. Thin: each command reads files, calls the library, says what came out."""

from .main import main

__all__ = ["main"]
