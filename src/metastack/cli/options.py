"""Arguments and options that several commands share."""

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
ReportPath: TypeAlias = Annotated[
    Path | None, typer.Option("--report", help="Also write an HTML report with pictures here.")
]


def command_line() -> str:
    """The command as it was typed, for the provenance of what it writes."""
    return shlex.join(["metastack", *sys.argv[1:]])
