"""Files that metastack reads and writes: stacks, designs, responses, recordings, codes.

Everything is loaded on first use, so that importing this package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .atomic import replacing
    from .complex_arrays import decode_complex, encode_complex
    from .design_file import read_design, read_provenance, write_design
    from .fpga import export_codes, read_codes
    from .kinds import FileKind, identify
    from .provenance import Provenance
    from .recording import Recording, check_recording
    from .response_file import read_response
    from .snapshot_file import read_recording, write_recording
    from .stack_file import (
        StackDescription,
        parse_stack,
        read_stack,
        stack_text,
        write_stack,
    )

_HOME = {
    "FileKind": "kinds",
    "Provenance": "provenance",
    "Recording": "recording",
    "StackDescription": "stack_file",
    "check_recording": "recording",
    "decode_complex": "complex_arrays",
    "encode_complex": "complex_arrays",
    "export_codes": "fpga",
    "identify": "kinds",
    "parse_stack": "stack_file",
    "read_codes": "fpga",
    "read_design": "design_file",
    "read_provenance": "design_file",
    "read_recording": "snapshot_file",
    "read_response": "response_file",
    "read_stack": "stack_file",
    "replacing": "atomic",
    "stack_text": "stack_file",
    "write_design": "design_file",
    "write_recording": "snapshot_file",
    "write_stack": "stack_file",
}

__all__ = [
    "FileKind",
    "Provenance",
    "Recording",
    "StackDescription",
    "check_recording",
    "decode_complex",
    "encode_complex",
    "export_codes",
    "identify",
    "parse_stack",
    "read_codes",
    "read_design",
    "read_provenance",
    "read_recording",
    "read_response",
    "read_stack",
    "replacing",
    "stack_text",
    "write_design",
    "write_recording",
    "write_stack",
]


def __getattr__(name: str) -> object:
    """Import what is asked for from the file that it lives in."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
