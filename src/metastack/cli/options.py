"""Arguments and options that several commands share."""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

StackPath: TypeAlias = Annotated[
    Path, typer.Argument(metavar="STACK", help="Stack file (.toml).", show_default=False)
]
DesignPath: TypeAlias = Annotated[
    Path, typer.Argument(metavar="DESIGN", help="Design file (.nc).", show_default=False)
]
DevicePath: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="DEVICE",
        help="Design file (.nc), or a response matrix alone (.mat, .npz, .npy).",
        show_default=False,
    ),
]
AnyPath: TypeAlias = Annotated[
    Path, typer.Argument(metavar="FILE", help="Any file of metastack.", show_default=False)
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON object; keys carry units.")
]
Seed: TypeAlias = Annotated[
    int, typer.Option("--seed", min=0, help="Seed: the same seed gives the same numbers.")
]
Starts: TypeAlias = Annotated[
    int, typer.Option("--starts", min=1, help="Independent starts; the best is kept.")
]
SnapshotsX: TypeAlias = Annotated[int, typer.Option(min=1, help="Snapshots along x, T_x.")]
SnapshotsY: TypeAlias = Annotated[int, typer.Option(min=1, help="Snapshots along y, T_y.")]
ReportPath: TypeAlias = Annotated[
    Path | None, typer.Option("--report", help="Also write an HTML report with pictures here.")
]


def require_writable(path: Path | None, *suffixes: str) -> None:
    """Refuse an output that could not be written, before any work is done.

    Raises:
        InputError: another suffix, or a folder that is missing or not writable.
    """
    if path is None:
        return
    from ..errors import require

    require(
        path.suffix.lower() in suffixes,
        f"The output must end in {' or '.join(suffixes)}, but is `{path}`.",
    )
    folder = path.parent
    require(folder.is_dir(), f"The output's folder must exist, but `{folder}` does not.")
    require(os.access(folder, os.W_OK), f"The output's folder must be writable: `{folder}` is not.")
    require(not path.is_dir(), f"The output must be a file, but `{path}` is a folder.")


def refuse_overwriting(output: Path, *inputs: Path | None) -> None:
    """Refuse an output that is one of the inputs.

    Raises:
        InputError: it is.
    """
    from ..errors import require

    same = [str(each) for each in inputs if each is not None and each.resolve() == output.resolve()]
    require(
        not same, f"The output must be another file than the input `{output}`: it would be lost."
    )


def require_folder(folder: Path) -> None:
    """Make a folder for outputs, unless it is there.

    Raises:
        InputError: it cannot be made, or is a file.
    """
    from ..errors import InputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"The folder `{folder}` cannot be made: {reason}.") from error


def command_line() -> str:
    """The command as it was typed, for the provenance of what it writes."""
    return shlex.join(["metastack", *sys.argv[1:]])
