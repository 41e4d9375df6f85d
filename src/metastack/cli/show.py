"""`metastack show`: what is in a file."""

from .options import AnyPath, AsJson
from .output import emit


def show(file: AnyPath, json: AsJson = False) -> None:
    """Say what is in a stack, design, recording, response, table of atoms or of codes."""
    from .facts import file_facts

    emit(file_facts(file), as_json=json)
